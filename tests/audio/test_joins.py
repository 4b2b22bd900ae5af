"""Silence at the joins inside a clause: taken out there, and only there, and never with any of the sound."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.audio.joins import KEPT_END_MS, KEPT_START_MS, trim_join

RATE = 24_000
LEAD, SOUND, TAIL = 8_000, 24_000, 11_000


def spoken(peak: int = 8_000) -> NDArray[np.int16]:
    """A second of sound between silences with a little noise in them, as the model makes them."""
    noise = np.random.default_rng(3).normal(0, 0.001 * peak, LEAD + SOUND + TAIL)
    noise[LEAD : LEAD + SOUND] += peak * np.sin(np.arange(SOUND) / 20 + 1)
    return np.rint(noise).astype(np.int16)


@pytest.mark.parametrize(("start", "end"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("peak", [500, 8_000, 32_000])
def test_what_is_left(start: bool, end: bool, peak: int) -> None:
    pcm = spoken(peak)
    lead = round(RATE * KEPT_START_MS / 1000) if start else LEAD
    tail = round(RATE * KEPT_END_MS / 1000) if end else TAIL
    trimmed = trim_join(pcm, RATE, start=start, end=end)

    assert len(trimmed) == pytest.approx(lead + SOUND + tail, abs=3)
    np.testing.assert_array_equal(trimmed, pcm[LEAD - lead : LEAD - lead + len(trimmed)])


def test_less_silence_than_is_kept_stays() -> None:
    pcm = spoken()[LEAD - 100 : LEAD + SOUND + 100]

    np.testing.assert_array_equal(trim_join(pcm, RATE, start=True, end=True), pcm)


@pytest.mark.parametrize("samples", [0, 1, 5_000])
def test_nothing_but_silence_stays(samples: int) -> None:
    assert trim_join(np.zeros(samples, np.int16), RATE, start=True, end=True).size == samples


def test_the_loudest_sample_there_is() -> None:
    pcm = np.zeros(RATE, np.int16)
    pcm[RATE // 2] = -32_768

    assert 0 < trim_join(pcm, RATE, start=True, end=True).size < RATE // 4
