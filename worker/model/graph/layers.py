"""The layers Kokoro is made of.

Shapes: "rows" are (1, length, channels), "channels first" is (1, channels, length). ``module`` is always the module's
path in the official state dict.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worker.model.gates import torch_to_onnx
from worker.model.graph.builder import GraphBuilder, Tensor

NORM_EPS = 1e-5
"""torch's default epsilon, in every norm but ALBERT's."""


def rows_to_channels(g: GraphBuilder, x: Tensor) -> Tensor:
    """(1, length, channels) -> (1, channels, length), or back."""
    return g.transpose(x, 0, 2, 1)


def linear(g: GraphBuilder, x: Tensor, module: str) -> Tensor:
    """Fully connected layer over the last axis: (..., inputs) -> (..., outputs)."""
    with g.scope(module):
        weight = g.parameter(f"{module}.weight.T", g.weight(f"{module}.weight").T)
        return g.add(g.op("MatMul", x, weight), g.parameter(f"{module}.bias"))


def conv(
    g: GraphBuilder, x: Tensor, module: str, *, stride: int = 1, dilation: int = 1, padding: int | None = None
) -> Tensor:
    """1-D convolution, channels first; padded to keep the length unless told otherwise."""
    kernel = g.weight(f"{module}.weight").shape[2]
    side = dilation * (kernel - 1) // 2 if padding is None else padding
    weights = [g.parameter(f"{module}.{kind}") for kind in ("weight", "bias") if g.has_weight(f"{module}.{kind}")]
    with g.scope(module):
        return g.op(
            "Conv", x, *weights, kernel_shape=[kernel], strides=[stride], dilations=[dilation], pads=[side, side]
        )


def conv_transpose(
    g: GraphBuilder, x: Tensor, module: str, *, stride: int, padding: int, output_padding: int = 0, groups: int = 1
) -> Tensor:
    """1-D transposed convolution, channels first.

    A length becomes (length - 1) * stride - 2 * padding + kernel + output_padding.
    """
    kernel = g.weight(f"{module}.weight").shape[2]
    weights = (g.parameter(f"{module}.weight"), g.parameter(f"{module}.bias"))
    pads = [padding, padding]
    with g.scope(module):
        return g.op(
            "ConvTranspose",
            x,
            *weights,
            kernel_shape=[kernel],
            strides=[stride],
            group=groups,
            pads=pads,
            output_padding=[output_padding],
        )


def bidirectional_lstm(g: GraphBuilder, x: Tensor, module: str) -> Tensor:
    """One bidirectional LSTM layer over rows: (1, length, inputs) -> (1, length, 2 * hidden), forward half first."""

    def both(kind: str) -> NDArray[np.float32]:
        return np.stack([torch_to_onnx(g.weight(f"{module}.{kind}_l0{end}")) for end in ("", "_reverse")])

    hidden = g.weight(f"{module}.weight_hh_l0").shape[1]
    weights = (
        g.parameter(f"{module}.W", both("weight_ih")),
        g.parameter(f"{module}.R", both("weight_hh")),
        g.parameter(f"{module}.B", np.concatenate([both("bias_ih"), both("bias_hh")], axis=1)),
    )
    with g.scope(module):
        steps = g.transpose(x, 1, 0, 2)
        states = g.op("LSTM", steps, *weights, hidden_size=hidden, direction="bidirectional")  # (length, 2, 1, hidden)
        return g.reshape(g.transpose(states, 2, 0, 1, 3), 1, -1, 2 * hidden)


def layer_norm(g: GraphBuilder, x: Tensor, weight: Tensor, bias: Tensor, eps: float = NORM_EPS) -> Tensor:
    """Layer norm over the last axis; weight and bias are (channels,)."""
    return g.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=eps)


def leaky_relu(g: GraphBuilder, x: Tensor, slope: float) -> Tensor:
    """x where it is positive, ``slope`` * x where it is not."""
    return g.op("LeakyRelu", x, alpha=slope)


def upsample_2(g: GraphBuilder, x: Tensor) -> Tensor:
    """Repeat every step: (1, channels, length) -> (1, channels, 2 * length)."""
    return g.op(
        "Resize",
        x,
        None,
        g.floats(1.0, 1.0, 2.0),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def style_affine(
    g: GraphBuilder, style: Tensor, module: str, multiplier: NDArray[np.float32] | None = None
) -> tuple[Tensor, Tensor]:
    """Scale 1 + gamma and shift beta, each (channels,), that a style vector (128,) asks for.

    ``multiplier``, float32 (channels,), is folded into both. Source: ``AdaIN1d`` and ``AdaLayerNorm`` of StyleTTS 2.
    """
    weight, bias = g.weight(f"{module}.fc.weight"), g.weight(f"{module}.fc.bias")
    channels = len(bias) // 2
    factor = np.ones(channels, np.float32) if multiplier is None else multiplier

    def affine(name: str, rows: slice, offset: NDArray[np.float32]) -> Tensor:
        matrix = g.parameter(f"{module}.fc.{name}.weight.T", (weight[rows] * factor[:, None]).T)
        return g.add(g.op("MatMul", style, matrix), g.parameter(f"{module}.fc.{name}.bias", offset * factor))

    with g.scope(f"{module}.fc"):
        scale = affine("gamma", slice(None, channels), bias[:channels] + np.float32(1))
        return scale, affine("beta", slice(channels, None), bias[channels:])


def adain(g: GraphBuilder, x: Tensor, style: Tensor, module: str) -> Tensor:
    """Adaptive instance norm, channels first: every channel normalised over time, then scaled and shifted by the style.

    One operator: with a batch of one, InstanceNormalization's scale and bias per channel are the style's.
    """
    scale, shift = style_affine(g, style, module)
    with g.scope(module):
        return g.op("InstanceNormalization", x, scale, shift, epsilon=NORM_EPS)


def ada_layer_norm(g: GraphBuilder, x: Tensor, style: Tensor, module: str) -> Tensor:
    """Layer norm over rows whose scale and shift come from the style. Source: ``AdaLayerNorm`` of StyleTTS 2."""
    scale, shift = style_affine(g, style, module)
    return layer_norm(g, x, scale, shift)


def adain_residual_block(g: GraphBuilder, x: Tensor, style: Tensor, module: str) -> Tensor:
    """``AdainResBlk1d``, channels first: AdaIN, leaky ReLU and convolution, twice, plus a shortcut, over sqrt(2).

    A block with a ``pool`` doubles the length: by a depthwise transposed convolution inside, by repetition in the
    shortcut. Source: kokoro 0.9.4 ``istftnet.py``.
    """
    with g.scope(module):
        doubles = g.has_weight(f"{module}.pool.weight")
        h = leaky_relu(g, adain(g, x, style, f"{module}.norm1"), 0.2)
        if doubles:
            groups = g.weight(f"{module}.pool.weight").shape[0]
            h = conv_transpose(g, h, f"{module}.pool", stride=2, padding=1, output_padding=1, groups=groups)
        h = conv(g, h, f"{module}.conv1")
        h = leaky_relu(g, adain(g, h, style, f"{module}.norm2"), 0.2)
        h = conv(g, h, f"{module}.conv2")
        shortcut = upsample_2(g, x) if doubles else x
        if g.has_weight(f"{module}.conv1x1.weight"):
            shortcut = conv(g, shortcut, f"{module}.conv1x1")
        return g.mul(g.add(h, shortcut), g.floats(2**-0.5))
