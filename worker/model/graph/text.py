"""From tokens to what they sound like in context (ALBERT) and by themselves (the text encoder)."""

from __future__ import annotations

from worker.model.config import AlbertConfig, KokoroConfig
from worker.model.graph.builder import GraphBuilder, Tensor
from worker.model.graph.layers import bidirectional_lstm, conv, layer_norm, leaky_relu, linear, rows_to_channels
from worker.model.state_dict import ALBERT_LAYER


def albert(g: GraphBuilder, tokens: Tensor, config: AlbertConfig) -> Tensor:
    """PL-BERT: tokens int64 (1, n) -> rows (1, n, 768). Source: transformers' ``AlbertModel``."""
    with g.scope("bert"):
        h = _albert_embeddings(g, tokens, config)
        h = linear(g, h, "bert.encoder.embedding_hidden_mapping_in")
        for _ in range(config.layers):
            h = _albert_layer(g, h, config)
    return h


def text_encoder(g: GraphBuilder, tokens: Tensor, config: KokoroConfig) -> Tensor:
    """Embedding, three convolutions, an LSTM: tokens int64 (1, n) -> rows (1, n, 512).

    Source: ``TextEncoder`` in kokoro 0.9.4 ``modules.py``.
    """
    with g.scope("text_encoder"):
        h = g.op("Gather", g.parameter("text_encoder.embedding.weight"), tokens)
        for layer in range(config.n_layer):
            module = f"text_encoder.cnn.{layer}"
            h = rows_to_channels(g, conv(g, rows_to_channels(g, h), f"{module}.0"))
            h = layer_norm(g, h, g.parameter(f"{module}.1.gamma"), g.parameter(f"{module}.1.beta"))
            h = leaky_relu(g, h, 0.2)
        return bidirectional_lstm(g, h, "text_encoder.lstm")


def _albert_embeddings(g: GraphBuilder, tokens: Tensor, config: AlbertConfig) -> Tensor:
    """Words plus positions plus the first token type, normalised: (1, n) -> (1, n, 128)."""
    words = g.op("Gather", g.parameter("bert.embeddings.word_embeddings.weight"), tokens)
    # Every token is of type 0, so that type's row is the same for all and is added to the positions here.
    places = (
        g.weight("bert.embeddings.position_embeddings.weight")
        + g.weight("bert.embeddings.token_type_embeddings.weight")[0]
    )
    length = g.op("Shape", tokens, start=1, end=2)
    positions = g.op("Slice", g.parameter("bert.embeddings.places", places), g.ints(0), length, g.ints(0))
    return _albert_norm(g, g.add(words, positions), "bert.embeddings.LayerNorm", config)


def _albert_layer(g: GraphBuilder, x: Tensor, config: AlbertConfig) -> Tensor:
    """Attention and feed-forward, each with its residual and norm after: (1, n, 768) -> (1, n, 768)."""
    attended = linear(g, _attention(g, x, config), f"{ALBERT_LAYER}.attention.dense")
    x = _albert_norm(g, g.add(x, attended), f"{ALBERT_LAYER}.attention.LayerNorm", config)
    h = g.op("Gelu", linear(g, x, f"{ALBERT_LAYER}.ffn"), approximate="tanh")
    h = linear(g, h, f"{ALBERT_LAYER}.ffn_output")
    return _albert_norm(g, g.add(x, h), f"{ALBERT_LAYER}.full_layer_layer_norm", config)


def _attention(g: GraphBuilder, x: Tensor, config: AlbertConfig) -> Tensor:
    """Self-attention of 12 heads of 64: (1, n, 768) -> (1, n, 768)."""
    size = config.hidden // config.heads

    def heads(projection: str, *axes: int) -> Tensor:
        rows = linear(g, x, f"{ALBERT_LAYER}.attention.{projection}")
        return g.transpose(g.reshape(rows, 1, -1, config.heads, size), *axes)

    query, value = heads("query", 0, 2, 1, 3), heads("value", 0, 2, 1, 3)  # (1, 12, n, 64)
    key = heads("key", 0, 2, 3, 1)  # (1, 12, 64, n)
    scores = g.mul(g.op("MatMul", query, key), g.floats(float(size**-0.5)))
    mixed = g.op("MatMul", g.op("Softmax", scores, axis=-1), value)
    return g.reshape(g.transpose(mixed, 0, 2, 1, 3), 1, -1, config.hidden)


def _albert_norm(g: GraphBuilder, x: Tensor, module: str, config: AlbertConfig) -> Tensor:
    weight, bias = g.parameter(f"{module}.weight"), g.parameter(f"{module}.bias")
    return layer_norm(g, x, weight, bias, config.layer_norm_eps)
