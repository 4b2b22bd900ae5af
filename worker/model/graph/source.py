"""The harmonic source: what the vocal folds would do at the given pitch, without the noise."""

from __future__ import annotations

import numpy as np

from worker.model.config import GeneratorConfig
from worker.model.graph.builder import TO_END, GraphBuilder, Tensor


def harmonic_source(g: GraphBuilder, pitch: Tensor, config: GeneratorConfig) -> Tensor:
    """A weighted sum of nine sines at multiples of the pitch, silent where it is unvoiced.

    pitch: hertz, (1, 1, frames), 80 frames per second. Returns (1, 1, 300 * frames). Source: ``SourceModuleHnNSF`` in
    kokoro 0.9.4, with its noise at zero (see docs/adr/0001).
    """
    with g.scope("decoder.generator.m_source"):
        sines = g.mul(g.op("Sin", _phase(g, pitch, config)), g.floats(config.sine_amplitude))  # (1, 9, samples)
        voiced = g.cast(g.op("Greater", pitch, g.floats(config.voiced_threshold_hz)), "float")
        sines = g.mul(sines, _repeat_frames(g, voiced, config.samples_per_frame))
        weight = g.parameter(
            "decoder.generator.m_source.l_linear.weight.conv",
            g.weight("decoder.generator.m_source.l_linear.weight")[:, :, None],
        )
        merged = g.op("Conv", sines, weight, g.parameter("decoder.generator.m_source.l_linear.bias"), kernel_shape=[1])
        return g.op("Tanh", merged)


def _phase(g: GraphBuilder, pitch: Tensor, config: GeneratorConfig) -> Tensor:
    """Phase of every harmonic in radians, less whole turns: (1, 1, frames) -> (1, 9, 300 * frames).

    Upstream takes each harmonic's turns per sample at the middle of every frame, sums them over frames, and
    interpolates the sums linearly to samples, constant before the first middle and after the last. So within the
    stretch from the middle of frame i to that of frame i + 1, sample j has turned by ``300 * sum(turns[:i + 1]) + (j
    + 1/2) * turns[i + 1]``. Whole turns are taken out of the sum, which is kept in float64, so phase stays exact
    however long the audio; upstream's float32 sums are off by some hundredths of a radian after half a minute.
    """
    size = config.samples_per_frame
    harmonics = g.constant(np.arange(1, config.harmonics + 1, dtype=np.float32).reshape(1, -1, 1))
    cycles = g.div(g.mul(pitch, harmonics), g.floats(float(config.sample_rate)))
    turns = g.sub(cycles, g.op("Floor", cycles))  # per sample: (1, 9, frames)
    sums = g.cumulative_sum(g.mul(g.cast(turns, "double"), g.constant(np.array(float(size)))), axis=2)
    starts = g.cast(g.sub(sums, g.op("Floor", sums)), "float")
    # Stretches 0 to frames: the first runs up to the first middle, the last from the last middle; neither turns.
    starts = g.concat(g.slice(starts, 0, 1, 2), starts, axis=2)
    rates = g.op("Pad", g.slice(turns, 1, TO_END, 2), g.ints(0, 0, 1, 0, 0, 1))
    steps = g.constant((np.arange(size, dtype=np.float32) + np.float32(0.5)).reshape(1, 1, 1, size))
    turned = g.add(g.op("Unsqueeze", starts, g.ints(3)), g.mul(g.op("Unsqueeze", rates, g.ints(3)), steps))
    samples = g.slice(g.reshape(turned, 1, config.harmonics, -1), size // 2, -(size // 2), 2)
    return g.mul(samples, g.floats(2 * np.pi))


def _repeat_frames(g: GraphBuilder, frames: Tensor, times: int) -> Tensor:
    """Each frame's value for all its samples: (1, 1, frames) -> (1, 1, times * frames)."""
    ones = g.constant(np.ones((1, 1, 1, times), np.float32))
    return g.reshape(g.mul(g.op("Unsqueeze", frames, g.ints(3)), ones), 1, 1, -1)
