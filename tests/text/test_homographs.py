"""Words that are written alike and said differently: the tagger tells them apart."""

from __future__ import annotations

import pytest

from gateway.text.core import chunk_text
from gateway.text.g2p import G2P

HOMOGRAPHS = [
    ("read", "I read it yesterday.", "ɹˈɛd", "I will read it tomorrow.", "ɹˈid"),
    ("live", "They live in Leeds.", "lˈɪv", "It was broadcast live.", "lˈIv"),
    ("close", "Please close the door.", "klˈOz", "We are very close to the end.", "klˈOs"),
    ("wind", "The wind blew hard.", "wˈɪnd", "Wind the clock every night.", "wˈInd"),
    ("tear", "A tear ran down her face.", "tˈɪɹ", "Do not tear the paper.", "tˈɛɹ"),
    ("present", "They present the prize.", "pɹizˈɛnt", "It was a present from him.", "pɹˈɛzᵊnt"),
    ("desert", "The desert is dry.", "dˈɛzəɹt", "They desert their posts.", "dəzˈɜɹt"),
    ("object", "I object to that.", "əbʤˈɛkt", "The object is round.", "ˈɑbʤəkt"),
    ("record", "We record every call.", "ɹəkˈɔɹd", "She broke the record.", "ɹˈɛkəɹd"),
    ("used", "He used to sing.", "jˈust", "She used a knife.", "jˈuzd"),
    ("dove", "The dove flew off.", "dˈʌv", "He dove down.", "dˈOv"),
    ("produce", "They produce oil.", "pɹədˈus", "We buy fresh produce.", "pɹˈOdˌus"),
    ("excuse", "Please excuse me.", "ɪkskjˈuz", "That is no excuse.", "ɪkskjˈus"),
    ("house", "They house the homeless.", "hˈWz", "The house is old.", "hˈWs"),
    ("use", "Use it now.", "jˈuz", "It is of no use.", "jˈus"),
]


@pytest.mark.parametrize(
    ("word", "text", "phonemes"),
    [(word, *reading) for word, *pair in HOMOGRAPHS for reading in (pair[:2], pair[2:])],
)
def test_a_word_is_said_as_it_is_meant(word: str, text: str, phonemes: str, english: G2P) -> None:
    (chunk,) = chunk_text(text, english)
    (found,) = (span for span in chunk.words if span.text.lower() == word)

    assert chunk.phonemes[found.token_start : found.token_end] == phonemes
