"""Amounts of money."""

from __future__ import annotations

import pytest

from tests.text.normaliser.checks import spoken

CASES = (
    ("$5", "five dollars"),
    ("$1", "one dollar"),
    ("$0.99", "ninety-nine cents"),
    ("$.05", "five cents"),
    ("$.00 or .00 €", "zero dollars or zero euros"),
    ("$1.00", "one dollar"),
    ("$1.20", "one dollar and twenty cents"),
    ("$1.01", "one dollar and one cent"),
    ("$1.234", "one point two three four dollars"),
    ("$1,000,000", "one million dollars"),
    ("£1.20", "one pound and twenty pence"),
    ("£0.01", "one penny"),
    ("£1", "one pound"),
    ("€5", "five euros"),
    ("€1,234.56", "one thousand two hundred thirty-four euros and fifty-six cents"),
    ("¥300", "three hundred yen"),
    ("₹500", "five hundred rupees"),
    ("10₽", "ten roubles"),
    ("5¢", "five cents"),
    ("1¢", "one cent"),
    ("50p", "fifty p"),
    ("$3.5M", "three point five million dollars"),
    ("$3.5 million", "three point five million dollars"),
    ("$2.5bn", "two point five billion dollars"),
    ("US$ 5bn", "five billion U.S dollars"),
    ("$100K", "one hundred thousand dollars"),
    ("$1.5T", "one point five trillion dollars"),
    ("£5m", "five million pounds"),
    ("A$20", "twenty Australian dollars"),
    ("R$ 20", "twenty reals"),
    ("5 €", "five euros"),
    ("5€", "five euros"),
    ("100 USD", "one hundred U.S dollars"),
    ("EUR 20", "twenty euros"),
    ("3 GBP", "three pounds"),
    ("-$5", "minus five dollars"),
    ("$-5", "minus five dollars"),
    ("−€3", "minus three euros"),
    ("$5-10", "five to ten dollars"),
    ("$5–$10", "five dollars to ten dollars"),
    ("$5-10 million", "five to ten million dollars"),
    ("10–20 €", "ten to twenty euros"),
    ("a $5 bill", "a five dollar bill"),
    ("a $20 fee", "a twenty dollar fee"),
    ("a $5-a-day plan", "a five dollars-a-day plan"),
    ("$5/month", "five dollars per month"),
    ("$20/hr", "twenty dollars per hour"),
    ("$3.50/lb", "three dollars and fifty cents per pound"),
    ("$20 per hour", "twenty dollars per hour"),
    ("$1 million+", "one million dollars plus"),
    ("$ 5", "five dollars"),
)


@pytest.mark.parametrize(("before", "after"), CASES)
def test_case(before: str, after: str) -> None:
    assert spoken(before) == after
