"""The committed phonemes are what the text frontend makes of the committed texts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.corpus import LANGUAGE_BY_LETTER, SENTENCES, SHORT_TEXTS, corpus
from gateway.text.core import chunk_text
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from shared.vocabulary import token_ids


@pytest.fixture(scope="module")
def g2ps() -> Mapping[Language, G2P]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # misaki opens its lexicons in a way that Python 3.11 calls deprecated
        from gateway.text.english import load_english

        return load_english()


@pytest.mark.parametrize("path", [SENTENCES, SHORT_TEXTS], ids=lambda path: path.stem)
@pytest.mark.parametrize("language", LANGUAGE_BY_LETTER.values())
def test_the_phonemes_are_the_frontends(g2ps: Mapping[Language, G2P], path: Path, language: str) -> None:
    for line in corpus(path):
        (chunk,) = chunk_text(line.text, g2ps[Language(language)])
        assert chunk.phonemes == line.phonemes[language], line.text


def test_each_corpus_is_as_large_and_as_long_as_it_claims() -> None:
    sentences, short_texts = corpus(SENTENCES), corpus(SHORT_TEXTS)
    assert len({line.text for line in sentences}) == len(sentences) >= 60
    assert len({line.text for line in short_texts}) == len(short_texts) >= 40
    assert {len(line.text.split()) for line in short_texts} == set(range(1, 9))


def test_no_sentence_has_digits_which_a_listener_might_write_otherwise() -> None:
    assert not any(char.isdigit() for path in (SENTENCES, SHORT_TEXTS) for line in corpus(path) for char in line.text)


def test_a_voice_gets_the_phonemes_of_its_own_language() -> None:
    (line,) = [line for line in corpus(SHORT_TEXTS) if line.text == "Perhaps."]
    assert line.token_ids("bf_emma") == token_ids(line.phonemes["en-gb"])
    assert line.token_ids("bf_emma") != line.token_ids("af_heart")
