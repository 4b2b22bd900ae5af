"""Convolution over time in 8-bit integers, for processors that multiply those much faster than floats (ADR 0004).

Every channel of the input and of the output has a scale of its own, and every output channel a middle, although the
operator has one scale for each tensor: the input's are folded into the weights, the output's into the weights' scales
and the bias. That is worth 16 dB over one scale per tensor.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.model.graph.builder import GraphBuilder, Tensor

MAX_WEIGHT = 63
"""Seven bits: two products of a weight and an unsigned byte are added in 16 bits on x86 without VNNI, which 8-bit
weights overflow; in sound the eighth bit makes no difference (18.4 dB against 18.7 with all blocks quantised)."""

MIDDLE = 128
"""The unsigned byte that stands for zero in the input, and for a channel's middle in the output."""

LEVELS = 127
"""Steps on either side of the middle."""

SMALLEST_SHARE = 1e-4
"""Channels quieter than this share of the loudest are quantised as if they were that loud: no division by zero."""


class Ranges(NamedTuple):
    """What a convolution's tensors held while the calibration set was spoken, each float32 (channels,)."""

    input_low: NDArray[np.float32]
    input_high: NDArray[np.float32]
    output_low: NDArray[np.float32]
    output_high: NDArray[np.float32]


def known_ranges(g: GraphBuilder, name: str) -> Ranges | None:
    """The ranges that calibration has put among the weights for that convolution; None: it stays float32."""
    if not g.has_weight(f"{name}.{Ranges._fields[0]}"):
        return None
    return Ranges(*(g.weight(f"{name}.{field}") for field in Ranges._fields))


class Int8Weights(NamedTuple):
    """A convolution in integers: ``y = output_scale * (byte - 128) + middle``, where byte is what the operator makes of
    ``round(x / input_scale) + 128``, with its own output scale at 1."""

    input_scale: NDArray[np.float32]
    """(inputs,)"""
    weight: NDArray[np.int8]
    """(outputs, inputs, taps)"""
    weight_scale: NDArray[np.float32]
    """(outputs,)"""
    bias: NDArray[np.int32]
    """(outputs,)"""
    output_scale: NDArray[np.float32]
    """(outputs,)"""


def quantise(weight: NDArray[np.float32], ranges: Ranges) -> Int8Weights:
    """Integers for a convolution without bias. weight: float32 (outputs, inputs, taps)."""
    input_scale = _scale(np.maximum(-ranges.input_low, ranges.input_high))
    scaled = weight * input_scale[None, :, None]
    weight_scale = np.maximum(np.abs(scaled).max(axis=(1, 2)) / MAX_WEIGHT, np.float32(1e-12))
    output_scale = _scale((ranges.output_high - ranges.output_low) / np.float32(2))
    bias = np.round(-output_middle(ranges) / weight_scale).clip(-(2.0**30), 2.0**30)
    return Int8Weights(
        input_scale,
        np.round(scaled / weight_scale[:, None, None]).astype(np.int8),
        weight_scale / output_scale,
        bias.astype(np.int32),
        output_scale,
    )


def output_middle(ranges: Ranges) -> NDArray[np.float32]:
    """The middle of every output channel's range: float32 (outputs,)."""
    middle: NDArray[np.float32] = (ranges.output_low + ranges.output_high) / np.float32(2)
    return middle


def conv_int8(
    g: GraphBuilder, rows: Tensor, name: str, weight: NDArray[np.float32], *, ranges: Ranges, dilation: int
) -> Tensor:
    """Convolve without bias, padded with zeros to keep the length: (length, inputs) -> (length, outputs).

    weight: float32 (outputs, inputs, taps), stored as integers under ``name``. The result lacks ``output_middle``, a
    constant, which the norms after it take out anyhow.
    """
    made = quantise(weight, ranges)
    taps = weight.shape[2]
    side = dilation * (taps - 1) // 2
    one, middle = g.floats(1.0), g.constant(np.array(MIDDLE, np.uint8))
    zeros = g.constant(np.zeros(len(weight), np.int8))
    stored = [g.store(f"{name}.{field}", getattr(made, field)) for field in ("weight", "weight_scale", "bias")]
    x = g.op(
        "QuantizeLinear", g.mul(rows, g.store(f"{name}.input_gain", np.float32(1) / made.input_scale)), one, middle
    )
    x = g.transpose(g.op("Unsqueeze", x, g.ints(0)), 0, 2, 1)  # channels first, which ONNX Runtime undoes again
    y = g.op(
        "QLinearConv",
        *(x, one, middle, stored[0], stored[1], zeros, one, middle, stored[2]),
        kernel_shape=[taps],
        dilations=[dilation],
        pads=[side, side],
    )
    y = g.op("Squeeze", g.transpose(y, 0, 2, 1), g.ints(0))
    return g.mul(g.op("DequantizeLinear", y, one, middle), g.store(f"{name}.output_scale", made.output_scale))


def _scale(largest: NDArray[np.float32]) -> NDArray[np.float32]:
    """What one step stands for in every channel."""
    floor = max(float(largest.max()) * SMALLEST_SHARE, 1e-12)
    scale: NDArray[np.float32] = (np.maximum(largest, floor) / LEVELS).astype(np.float32)
    return scale
