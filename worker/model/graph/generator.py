"""The vocoder, iSTFTNet: features and harmonic source to audio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worker.model.config import GeneratorConfig
from worker.model.graph.builder import GraphBuilder, Tensor
from worker.model.graph.layers import conv, leaky_relu
from worker.model.graph.residual import ResidualBlocks, left_out_bias
from worker.model.graph.source import harmonic_source
from worker.model.graph.spectral import inverse_spectrum, spectrum


def generator(g: GraphBuilder, features: Tensor, pitch: Tensor, style: Tensor, config: GeneratorConfig) -> Tensor:
    """``Generator`` of kokoro 0.9.4 ``istftnet.py``; Kaneko et al. 2022, "iSTFTNet".

    features: (1, 512, frames); pitch: (1, 1, frames); style: (128,). Returns audio (1, 1, 300 * frames).
    """
    with g.scope("decoder.generator"):
        source = spectrum(g, harmonic_source(g, pitch, config), config.n_fft, config.hop)  # (1, 22, 60 * frames + 1)
        rows = to_rows(g, features)
        for stage in range(len(config.upsample_rates)):
            rows = _stage(g, rows, source, style, stage=stage, config=config)
        h = to_channels(g, leaky_relu(g, rows, 0.01))
        h = conv(g, h, "decoder.generator.conv_post")  # (1, 22, 60 * frames + 1)
        bins = config.n_fft // 2 + 1
        magnitude = g.op("Exp", g.slice(h, 0, bins, 1))
        phase = g.op("Sin", g.slice(h, bins, 2 * bins, 1))
        return inverse_spectrum(g, magnitude, phase, config.n_fft, config.hop)


def _stage(
    g: GraphBuilder, rows: Tensor, source: Tensor, style: Tensor, *, stage: int, config: GeneratorConfig
) -> Tensor:
    """One upsampling, in rows: halve the channels, stretch time by 10 or 6, add the source, refine."""
    last = stage + 1 == len(config.upsample_rates)
    with g.scope(f"decoder.generator.stage.{stage}"):
        stride = 1 if last else config.upsample_rates[stage + 1]
        padding = 0 if last else (stride + 1) // 2
        excitation = conv(g, source, f"decoder.generator.noise_convs.{stage}", stride=stride, padding=padding)
        excitation = to_rows(g, excitation)
        blocks = ResidualBlocks(g, excitation, style, config)
        excitation = blocks.refine(excitation, f"decoder.generator.noise_res.{stage}")
        rows = _upsample(g, leaky_relu(g, rows, 0.1), stage, config)
        if last:  # one frame more, as centred frames of the inverse transform need
            rows = g.op("Pad", rows, g.ints(1, 0, 0, 0), mode="reflect")
        rows = g.add(rows, excitation)
        refined = [blocks.refine(rows, module) for module in _blocks(stage, config)]
        return g.mul(g.op("Sum", *refined), g.floats(1 / len(refined)))


def _blocks(stage: int, config: GeneratorConfig) -> list[str]:
    """The residual blocks of a stage, whose results are averaged."""
    count = len(config.resblock_kernels)
    return [f"decoder.generator.resblocks.{stage * count + block}" for block in range(count)]


def _upsample(g: GraphBuilder, rows: Tensor, stage: int, config: GeneratorConfig) -> Tensor:
    """The stage's transposed convolution: (length, inputs) -> (rate * length, outputs).

    With a kernel of two strides every output sees two neighbouring steps: one product, whose results are in order.
    """
    rate, module = config.upsample_rates[stage], f"decoder.generator.ups.{stage}"
    weight = g.weight(f"{module}.weight")
    with g.scope(module):
        before, after = g.op("Pad", rows, g.ints(1, 0, 0, 0)), g.op("Pad", rows, g.ints(0, 0, 1, 0))
        pairs = g.concat(before, after, axis=1)  # (length + 1, 2 * inputs): steps i - 1 and i
        made = g.op("MatMul", pairs, g.parameter(f"{module}.pairs", phases(weight, rate)))
        side = (weight.shape[2] - rate) // 2
        kept = g.slice(g.reshape(made, -1, weight.shape[1]), side, side - rate, 0)
        return g.add(kept, g.parameter(f"{module}.bias", _upsample_bias(g, stage, config)))


def phases(weight: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """A transposed convolution's weights (inputs, outputs, 2 * rate) as one matrix (2 * inputs, rate * outputs).

    Output ``rate * i + j`` sums step i - 1 by tap ``rate + j`` and step i by tap j.
    Raises ValueError for a kernel of another length.
    """
    inputs, outputs, taps = weight.shape
    if taps != 2 * rate:
        raise ValueError(f"an upsampling by {rate} has {taps} taps, expected {2 * rate}")
    halves = np.stack([weight[:, :, rate:], weight[:, :, :rate]])  # (2, inputs, outputs, rate)
    return np.ascontiguousarray(halves.transpose(0, 1, 3, 2).reshape(2 * inputs, rate * outputs))


def _upsample_bias(g: GraphBuilder, stage: int, config: GeneratorConfig) -> NDArray[np.float32]:
    """The upsampling's own bias, and what the residual blocks leave out: to them a constant makes no difference."""
    averaged = np.mean([left_out_bias(g, module, config) for module in _blocks(stage, config)], axis=0)
    excitation = left_out_bias(g, f"decoder.generator.noise_res.{stage}", config)
    bias: NDArray[np.float32] = g.weight(f"decoder.generator.ups.{stage}.bias") + excitation + averaged
    return bias


def to_rows(g: GraphBuilder, x: Tensor) -> Tensor:
    """(1, channels, length) -> (length, channels)."""
    return g.transpose(g.op("Squeeze", x, g.ints(0)), 1, 0)


def to_channels(g: GraphBuilder, rows: Tensor) -> Tensor:
    """(length, channels) -> (1, channels, length)."""
    return g.op("Unsqueeze", g.transpose(rows, 1, 0), g.ints(0))
