"""How long each token lasts, and the pitch and loudness of every frame."""

from __future__ import annotations

from worker.model.config import KokoroConfig
from worker.model.graph.builder import TO_END, GraphBuilder, Tensor
from worker.model.graph.layers import (
    ada_layer_norm,
    adain_residual_block,
    bidirectional_lstm,
    conv,
    linear,
    rows_to_channels,
)


def duration_encoder(g: GraphBuilder, x: Tensor, style: Tensor, config: KokoroConfig) -> Tensor:
    """Three LSTMs, each followed by a style-conditioned norm and joined by the style again.

    x: rows (1, n, 512); style: (128,). Returns rows (1, n, 640). Source: ``DurationEncoder`` in kokoro 0.9.4.
    """
    with g.scope("predictor.text_encoder"):
        row = g.reshape(style, 1, 1, config.style)
        h = _join_style(g, x, row)
        for layer in range(config.n_layer):
            module = "predictor.text_encoder.lstms"
            h = bidirectional_lstm(g, h, f"{module}.{2 * layer}")
            h = _join_style(g, ada_layer_norm(g, h, style, f"{module}.{2 * layer + 1}"), row)
    return h


def durations(g: GraphBuilder, encoded: Tensor, speed: Tensor) -> Tensor:
    """How long every token lasts, in units of 25 ms, at least 1.

    encoded: rows (1, n, 640); speed: float32 (1,). Returns int64 (n,). A token's 50 probabilities are summed, divided
    by speed, and rounded half to even. Source: ``KModel.forward_with_tokens``.
    """
    with g.scope("predictor.duration"):
        h = bidirectional_lstm(g, encoded, "predictor.lstm")
        likelihoods = g.op("Sigmoid", linear(g, h, "predictor.duration_proj.linear_layer"))
        expected = g.op("ReduceSum", likelihoods, g.ints(0, 2), keepdims=0)
        units = g.op("Round", g.div(expected, speed))
        return g.cast(g.op("Max", units, g.floats(1.0)), "int64")


def frame_tokens(g: GraphBuilder, units: Tensor) -> Tensor:
    """The token every frame belongs to: durations int64 (n,) -> int64 (frames,), ``repeat_interleave(range(n),
    units)``.

    A one where every token but the first starts, summed from the left, counts the tokens. Starts differ, for no
    duration is below 1.
    """
    with g.scope("alignment"):
        ends = g.cumulative_sum(units, axis=0)
        starts, total = g.slice(ends, 0, -1, 0), g.slice(ends, -1, TO_END, 0)
        zeros, ones = g.op("Expand", g.ints(0), total), g.op("Expand", g.ints(1), g.op("Shape", starts))
        return g.cumulative_sum(g.op("ScatterElements", zeros, starts, ones, axis=0), axis=0)


def repeat_tokens(g: GraphBuilder, rows: Tensor, index: Tensor) -> Tensor:
    """Each token's row once for every frame it lasts: (1, n, channels) -> (1, frames, channels)."""
    return g.op("Gather", rows, index, axis=1)


def pitch_and_loudness(g: GraphBuilder, frames: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """F0 in hertz and the loudness curve N, each (1, 1, 2 * frames): the blocks double the rate to 80 per second.

    frames: rows (1, frames, 640); style: (128,). Source: ``ProsodyPredictor.F0Ntrain`` in kokoro 0.9.4.
    """
    with g.scope("predictor"):
        shared = rows_to_channels(g, bidirectional_lstm(g, frames, "predictor.shared"))
        return _curve(g, shared, style, "F0"), _curve(g, shared, style, "N")


def _curve(g: GraphBuilder, h: Tensor, style: Tensor, name: str) -> Tensor:
    with g.scope(f"predictor.{name}"):
        for block in range(3):
            h = adain_residual_block(g, h, style, f"predictor.{name}.{block}")
        return conv(g, h, f"predictor.{name}_proj")


def _join_style(g: GraphBuilder, x: Tensor, style_row: Tensor) -> Tensor:
    """Append the style to every row."""
    length = g.op("Shape", x, start=1, end=2)
    shape = g.concat(g.ints(1), length, g.op("Shape", style_row, start=2, end=3), axis=0)
    return g.concat(x, g.op("Expand", style_row, shape), axis=2)
