"""Roman numerals, and letters that are none."""

from __future__ import annotations

import pytest

from tests.text.normaliser.checks import spoken

CASES = (
    ("Henry VIII", "Henry the eighth"),
    ("Louis XIV's", "Louis the fourteenth's"),
    ("Elizabeth II", "Elizabeth the second"),
    ("King Charles III", "King Charles the third"),
    ("Charles I of England", "Charles the first of England"),
    ("King George I", "King George the first"),
    ("Queen Elizabeth I", "Queen Elizabeth the first"),
    ("Pope John Paul II", "Pope John Paul the second"),
    ("George V. Smith", "George V. Smith"),
    ("Chapter IV", "Chapter four"),
    ("World War II", "World War two"),
    ("World War I", "World War one"),
    ("Part I", "Part one"),
    ("Parts I and II", "Parts one and two"),
    ("Act III", "Act three"),
    ("chapter ii", "chapter ii"),
    ("Vol. I", "volume one"),
    ("the XIX century", "the nineteenth century"),
    ("XXI centuries", "twenty-first centuries"),
    ("XIXth", "nineteenth"),
    ("Rocky IV", "Rocky four"),
    ("Final Fantasy VII", "Final Fantasy seven"),
    ("Malcolm X", "Malcolm X"),
    ("vitamin C", "vitamin C"),
    ("plan B", "plan B"),
    ("I am here. So am I.", "I am here. So am I."),
    ("Charles I think", "Charles I think"),
    ("XXX", "XXX"),
    ("MIX", "MIX"),
    ("CD and DVD", "CD and DVD"),
    ("an IV drip", "an IV drip"),
    ("The IV drip", "The IV drip"),
    ("I, Robot", "I, Robot"),
    ("I. Intro", "I. Intro"),
    ("Type II", "Type two"),
    ("Louis IX", "Louis the ninth"),
)


@pytest.mark.parametrize(("before", "after"), CASES)
def test_case(before: str, after: str) -> None:
    assert spoken(before) == after
