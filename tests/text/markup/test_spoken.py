"""Markup through the real normaliser and the real English G2P."""

from __future__ import annotations

import pytest

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean, on_one_line
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.markup import Lexicon
from gateway.text.normaliser import normalise, say_as
from gateway.text.normalization import DEFAULTS
from gateway.text.spoken import Word
from tests.text.markup.markup import read, speeches

_LEXICON = Lexicon({"kokoro": "/kəˈkɔːroʊ/", "New York": "nˈu jˈɔɹk"})


def _spoken(source: str, english: G2P) -> list[Word]:
    [speech] = speeches(read(source, say_as=say_as))
    text: AlignedText = normalise(_LEXICON.apply(clean(speech.text)), Language.EN_US, DEFAULTS)
    [words] = english([on_one_line(text)])
    return list(words)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("[Kokoro](/kˈOkəɹO/)'s fun", [("Kokoro", "kˈOkəɹO"), ("'s", "z"), ("fun", "fˈʌn")]),
        ("A KOKORO.", [("A", "ɐ"), ("KOKORO", "kəkˈɔːɹO"), (".", ".")]),
        ("in New York", [("in", "ɪn"), ("New York", "nˈu jˈɔɹk")]),
        ("[will](+2) [not](-1)", [("will", "wˈɪl"), ("not", "nɑt")]),
        ("<speak>as<emphasis level='strong'> is</emphasis></speak>", [("as", "æz"), ("is", "ˈɪz")]),
        ("<speak><phoneme ph='ɡoʊ'>go</phoneme> on</speak>", [("go", "ɡO"), ("on", "ˌɔn")]),
        ("<speak><sub alias='for example'>e.g.</sub></speak>", [("e.g.", "fɔɹ"), ("e.g.", "ɪɡzˈæmpəl")]),
        (
            "<speak><say-as interpret-as='cardinal'>12</say-as>&amp;&#49;</speak>",
            [("12", "twˈɛlv"), ("&amp;", "ænd"), ("&#49;", "wˈʌn")],
        ),
    ],
)
def test_words(source: str, expected: list[tuple[str, str]], english: G2P) -> None:
    words = _spoken(source, english)

    assert [(source[word.char_start : word.char_end], word.phonemes) for word in words] == expected
