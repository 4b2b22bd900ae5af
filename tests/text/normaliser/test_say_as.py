"""What SSML's say-as asks for."""

from __future__ import annotations

import pytest

from gateway.text.languages import Language
from gateway.text.normaliser import INTERPRETATIONS, say_as

CASES = (
    ("cardinal", "", "1,024", "one thousand twenty-four"),
    ("cardinal", "", "-5", "minus five"),
    ("cardinal", "", "3.14", "three point one four"),
    ("number", "", "12345", "twelve thousand three hundred forty-five"),
    ("number", "", "1/2", "one half"),
    ("number", "", "½", "one half"),
    ("ordinal", "", "3", "third"),
    ("ordinal", "", "21st", "twenty-first"),
    ("ordinal", "", "1,000", "one thousandth"),
    ("fraction", "", "3/4", "three quarters"),
    ("fraction", "", "1 1/2", "one and a half"),
    ("fraction", "", "1+1/2", "one and a half"),
    ("fraction", "", "2¾", "two and three quarters"),
    ("digits", "", "2024", "two zero two four"),
    ("digits", "", "1,2", "one two"),
    ("characters", "", "ABC", "A.B.C"),
    ("characters", "", "a1b2", "A. one B two"),
    ("spell-out", "", "U.S.", "U dot S dot"),
    ("verbatim", "", "x@y", "X at Y"),
    ("telephone", "", "(555) 123-4567", "five five five, one two three, four five six seven"),
    ("telephone", "", "+44 20 7946", "plus four four, two zero, seven nine four six"),
    ("telephone", "", "555-1234 x12", "five five five, one two three four, extension one two"),
    ("date", "", "2024-03-15", "March fifteenth, twenty twenty-four"),
    ("date", "", "March 15, 2024", "March fifteenth, twenty twenty-four"),
    ("date", "mdy", "3/4/2024", "March fourth, twenty twenty-four"),
    ("date", "dmy", "3/4/2024", "April third, twenty twenty-four"),
    ("date", "ymd", "20240315", "March fifteenth, twenty twenty-four"),
    ("date", "ymd", "2024.3.15", "March fifteenth, twenty twenty-four"),
    ("date", "dmy", "15 Mar 99", "March fifteenth, nineteen ninety-nine"),
    ("date", "ym", "2024-03", "March twenty twenty-four"),
    ("date", "my", "03/2024", "March twenty twenty-four"),
    ("date", "md", "3/15", "March fifteenth"),
    ("date", "dm", "15.3.", "March fifteenth"),
    ("date", "y", "1905", "nineteen oh five"),
    ("date", "m", "3", "March"),
    ("date", "d", "15", "fifteenth"),
    ("time", "", "14:30", "fourteen thirty"),
    ("time", "hms12", "2:30pm", "two thirty P.M"),
    ("time", "", "1:23:45", "one hour, twenty-three minutes and forty-five seconds"),
    ("time", "", "1'21\"", "one minute twenty-one seconds"),
    ("unit", "", "10 ft", "ten feet"),
    ("unit", "", "5m", "five meters"),
    ("unit", "", "-3.5 °C", "minus three point five degrees Celsius"),
    ("unit", "", "50%", "fifty percent"),
    ("currency", "", "$5.20", "five dollars and twenty cents"),
    ("currency", "", "5 EUR", "five euros"),
    ("currency", "", "-£3", "minus three pounds"),
)


@pytest.mark.parametrize(("interpret_as", "order", "text", "words"), CASES)
def test_said(interpret_as: str, order: str, text: str, words: str) -> None:
    assert say_as(text, interpret_as, Language.EN_US, format=order) == words


def test_every_interpretation_has_a_case() -> None:
    assert {interpret_as for interpret_as, *_ in CASES} == INTERPRETATIONS


def test_british() -> None:
    assert say_as("105", "cardinal", Language.EN_GB) == "one hundred and five"
    assert say_as("3/4/2024", "date", Language.EN_GB) == "the third of April twenty twenty-four"


@pytest.mark.parametrize(
    ("interpret_as", "order", "text", "why"),
    [
        ("cardinal", "", "five", "not a number"),
        ("cardinal", "", "1,2,3", "not a number"),
        ("ordinal", "", "1.5", "not a whole number"),
        ("fraction", "", "0.5", "not a fraction"),
        ("digits", "", "none", "no digits"),
        ("telephone", "", "call me", "no digits"),
        ("date", "", "someday", "not a date"),
        ("date", "", "2024-13-45", "not a date"),
        ("date", "xyz", "1/2/3", "no format of dates"),
        ("date", "mdy", "1/2", "fields"),
        ("date", "mdy", "13/1/2024", "no such day or month"),
        ("date", "y", "MMXX", "must be numbers"),
        ("time", "", "noon", "not a time"),
        ("time", "hms99", "14:30", "no format of times"),
        ("unit", "", "km", "not a number with a unit"),
        ("unit", "", "5 parsnips", "unit is not known"),
        ("currency", "", "5", "not an amount"),
        ("cardinal", "", "  ", "nothing to say"),
        ("song", "", "la", "Unknown interpret-as 'song'"),
    ],
)
def test_refused(interpret_as: str, order: str, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        say_as(text, interpret_as, Language.EN_US, format=order)
