"""Twice the text takes twice the time, whatever it is made of: ratios within one run, of processor time."""

from __future__ import annotations

import random
import re
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
from tests.text.growth import LARGE, SMALL, grows_linearly

_ALL = NormalizationOptions(unit_normalization=True, read_code=False, name_emoji=True)
_STYLE = Style((("af_heart", 1.0),), Language.EN_US)
_OTHERS = (
    "vulgar fraction",
    "ones",
    "ones, comma",
    "halves",
    "date",
    "time",
    "unit",
    "e-mail",
    "any signs",
    "numbers of any length",
)


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

    assert grows_linearly(work, _text_of(kind))


@pytest.mark.parametrize("language", [language for language in Language if language not in {"en-us", "en-gb"}])
@pytest.mark.parametrize("kind", _OTHERS)
def test_other_languages(kind: str, language: Language) -> None:
    def work(text: str) -> AlignedText:
        return normalise(clean(AlignedText.of(text)), language, _ALL)

    assert grows_linearly(work, _text_of(kind))


@pytest.mark.parametrize("kind", MARKUP)
def test_markup(kind: str) -> None:
    assert grows_linearly(lambda text: read_script(text, _STYLE, MARKUP_OPTIONS), _text_of(f"markup: {kind}"))


@pytest.mark.parametrize("kind", LEXICON)
def test_lexicons(kind: str) -> None:
    assert grows_linearly(lambda text: ENTRIES.apply(AlignedText.of(text)), _text_of(f"lexicon: {kind}"))


def test_a_quadratic_step_would_be_seen() -> None:
    backtracking = re.compile("a*b")

    # Once a busy neighbour may have slowed down the small text alone.
    assert not all(grows_linearly(backtracking.search, lambda characters: "a" * (characters // 4)) for _ in range(3))
