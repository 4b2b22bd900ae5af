"""Telephone numbers."""

from __future__ import annotations

import pytest

from tests.text.normaliser.checks import spoken

CASES = (
    ("Call 555-1234.", "Call five five five, one two three four."),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("555-123-4567", "five five five, one two three, four five six seven"),
    ("555.123.4567", "five five five, one two three, four five six seven"),
    ("1-800-555-0199", "one, eight zero zero, five five five, zero one nine nine"),
    ("+1 (555) 123-4567", "plus one, five five five, one two three, four five six seven"),
    ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
    ("+442079460958", "plus four four two zero seven nine four six zero nine five eight"),
    ("020 7946 0958", "zero two zero, seven nine four six, zero nine five eight"),
    ("555-123-4567 ext. 12", "five five five, one two three, four five six seven, extension one two"),
    ("555-123-4567 x12", "five five five, one two three, four five six seven, extension one two"),
    ("call 911 now", "call nine one one now"),
    ("dial 112.", "dial one one two."),
    ("call 300 people", "call three hundred people"),
)


@pytest.mark.parametrize(("before", "after"), CASES)
def test_case(before: str, after: str) -> None:
    assert spoken(before) == after
