"""Times of day, durations, ratios, feet and inches."""

from __future__ import annotations

import pytest

from tests.text.normaliser.checks import spoken

CASES = (
    ("3:05 pm", "three oh five P.M"),
    ("3:05 p.m. Then we left.", "three oh five P.M. Then we left."),
    ("at 3 pm.", "at three P.M."),
    ("3PM", "three P.M"),
    ("11am", "eleven A.M"),
    ("12 a.m.", "twelve A.M."),
    ("7 o'clock", "seven o'clock"),
    ("7:00", "seven o'clock"),
    ("12:00", "twelve o'clock"),
    ("00:00", "midnight"),
    ("15:00", "fifteen hundred"),
    ("14:30", "fourteen thirty"),
    ("09:05", "nine oh five"),
    ("14:30:15", "fourteen thirty and fifteen seconds"),
    ("23:59:59.123", "twenty-three fifty-nine and fifty-nine seconds"),
    ("1.30pm", "one thirty P.M"),
    ("10am-5pm", "ten A.M to five P.M"),
    ("9:00-17:00", "nine o'clock to seventeen hundred"),
    ("10:30 a.m.", "ten thirty A.M."),
    ("John 3:16", "John three sixteen"),
    ("16:9", "sixteen to nine"),
    ("2:1", "two to one"),
    ("5:99", "five to ninety-nine"),
    ("1:23:45", "one hour, twenty-three minutes and forty-five seconds"),
    ("90:00", "ninety minutes"),
    ("100:05", "one hundred minutes and five seconds"),
    ("5h 30m", "five hours thirty minutes"),
    ("5h30", "five hours thirty minutes"),
    ("2h", "two hours"),
    ("1.5h", "one point five hours"),
    ("1h", "one hour"),
    ("2d 5h", "two days five hours"),
    ("5m 30s", "five minutes thirty seconds"),
    ("3min 20sec", "three minutes twenty seconds"),
    ("2'30''", "two minutes thirty seconds"),
    ("5'10\"", "five feet ten inches"),
    ("6′2″", "six feet two inches"),
    ("5'10", "five feet ten inches"),
    ("45 min", "forty-five minutes"),
    ("1 hr", "one hour"),
    ("30 secs", "thirty seconds"),
    ("3 mins", "three minutes"),
    ("12:60", "twelve to sixty"),
)


@pytest.mark.parametrize(("before", "after"), CASES)
def test_case(before: str, after: str) -> None:
    assert spoken(before) == after
