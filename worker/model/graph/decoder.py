"""From aligned text, pitch and loudness to the features the generator speaks."""

from __future__ import annotations

from worker.model.graph.builder import GraphBuilder, Tensor
from worker.model.graph.layers import adain_residual_block, conv

_BLOCKS = 4
"""Residual blocks after the first; the last of them doubles the length."""


def decoder(g: GraphBuilder, text: Tensor, pitch: Tensor, loudness: Tensor, style: Tensor) -> Tensor:
    """``Decoder`` without its generator: features (1, 512, 2 * frames).

    text: (1, 512, frames); pitch and loudness: (1, 1, 2 * frames); style: (128,). Source: kokoro 0.9.4 ``istftnet.py``.
    """
    with g.scope("decoder"):
        f0 = conv(g, pitch, "decoder.F0_conv", stride=2, padding=1)  # (1, 1, frames)
        n = conv(g, loudness, "decoder.N_conv", stride=2, padding=1)
        h = adain_residual_block(g, g.concat(text, f0, n, axis=1), style, "decoder.encode")
        residual = conv(g, text, "decoder.asr_res.0")  # (1, 64, frames)
        for block in range(_BLOCKS):
            joined = g.concat(h, residual, f0, n, axis=1)  # (1, 1090, frames)
            h = adain_residual_block(g, joined, style, f"decoder.decode.{block}")
    return h
