"""Twice the text takes twice the time, whatever it is made of: ratios within one run, of processor time."""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable

import pytest

from bench.adversarial import ENTRIES, LEXICON, MARKUP, MARKUP_OPTIONS, REPEATED, WORDS, inputs, written
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
_CLEARLY_LINEAR = 2.2
_MAX_ROUNDS = 25
_ALL = NormalizationOptions(unit_normalization=True, read_code=False, name_emoji=True)
_STYLE = Style((("af_heart", 1.0),), Language.EN_US)
_OTHERS = ("ones", "ones, comma", "halves", "date", "time", "unit", "e-mail", "any signs", "numbers of any length")


def _grows_linearly(work: Callable[[str], object], text_of: Callable[[int], str]) -> bool:
    """By the median of rounds: a core that others share changes its pace, but seldom between a text and the next."""
    ratios: list[float] = []
    for _ in range(_MAX_ROUNDS):
        small_s = _seconds(work, text_of(SMALL))
        ratios.append(_seconds(work, text_of(LARGE)) / small_s)
        if statistics.median(ratios) <= (MAX_RATIO if len(ratios) > 2 else _CLEARLY_LINEAR):
            return True
    return False


def _seconds(work: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started


_TEXTS = {SMALL: inputs(SMALL), LARGE: inputs(LARGE)}
_source = random.Random(3)  # noqa: S311 - texts, not secrets


def _text_of(kind: str) -> Callable[[int], str]:
    """Of words that differ a new text each time: else caches would hold the small one and not the large one."""
    write = WORDS.get(kind)
    if write is None:
        return lambda characters: _TEXTS[characters][kind]
    return lambda characters: written(write, _source, characters)


@pytest.mark.parametrize("kind", [*REPEATED, *WORDS])
def test_english(kind: str) -> None:
    def work(text: str) -> AlignedText:
        return normalise(clean(AlignedText.of(text)), Language.EN_US, _ALL)

    assert _grows_linearly(work, _text_of(kind))


@pytest.mark.parametrize("language", [language for language in Language if language not in {"en-us", "en-gb"}])
@pytest.mark.parametrize("kind", _OTHERS)
def test_other_languages(kind: str, language: Language) -> None:
    def work(text: str) -> AlignedText:
        return normalise(clean(AlignedText.of(text)), language, _ALL)

    assert _grows_linearly(work, _text_of(kind))


@pytest.mark.parametrize("kind", MARKUP)
def test_markup(kind: str) -> None:
    assert _grows_linearly(lambda text: read_script(text, _STYLE, MARKUP_OPTIONS), _text_of(f"markup: {kind}"))


@pytest.mark.parametrize("kind", LEXICON)
def test_lexicons(kind: str) -> None:
    assert _grows_linearly(lambda text: ENTRIES.apply(AlignedText.of(text)), _text_of(f"lexicon: {kind}"))


def test_a_quadratic_step_would_be_seen() -> None:
    backtracking = re.compile("a*b")

    assert not _grows_linearly(backtracking.search, lambda characters: "a" * (characters // 4))
