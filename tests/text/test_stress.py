"""A sentence without a stressed word gets one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.text.core import chunk_text
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.spoken import Break, Word
from gateway.text.stress import with_primary_stress


def sentence(*phonemes: str) -> tuple[Word, ...]:
    return tuple(Word(part, 0, 1, space_after=False, break_after=Break.NONE, text="") for part in phonemes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["wˌI", "?"], ["wˈI", "?"]),
        (["bˌʌt", "wˌI", "?"], ["bˌʌt", "wˈI", "?"]),
        (["fˌɔɹ", "ju", "."], ["fˈɔɹ", "ju", "."]),
        (["ˌʌndəstˌænd"], ["ˌʌndəstˈænd"]),
        (["hˌi", "dˈɪd", "."], ["hˌi", "dˈɪd", "."]),
        (["ðə", "."], ["ðə", "."]),
        ([], []),
    ],
)
def test_the_last_secondary_stress_is_promoted_where_there_is_no_primary_one(
    before: list[str], after: list[str]
) -> None:
    assert with_primary_stress(sentence(*before)) == sentence(*after)


@pytest.mark.parametrize("text", ["Why?", "What?", "How?", "Down.", "For you.", "Is it?"])
def test_no_short_text_is_without_stress(g2ps: Mapping[Language, G2P], text: str) -> None:
    for language in (Language.EN_US, Language.EN_GB):
        (chunk,) = chunk_text(text, g2ps[language])
        assert chunk.phonemes.count("ˈ") == 1


def test_each_sentence_has_its_own(english: G2P) -> None:
    (chunk,) = chunk_text("But why? You knew it.", english)
    assert chunk.phonemes == "bˌʌt wˈI? jˌu nˈu ɪt."
