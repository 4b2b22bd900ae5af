"""Twice the text takes twice the time, whatever it is made of: ratios within one run, of processor time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from bench.adversarial import ENTRIES, LEXICON, MARKUP, MARKUP_OPTIONS, REPEATED, WORDS, inputs
from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean
from gateway.text.languages import Language
from gateway.text.markup import read_script
from gateway.text.normaliser import normalise
from gateway.text.normalization import NormalizationOptions
from gateway.text.segments import Style

SMALL, LARGE = 8_000, 16_000
"""A step of 1 ns for each pair of characters would be most of the time in this, and the ratio near four."""

MAX_RATIO = 2.6
_MAX_ROUNDS = 12
_ALL = NormalizationOptions(unit_normalization=True, read_code=False, name_emoji=True)
_STYLE = Style((("af_heart", 1.0),), Language.EN_US)
_OTHERS = ("ones", "ones, comma", "halves", "date", "time", "unit", "e-mail", "any signs", "numbers of any length")


def _grows_linearly(work: Callable[[str], object], small: str, large: str) -> bool:
    """Of each the best of as many rounds as it takes: what a neighbour on the core adds is added by chance."""
    small_s = large_s = float("inf")
    for _ in range(_MAX_ROUNDS):
        small_s, large_s = min(small_s, _seconds(work, small)), min(large_s, _seconds(work, large))
        if large_s <= MAX_RATIO * small_s:
            return True
    return False


def _seconds(work: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started


_SMALL, _LARGE = inputs(SMALL), inputs(LARGE)


@pytest.mark.parametrize("kind", [*REPEATED, *(f"different {name}" for name in WORDS)])
def test_english(kind: str) -> None:
    def work(text: str) -> AlignedText:
        return normalise(clean(AlignedText.of(text)), Language.EN_US, _ALL)

    assert _grows_linearly(work, _SMALL[kind], _LARGE[kind])


@pytest.mark.parametrize("language", [language for language in Language if language not in {"en-us", "en-gb"}])
@pytest.mark.parametrize("kind", _OTHERS)
def test_other_languages(kind: str, language: Language) -> None:
    def work(text: str) -> AlignedText:
        return normalise(clean(AlignedText.of(text)), language, _ALL)

    name = kind if kind in REPEATED else f"different {kind}"
    assert _grows_linearly(work, _SMALL[name], _LARGE[name])


@pytest.mark.parametrize("kind", MARKUP)
def test_markup(kind: str) -> None:
    name = f"markup: {kind}"
    assert _grows_linearly(lambda text: read_script(text, _STYLE, MARKUP_OPTIONS), _SMALL[name], _LARGE[name])


@pytest.mark.parametrize("kind", LEXICON)
def test_lexicons(kind: str) -> None:
    name = f"lexicon: {kind}"
    assert _grows_linearly(lambda text: ENTRIES.apply(AlignedText.of(text)), _SMALL[name], _LARGE[name])


def test_a_quadratic_step_would_be_seen() -> None:
    backtracking = re.compile("a*b")

    assert not _grows_linearly(backtracking.search, "a" * 2_000, "a" * 4_000)
