"""The generator's residual blocks, ``AdaINResBlock1`` of kokoro 0.9.4: nine tenths of all the arithmetic.

Three steps, each a dilated and a plain convolution, both after AdaIN and Snake; all in rows, (length, channels).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worker.model.config import GeneratorConfig
from worker.model.graph.builder import GraphBuilder, Tensor
from worker.model.graph.fast_conv import Rows, fourier, toom_cook, transformed
from worker.model.graph.int8_conv import conv_int8, known_ranges, output_middle
from worker.model.graph.layers import NORM_EPS, style_affine

ALGORITHMS = {3: toom_cook((0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5), 3), 7: fourier(16, 7), 11: fourier(32, 11)}
"""Taps -> how to convolve. Larger tiles need fewer products but larger transforms, and more memory for weights: 7 taps
in tiles of 16 samples are as quick as in tiles of 32, with half the weights (docs/log.md)."""


SNAKE_GAIN, SNAKE_SHIFT, SNAKE_OFFSET = 9.645405, -0.5077199, 0.06569602
"""``sin(pi r)^2 / pi ~ gain v ((v + shift)^2 + offset)`` with ``v = r^2`` and r from -1/2 to 1/2.

Of all cubics in v without a constant term the one whose largest error is smallest: 2.7e-4.
"""


PANEL = 16
"""Channels come in so many at a time to operators of ours: a cache line."""


class ResidualBlocks:
    """Residual blocks over rows of one length, whose indices they share."""

    def __init__(self, g: GraphBuilder, rows: Tensor, style: Tensor, config: GeneratorConfig) -> None:
        """rows: any tensor (length, channels). style: (128,)."""
        self._g = g
        self._style = style
        self._config = config
        if not g.has_kernels:  # an operator of ours shares nothing
            length = g.op("Squeeze", g.slice(g.op("Shape", rows), 0, 1, 0))
            self._rows = Rows(g, length)
            share = g.div(g.floats(1.0), g.cast(length, "float"))
            self._average = g.op("Expand", share, g.concat(g.ints(1), g.op("Unsqueeze", length, g.ints(0)), axis=0))

    def refine(self, x: Tensor, module: str) -> Tensor:
        """(length, channels) -> the same, less ``left_out_bias``."""
        g = self._g
        with g.scope(module):
            for step, dilation in enumerate(self._config.resblock_dilations):
                h = self._snake_conv(x, module, f"1.{step}", dilation)
                x = self._snake_conv(h, module, f"2.{step}", 1, residual=x)
        return x

    def _snake_conv(self, x: Tensor, module: str, place: str, dilation: int, residual: Tensor | None = None) -> Tensor:
        """AdaIN, ``snake(x) = x + sin(alpha x)^2 / alpha``, convolution; with ``residual`` added.

        The norm emits ``t = alpha x / pi``, in periods of the squared sine; the way back to x is in the convolution's
        weights. Source of Snake: Liu et al. 2020, "Neural networks fail to learn periodic functions".
        """
        g = self._g
        alpha, name = f"{module}.alpha{place}", f"{module}.convs{place}"
        frequency = g.weight(alpha).reshape(-1) / np.float32(np.pi)
        weight = g.weight(f"{name}.weight") / frequency[None, :, None]
        norm = f"{module}.adain{place}"
        if g.has_kernels:
            gain, shift = style_affine(g, self._style, norm, frequency)
            with g.scope(name):
                return snake_conv(g, x, gain, shift, name=name, weight=weight, dilation=dilation, residual=residual)
        t = self._adain(x, norm, frequency)
        with g.scope(alpha):
            h = snake(g, t)
        with g.scope(name):
            made = self._convolve(h, name, weight, dilation)
        return made if residual is None else g.add(residual, made)

    def _convolve(self, x: Tensor, name: str, weight: NDArray[np.float32], dilation: int) -> Tensor:
        """In integers where the ranges of input and output are known, else in float32; without bias."""
        g = self._g
        if ranges := known_ranges(g, name):
            return conv_int8(g, x, name, weight, ranges=ranges, dilation=dilation)
        made = self._rows.convolve(x, f"{name}.transformed", weight, ALGORITHMS[weight.shape[2]], dilation)
        g.watched[f"{name}.input"], g.watched[f"{name}.output"] = x, made
        return made

    def _adain(self, x: Tensor, module: str, multiplier: NDArray[np.float32]) -> Tensor:
        """``layers.adain`` over rows. Averages are products with a vector, several times as fast as ReduceMean."""
        g = self._g
        gain, shift = style_affine(g, self._style, module, multiplier)
        with g.scope(module):
            # Centred before it is squared: means of up to a hundred standard deviations occur.
            centred = g.sub(x, g.op("MatMul", self._average, x))
            variance = g.op("MatMul", self._average, g.mul(centred, centred))
            scale = g.div(gain, g.op("Sqrt", g.add(variance, g.floats(NORM_EPS))))
            return g.add(g.mul(centred, scale), shift)


def snake(g: GraphBuilder, t: Tensor) -> Tensor:
    """``t + sin(pi t)^2 / pi`` of any shape, within 3e-4, without a sine.

    ONNX Runtime computes Sin on one thread, four values at a time; this is shorter already on two threads. The squared
    sine has period 1, so what counts is the distance r to the next whole number, and of that the square.
    """
    distance = g.sub(t, g.op("Round", t))
    square = g.mul(distance, distance)
    shifted = g.add(square, g.floats(SNAKE_SHIFT))
    factor = g.add(g.mul(shifted, shifted), g.floats(SNAKE_OFFSET))
    return g.add(t, g.mul(g.mul(factor, square), g.floats(SNAKE_GAIN)))


def snake_conv(
    g: GraphBuilder,
    rows: Tensor,
    gain: Tensor,
    shift: Tensor,
    *,
    name: str,
    weight: NDArray[np.float32],
    dilation: int,
    residual: Tensor | None,
) -> Tensor:
    """All of a block's convolution in one operator of ours: AdaIN, ``snake``, ``Rows.convolve``, the sum.

    rows, residual: (length, channels). gain, shift: (channels,). weight: (channels, channels, taps), stored
    transformed, in the panels of sixteen outputs that the operator reads.
    """
    channels, _, taps = weight.shape
    algorithm = ALGORITHMS[taps]
    panels = transformed(weight, algorithm).reshape(-1, channels, channels // PANEL, PANEL).transpose(0, 2, 1, 3)
    inputs = [rows, gain, shift, g.parameter(f"{name}.panels", np.ascontiguousarray(panels))]
    inputs += [g.constant(matrix.astype(np.float32)) for matrix in (algorithm.forward, algorithm.backward)]
    if residual is not None:
        inputs.append(residual)
    return g.kernel("SnakeConv", *inputs, dilation=dilation)


def left_out_bias(g: GraphBuilder, module: str, config: GeneratorConfig) -> NDArray[np.float32]:
    """What ``ResidualBlocks.refine`` leaves out, (channels,), the same at every time; to be added where that is free.

    Norms take out whatever is constant over time: of a block's six biases three never matter, and the others add up.
    """
    summed = np.zeros(1, np.float32)
    for step in range(len(config.resblock_dilations)):
        name = f"{module}.convs2.{step}"
        summed = summed + g.weight(f"{name}.bias")
        if ranges := known_ranges(g, name):
            summed = summed + output_middle(ranges)
    return summed
