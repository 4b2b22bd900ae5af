"""From tokens to what they sound like in context (ALBERT), by themselves (text encoder), and how long they last."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from worker.model.network.layers import NORM_EPS, Region, bidirectional_lstm, conv, linear, style_affines
from worker.model.network.parameters import Parameters
from worker.model.state_dict import ALBERT_LAYER


def albert(p: Parameters, tokens: Tensor, place: Region) -> Tensor:
    """PL-BERT: tokens int64 (batch, n) -> rows (batch, n, 768). Source: transformers' ``AlbertModel``."""
    words = functional.embedding(tokens, p["bert.embeddings.word_embeddings.weight"])
    h = _albert_norm(p, words + p["bert.embeddings.places"][: tokens.shape[1]], "bert.embeddings.LayerNorm")
    h = linear(p, h, "bert.encoder.embedding_hidden_mapping_in")
    keys = place.inside.transpose(1, 2)[:, None]  # (batch, 1, 1, n): which tokens may be attended to
    for _ in range(p.config.albert.layers):
        h = _albert_layer(p, h, keys)
    return h


def text_convolutions(p: Parameters, tokens: Tensor, place: Region) -> Tensor:
    """Embedding and three convolutions, the text encoder's first part: tokens int64 (batch, n) -> rows (batch, n, 512).

    Source: ``TextEncoder`` in kokoro 0.9.4 ``modules.py``.
    """
    h = functional.embedding(tokens, p["text_encoder.embedding.weight"])
    for layer in range(p.config.n_layer):
        module = f"text_encoder.cnn.{layer}"
        h = conv(p, h.masked_fill(place.outside, 0.0), f"{module}.0")
        h = functional.layer_norm(h, h.shape[2:], p[f"{module}.1.gamma"], p[f"{module}.1.beta"], NORM_EPS)
        h = functional.leaky_relu(h, 0.2)
    return h


def text_encoder(p: Parameters, x: Tensor, place: Region) -> Tensor:
    """The LSTM after ``text_convolutions``: rows (batch, n, 512), shape kept."""
    return bidirectional_lstm(p, x, place, "text_encoder.lstm")


def duration_encoder(p: Parameters, x: Tensor, style: Tensor, place: Region) -> Tensor:
    """Three LSTMs, each followed by a norm whose scale and shift come from the style.

    x: rows (batch, n, 512); style: (batch, 128). Returns rows (batch, n, 512): upstream's, without the style that it
    joins to them. Source: ``DurationEncoder`` in kokoro 0.9.4 ``modules.py``.
    """
    affines = style_affines(p.text_styles, style)
    for layer in range(p.config.n_layer):
        module = "predictor.text_encoder.lstms"
        x = bidirectional_lstm(p, join_style(x, style), place, f"{module}.{2 * layer}")
        scale, shift = affines[f"{module}.{2 * layer + 1}"]
        x = functional.layer_norm(x, x.shape[2:], eps=NORM_EPS) * scale[:, None] + shift[:, None]
    return x


def durations(p: Parameters, encoded: Tensor, style: Tensor, speed: Tensor, place: Region) -> Tensor:
    """How many units every token lasts, at least 1; 0 for padding.

    encoded: rows (batch, n, 512); speed: float32 (batch,). Returns int64 (batch, n). A token's 50 probabilities are
    summed, divided by speed, and rounded half to even. Source: ``KModel.forward_with_tokens``.
    """
    h = bidirectional_lstm(p, join_style(encoded, style), place, "predictor.lstm")
    expected = torch.sigmoid(linear(p, h, "predictor.duration_proj.linear_layer")).sum(2) / speed[:, None]
    return torch.round(expected).clamp_min(1.0).long().masked_fill(place.outside[..., 0], 0)


def contour(p: Parameters, encoded: Tensor, style: Tensor, place: Region) -> Tensor:
    """What pitch and loudness have in common: the duration encoder's rows, one for every unit, (batch, units, 512) ->
    rows of the same shape. Source: the LSTM in ``ProsodyPredictor.F0Ntrain`` of kokoro 0.9.4 ``modules.py``.
    """
    return bidirectional_lstm(p, join_style(encoded, style), place, "predictor.shared")


def join_style(x: Tensor, style: Tensor) -> Tensor:
    """The style (batch, 128) after every row (batch, n, channels)."""
    return torch.cat([x, style[:, None].expand(-1, x.shape[1], -1)], dim=2)


def _albert_layer(p: Parameters, x: Tensor, keys: Tensor) -> Tensor:
    """Attention and feed-forward, each with its residual and norm after: rows of 768."""
    attended = linear(p, _attention(p, x, keys), f"{ALBERT_LAYER}.attention.dense")
    x = _albert_norm(p, x + attended, f"{ALBERT_LAYER}.attention.LayerNorm")
    h = functional.gelu(linear(p, x, f"{ALBERT_LAYER}.ffn"), approximate="tanh")
    return _albert_norm(p, x + linear(p, h, f"{ALBERT_LAYER}.ffn_output"), f"{ALBERT_LAYER}.full_layer_layer_norm")


def _attention(p: Parameters, x: Tensor, keys: Tensor) -> Tensor:
    """Self-attention of 12 heads of 64 over the tokens that ``keys`` allows."""
    joined = linear(p, x, f"{ALBERT_LAYER}.attention.in").unflatten(2, (3, p.config.albert.heads, -1))
    query, key, value = joined.permute(2, 0, 3, 1, 4).unbind(0)  # each (batch, 12, n, 64)
    mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=keys)
    return mixed.transpose(1, 2).flatten(2)


def _albert_norm(p: Parameters, x: Tensor, module: str) -> Tensor:
    weight, bias = p[f"{module}.weight"], p[f"{module}.bias"]
    return functional.layer_norm(x, x.shape[2:], weight, bias, p.config.albert.layer_norm_eps)
