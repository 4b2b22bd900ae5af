"""Seven languages through the real model: nothing is cut short, and there are samples to listen to.

What the sounds should be is in ``tests/text/languages``, which needs no model. Samples lie in build/listen afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.listen import VOICES, Reader, write_wav
from gateway.text.chunker import Chunk
from gateway.text.core import chunk_text
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from shared.vocabulary import SILENT
from tests.text.conftest import g2ps as g2ps  # noqa: PLC0414 - a fixture
from tests.text.languages.conftest import g2p_of as g2p_of  # noqa: PLC0414 - a fixture
from tests.text.languages.sentences import SENTENCES
from tests.text.languages.test_g2ps import NO_STOPS
from worker.engine.base import SAMPLE_RATE, Speech

pytestmark = pytest.mark.model

FOLDER = Path("build/listen")
SOUND_S = (0.035, 0.2)
"""Seconds of audio to a sound, over a sentence: half the fastest and twice the slowest that these voices speak."""

QUIET = 0.1
"""What ends has fallen below a tenth of the loudness of the whole."""


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def num_sounds(chunk: Chunk) -> int:
    return sum(symbol not in SILENT for symbol in chunk.phonemes)


def loudness(pcm: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(np.square(pcm.astype(np.float64)))))


def check(chunk: Chunk, speech: Speech, speed: float = 1.0) -> None:
    seconds_per_sound = speed * len(speech.pcm) / SAMPLE_RATE / num_sounds(chunk)
    assert SOUND_S[0] < seconds_per_sound < SOUND_S[1], (chunk.phonemes, seconds_per_sound)
    assert loudness(speech.pcm[-SAMPLE_RATE // 50 :]) < QUIET * loudness(speech.pcm), chunk.phonemes


@pytest.mark.parametrize("language", SENTENCES)
def test_sentences(language: Language, reader: Reader, g2p_of: Callable[[Language], G2P]) -> None:
    rates = []
    for number, sentence in enumerate(SENTENCES[language], 1):
        chunks = list(chunk_text(sentence, g2p_of(language), language=language))
        spoken = [reader.speech(chunk, VOICES[language]) for chunk in chunks]
        for chunk, speech in zip(chunks, spoken, strict=True):
            check(chunk, speech)
        write_wav(FOLDER / language.value / f"{number:02}.wav", [speech.pcm for speech in spoken])
        seconds = sum(len(speech.pcm) for speech in spoken) / SAMPLE_RATE
        rates.append(seconds / sum(map(num_sounds, chunks)))
    print(f"{language.value}: {min(rates):.3f} to {max(rates):.3f} s of audio to a sound")


@pytest.mark.parametrize(("language", "speed"), [(Language.ES, 1.5), (Language.ZH, 2.0)])
def test_1200_characters_without_punctuation(
    language: Language, speed: float, reader: Reader, g2p_of: Callable[[Language], G2P]
) -> None:
    """Every character is in a chunk's word, and the audio of each third chunk has the length that its sounds take."""
    text = (NO_STOPS[language] * 100)[:1_200].strip()
    chunks = list(chunk_text(text, g2p_of(language), language=language))
    covered = {place for chunk in chunks for word in chunk.words for place in range(word.char_start, word.char_end)}

    assert all(place in covered for place, char in enumerate(text) if not char.isspace())
    for chunk in (*chunks[::3], chunks[-1]):
        check(chunk, reader.speech(chunk, VOICES[language], speed), speed)
