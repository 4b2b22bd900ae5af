"""Numbers that are put together of groups are what the libraries say of the whole."""

from __future__ import annotations

import random
from collections.abc import Callable

import cn2an
import pytest
from num2words import num2words

from gateway.text.languages import Language
from gateway.text.normaliser import chinese
from gateway.text.normaliser.english.numbers import Numbers
from gateway.text.normaliser.french import GRAMMAR as FRENCH
from gateway.text.normaliser.groups import by_groups
from gateway.text.normaliser.italian import GRAMMAR as ITALIAN
from gateway.text.normaliser.portuguese import GRAMMAR as PORTUGUESE
from gateway.text.normaliser.spanish import GRAMMAR as SPANISH

_source = random.Random(5)  # noqa: S311 - numbers, not secrets
_GROUPS = (0, 1, 2, 3, 8, 10, 12, 21, 23, 80, 81, 99, 100, 101, 108, 123, 180, 200, 500, 580, 999)
NUMBERS = sorted(
    {
        upper * 1000**power + lower
        for upper in _GROUPS
        for lower in (*_GROUPS, 1000, 1001, 21_000)
        for power in (1, 2, 3)
    }
    | {_source.randrange(10 ** _source.randint(1, 15)) for _ in range(200)}
)


def _american(number: int, kind: str = "cardinal") -> str:
    return _british(number, kind).replace(" and ", " ")


def _british(number: int, kind: str = "cardinal") -> str:
    return str(num2words(number, lang="en", to=kind)).replace(",", "")


def _as_written(language: Language) -> Callable[[int], str]:
    numbers = Numbers(language)
    return lambda number: numbers.cardinal(f"{number:,}")  # with separators, however long, as one number


def _italian(number: int) -> str:
    said = str(num2words(number, lang="it"))
    return f"{said[:-1]}é" if said.endswith("tre") and number > 3 else said


@pytest.mark.parametrize(
    ("said", "by_library"),
    [
        pytest.param(_as_written(Language.EN_US), _american, id="en-us"),
        pytest.param(_as_written(Language.EN_GB), _british, id="en-gb"),
        pytest.param(SPANISH.cardinal, lambda number: num2words(number, lang="es"), id="es"),
        pytest.param(FRENCH.cardinal, lambda number: num2words(number, lang="fr"), id="fr"),
        pytest.param(ITALIAN.cardinal, _italian, id="it"),
        pytest.param(PORTUGUESE.cardinal, lambda number: num2words(number, lang="pt_BR").replace(",", ""), id="pt-br"),
        pytest.param(lambda number: chinese.number(str(number)), lambda number: cn2an.an2cn(str(number)), id="zh"),
    ],
)
def test_cardinals(said: Callable[[int], str], by_library: Callable[[int], str]) -> None:
    for number in NUMBERS:
        assert said(number) == by_library(number), number


@pytest.mark.parametrize(("language", "by_library"), [(Language.EN_US, _american), (Language.EN_GB, _british)])
def test_ordinals(language: Language, by_library: Callable[[int, str], str]) -> None:
    said = Numbers(language).ordinal
    for number in NUMBERS:
        if number < 10**15:
            assert said(str(number)) == by_library(number, "ordinal"), number


def test_each_group_is_asked_for_once() -> None:
    asked: list[int] = []

    def say(number: int) -> str:
        asked.append(number)
        return str(number)

    said = by_groups(say, lambda upper, lower, value: f"{upper}+{lower}({value})", limit=10**6)

    assert said(12_034) == "12000+34(34)"
    assert said(12_000) == "12000"
    assert said(34_012) == "34000+12(12)"
    assert said(1_000_001) == "1000001"
    assert sorted(asked) == [12, 34, 12_000, 34_000, 1_000_001]
