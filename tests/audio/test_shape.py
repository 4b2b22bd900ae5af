"""Joins do not click; lengths do not change."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.audio.shape import Pcm, fade_edges, scale_volume, silence
from tests.audio.listening import SAMPLE_RATE


def tone(num_samples: int, phase: float) -> Pcm:
    turns = 200 / SAMPLE_RATE * np.arange(num_samples)
    return np.asarray(10_000 * np.sin(2 * np.pi * turns + phase), np.int16)


def click_energy(joined: Pcm, at: int) -> float:
    """Energy above 4 kHz in the 10 ms around ``at``: a 200 Hz tone has none, a step has plenty."""
    window = joined[at - 120 : at + 120] * np.hanning(240)
    spectrum = np.abs(np.fft.rfft(window)) ** 2
    return float(spectrum[np.fft.rfftfreq(240, 1 / SAMPLE_RATE) > 4_000].sum())


@pytest.mark.parametrize("phase", [0.5, 1.6, 3.0, 4.7])
def test_a_join_of_faded_chunks_does_not_click(phase: float) -> None:
    chunks = [tone(4_800, phase), tone(4_800, phase + 2)]
    plain, faded = np.concatenate(chunks), np.concatenate([fade_edges(one, SAMPLE_RATE) for one in chunks])
    assert click_energy(faded, 4_800) < click_energy(plain, 4_800) / 1_000


def test_fading_touches_only_the_edges_and_not_the_input() -> None:
    pcm = tone(4_800, 1.0)
    before = pcm.copy()
    faded = fade_edges(pcm, SAMPLE_RATE, fade_ms=5)
    assert len(faded) == len(pcm)
    assert np.array_equal(faded[120:-120], pcm[120:-120])
    assert faded[0] == faded[-1] == 0
    assert np.array_equal(pcm, before)


@pytest.mark.parametrize("num_samples", [0, 1, 2, 3, 119, 239, 240, 241])
def test_a_chunk_shorter_than_its_fades_keeps_its_length(num_samples: int) -> None:
    pcm = np.full(num_samples, 32_767, np.int16)
    assert len(fade_edges(pcm, SAMPLE_RATE)) == num_samples


def test_volume_is_clipped_rather_than_wrapped() -> None:
    pcm = np.array([-32_768, -20_000, -1, 0, 1, 3, 20_000, 32_767], np.int16)
    assert scale_volume(pcm, 2).tolist() == [-32_768, -32_768, -2, 0, 2, 6, 32_767, 32_767]
    assert scale_volume(pcm, 0.5).tolist() == [-16_384, -10_000, 0, 0, 0, 2, 10_000, 16_384]
    assert scale_volume(pcm, 0).tolist() == [0] * 8


def test_silence_is_as_long_as_asked() -> None:
    assert silence(0.25, SAMPLE_RATE).tolist() == [0] * 6_000
