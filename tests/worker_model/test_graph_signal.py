"""Alignment, harmonic source and Fourier transforms of the graph against plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.worker_model.tiny import run_graph
from worker.model.config import GeneratorConfig
from worker.model.graph.prosody import durations, frame_tokens
from worker.model.graph.source import harmonic_source
from worker.model.graph.spectral import arctangent, hann, inverse_spectrum, spectrum

Floats = NDArray[np.floating[Any]]

N_FFT, HOP = 20, 5
RNG = np.random.default_rng(11)


@pytest.mark.parametrize("units", [[1], [3, 1, 2], [1, 1, 1, 1], [50, 1, 7, 2]])
def test_frames_belong_to_tokens_as_repeat_says(units: list[int]) -> None:
    (index,) = run_graph({}, frame_tokens, units=np.array(units))
    np.testing.assert_array_equal(index, np.repeat(np.arange(len(units)), units))


def test_durations_are_rounded_half_to_even_and_never_zero() -> None:
    """An LSTM of zero weights and chosen biases makes every token's expected duration a known number."""
    hidden, max_dur = 1, 5
    weights = {
        f"predictor.lstm.{kind}_l0{end}": np.zeros(shape, np.float32)
        for end in ("", "_reverse")
        for kind, shape in (("weight_ih", (4, 2)), ("weight_hh", (4, hidden)), ("bias_ih", (4,)), ("bias_hh", (4,)))
    }
    weights["predictor.duration_proj.linear_layer.weight"] = np.zeros((max_dur, 2 * hidden), np.float32)
    weights["predictor.duration_proj.linear_layer.bias"] = np.zeros(max_dur, np.float32)  # sigmoid 0.5, sum 2.5
    rows = np.zeros((1, 3, 2), np.float32)
    for speed, expected in ((1.0, 2), (0.5, 5), (5 / 3, 2), (4.0, 1), (10.0, 1)):
        (units,) = run_graph(weights, durations, rows=rows, speed=np.array([speed], np.float32))
        np.testing.assert_array_equal(units, [expected] * 3)
        assert units.dtype == np.int64


def upstream_source(pitch: Floats, weight: NDArray[np.float32], bias: float) -> Floats:
    """kokoro 0.9.4's SourceModuleHnNSF without its noise, step by step as it is written there, in float64."""

    def interpolated(x: Floats, positions: Floats) -> Floats:
        """torch.nn.functional.interpolate, linear, align_corners=False."""
        clamped = np.clip(positions, 0, x.shape[1] - 1)
        return np.stack([np.interp(clamped, np.arange(x.shape[1]), row) for row in x])

    samples = np.repeat(pitch, 300)
    turns = (samples[None] * np.arange(1, 10)[:, None] / 24_000) % 1
    frames = interpolated(turns, (np.arange(len(pitch)) + 0.5) * 300 - 0.5)
    phase = np.cumsum(frames, axis=1) * 2 * np.pi
    phase = interpolated(phase * 300, (np.arange(len(samples)) + 0.5) / 300 - 0.5)
    sines = np.sin(phase) * 0.1 * (samples > 10)
    merged: Floats = np.tanh(weight[0].astype(np.float64) @ sines + bias)
    return merged


@pytest.mark.parametrize("frames", [2, 30, 4000])
def test_the_harmonic_source_follows_upstream_however_long(frames: int) -> None:
    pitch = np.abs(RNG.normal(180, 60, frames)).astype(np.float32)
    pitch[frames // 3 : frames // 2] = 0
    weights = {
        "decoder.generator.m_source.l_linear.weight": RNG.standard_normal((1, 9)).astype(np.float32),
        "decoder.generator.m_source.l_linear.bias": np.array([0.1], np.float32),
    }
    (made,) = run_graph(
        weights, lambda g, pitch: harmonic_source(g, pitch, GeneratorConfig()), pitch=pitch.reshape(1, 1, -1)
    )
    expected = upstream_source(pitch.astype(np.float64), weights["decoder.generator.m_source.l_linear.weight"], 0.1)
    assert made.shape == (1, 1, 300 * frames)
    np.testing.assert_allclose(made[0, 0], expected, atol=2e-3)


def test_the_spectrum_is_the_fourier_transform_of_reflected_hann_windows() -> None:
    audio = RNG.standard_normal(300).astype(np.float32)
    (made,) = run_graph({}, lambda g, audio: spectrum(g, audio, N_FFT, HOP), audio=audio.reshape(1, 1, -1))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(audio, N_FFT // 2, mode="reflect"), N_FFT)[::HOP]
    expected = np.fft.rfft(windows * hann(N_FFT)).T
    magnitude, phase = made[0, :11], made[0, 11:]
    assert made.shape == (1, 22, 61)
    np.testing.assert_allclose(magnitude, np.abs(expected), atol=1e-5)
    np.testing.assert_allclose(magnitude * np.exp(1j * phase), expected, atol=1e-5)


def test_the_inverse_restores_what_was_transformed_to_its_edges() -> None:
    audio = RNG.standard_normal(300).astype(np.float32)
    (made,) = run_graph(
        {},
        lambda g, parts: inverse_spectrum(g, g.slice(parts, 0, 11, 1), g.slice(parts, 11, 22, 1), N_FFT, HOP),
        parts=run_graph({}, lambda g, audio: spectrum(g, audio, N_FFT, HOP), audio=audio.reshape(1, 1, -1))[0],
    )
    assert made.shape == (1, 1, 300)
    np.testing.assert_allclose(made[0, 0], audio, atol=1e-5)


def test_the_inverse_is_torchs_for_spectra_that_no_audio_has() -> None:
    """A network's spectrum is not any signal's: plain overlap-add, with the sum of squared windows divided out."""
    frames = 13
    magnitude = RNG.random((1, 11, frames)).astype(np.float32)
    phase = RNG.uniform(-np.pi, np.pi, (1, 11, frames)).astype(np.float32)
    (made,) = run_graph({}, lambda g, m, p: inverse_spectrum(g, m, p, N_FFT, HOP), m=magnitude, p=phase)
    window, length = hann(N_FFT), (frames - 1) * HOP + N_FFT
    summed, envelope = np.zeros(length), np.zeros(length)
    for frame in range(frames):
        span = slice(frame * HOP, frame * HOP + N_FFT)
        summed[span] += window * np.fft.irfft(magnitude[0, :, frame] * np.exp(1j * phase[0, :, frame]), N_FFT)
        envelope[span] += window**2
    expected = (summed / np.maximum(envelope, 1e-11))[N_FFT // 2 : -(N_FFT // 2)]
    np.testing.assert_allclose(made[0, 0], expected, atol=1e-5)


def test_arctangent_in_every_quadrant_and_on_the_axes() -> None:
    values = np.array([-2.0, -1e-30, 0.0, 1e-30, 0.5], np.float32)
    y, x = (grid.ravel() for grid in np.meshgrid(values, values))
    (made,) = run_graph({}, arctangent, y=y, x=x)
    np.testing.assert_allclose(made, np.arctan2(y, x), atol=1e-6)
