"""What the samples of a short clip tell: silence at its ends and after its last sound."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.ears import for_ears, word_errors, words
from bench.short_texts import hear, sound_of, sounds_alike
from worker.engine.base import SAMPLES_PER_DURATION_UNIT, Speech

DURATIONS = (4, 3, 5, 8, 3)
"""Boundary, two sounds, a stop, boundary."""


def speech(*levels: int) -> Speech:
    """One constant level a token."""
    units = np.repeat(np.array(levels, np.int16), DURATIONS)
    return Speech(np.repeat(units, SAMPLES_PER_DURATION_UNIT), np.array(DURATIONS, np.int32))


class Listening:
    """Hears one thing, and how long it took."""

    def __init__(self, heard: str) -> None:
        self.heard = heard
        self.lengths: list[int] = []

    def hear(self, samples: NDArray[np.float32]) -> str:
        self.lengths.append(len(samples))
        return self.heard


def test_a_clip_with_silence_around_its_sounds_is_clean() -> None:
    assert sound_of(speech(0, 9000, 9000, 20, 0)).is_clean


@pytest.mark.parametrize(
    "levels",
    [(9000, 9000, 9000, 0, 0), (0, 9000, 9000, 0, 9000), (0, 9000, 9000, 1000, 0), (0, 32767, 9000, 0, 0)],
    ids=["starts in sound", "ends in sound", "babbles", "clips"],
)
def test_a_clip_that_is_cut_babbles_or_clips_is_not(levels: tuple[int, ...]) -> None:
    assert not sound_of(speech(*levels)).is_clean


def test_the_second_listener_is_asked_only_about_what_the_first_mishears() -> None:
    samples = np.zeros(100, np.float32)
    for first, second, heard, asked in (("Stop!", "no", "Stop!", 0), ("Top.", "Stop.", "Stop.", 1), ("a", "b", "b", 1)):
        larger = Listening(second)
        assert hear("Stop!", samples, [Listening(first), larger]) == heard
        assert larger.lengths == [16_100] * asked


def test_ears_hear_at_their_own_rate() -> None:
    assert for_ears(np.zeros(24_000, np.int16)).shape == (16_000,)


def test_words_are_spelt_alike_and_counted() -> None:
    assert words("It's 2 o'clock, OK?") == words("it’s two o'clock okay")
    assert word_errors(words("turn left"), words("turn left it")) == 1
    assert word_errors(words("turn left"), []) == 2


def test_where_a_word_ends_is_spelling_and_anything_else_is_an_error() -> None:
    assert sounds_alike("Never mind.", "Nevermind")
    assert not sounds_alike("Never mind.", "Never mind it.")
