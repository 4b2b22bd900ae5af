"""Where British English is read otherwise."""

from __future__ import annotations

import pytest

from gateway.text.languages import Language
from tests.text.normaliser.checks import spoken

CASES = (
    ("105 books", "one hundred and five books"),
    ("1,024 pages", "one thousand and twenty-four pages"),
    ("1,234,567", "one million two hundred and thirty-four thousand five hundred and sixty-seven"),
    ("the 101st", "the one hundred and first"),
    ("the year 2005", "the year two thousand and five"),
    ("in 1905", "in nineteen oh five"),
    ("3/4/2024", "the third of April twenty twenty-four"),
    ("3/15/2024", "the fifteenth of March twenty twenty-four"),
    ("2024-03-15", "the fifteenth of March twenty twenty-four"),
    ("15.03.2024", "the fifteenth of March twenty twenty-four"),
    ("on 3/4", "on the third of April"),
    ("15 March 2024", "the fifteenth of March twenty twenty-four"),
    ("March 15, 2024", "March the fifteenth, twenty twenty-four"),
    ("£1.20", "one pound and twenty pence"),
    ("50p", "fifty pence"),
    ("1p", "one penny"),
    ("5 km", "five kilometres"),
    ("2 mL", "two millilitres"),
    ("5 m²", "five square metres"),
    ("40–60 °C", "forty to sixty degrees Celsius"),
)


@pytest.mark.parametrize(("before", "after"), CASES)
def test_case(before: str, after: str) -> None:
    assert spoken(before, Language.EN_GB) == after
