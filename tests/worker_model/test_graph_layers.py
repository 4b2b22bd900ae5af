"""Each layer of the graph, run by ONNX Runtime, against the same in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.worker_model.tiny import run_graph
from worker.model.config import AlbertConfig
from worker.model.graph import layers, text
from worker.model.state_dict import ALBERT_LAYER, StateDict

Floats = NDArray[np.float32]
RNG = np.random.default_rng(3)


def random(*shape: int) -> Floats:
    return RNG.standard_normal(shape).astype(np.float32)


def sigmoid(x: Floats) -> Floats:
    return (1 / (1 + np.exp(-x))).astype(np.float32)


def convolved(x: Floats, weight: Floats, *, stride: int = 1, dilation: int = 1, padding: int = 0) -> Floats:
    """Convolution as torch defines it, one output at a time."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding)))
    kernel = weight.shape[2]
    steps = (padded.shape[2] - dilation * (kernel - 1) - 1) // stride + 1
    windows = [padded[0, :, t * stride : t * stride + dilation * kernel : dilation][:, :kernel] for t in range(steps)]
    summed: Floats = np.stack([np.tensordot(weight, window, axes=([1, 2], [0, 1])) for window in windows], axis=1)
    return summed[None]


def standardised(x: Floats, axis: int, eps: float) -> Floats:
    normed: Floats = (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(x.var(axis=axis, keepdims=True) + np.float32(eps))
    return normed


def instance_norm(x: Floats) -> Floats:
    return standardised(x, 2, 1e-5)


def layer_norm(x: Floats, eps: float) -> Floats:
    return standardised(x, -1, eps)


def torch_lstm(x: Floats, weights: StateDict, end: str) -> Floats:
    """One direction over rows (length, inputs), by the equations in torch.nn.LSTM's documentation."""
    w, r = weights[f"m.weight_ih_l0{end}"], weights[f"m.weight_hh_l0{end}"]
    bias = weights[f"m.bias_ih_l0{end}"] + weights[f"m.bias_hh_l0{end}"]
    hidden = r.shape[1]
    h = c = np.zeros(hidden, np.float32)
    states = []
    for row in x:
        i, f, g, o = np.split(w @ row + r @ h + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states)


def test_bidirectional_lstm() -> None:
    hidden, inputs = 3, 5
    weights: StateDict = {}
    for end in ("", "_reverse"):
        weights |= {f"m.weight_ih_l0{end}": random(12, inputs), f"m.weight_hh_l0{end}": random(12, hidden)}
        weights |= {f"m.bias_ih_l0{end}": random(12), f"m.bias_hh_l0{end}": random(12)}
    x = random(1, 7, inputs)
    (made,) = run_graph(weights, lambda g, x: layers.bidirectional_lstm(g, x, "m"), x=x)
    forward = torch_lstm(x[0], weights, "")
    backward = torch_lstm(x[0, ::-1], weights, "_reverse")[::-1]
    np.testing.assert_allclose(made[0], np.concatenate([forward, backward], axis=1), atol=1e-5)


@pytest.mark.parametrize(("stride", "dilation", "padding"), [(1, 1, None), (1, 3, None), (2, 1, 1), (1, 5, None)])
def test_convolution(stride: int, dilation: int, padding: int | None) -> None:
    weights = {"m.weight": random(4, 3, 3), "m.bias": random(4)}
    x = random(1, 3, 20)
    (made,) = run_graph(
        weights, lambda g, x: layers.conv(g, x, "m", stride=stride, dilation=dilation, padding=padding), x=x
    )
    side = dilation if padding is None else padding
    expected = convolved(x, weights["m.weight"], stride=stride, dilation=dilation, padding=side)
    np.testing.assert_allclose(made, expected + weights["m.bias"][:, None], atol=1e-5)


def test_transposed_convolution_is_the_convolutions_adjoint() -> None:
    weight, x, y = random(3, 2, 6), random(1, 3, 5), random(1, 2, 10)
    weights = {"m.weight": weight, "m.bias": np.zeros(2, np.float32)}
    (made,) = run_graph(weights, lambda g, x: layers.conv_transpose(g, x, "m", stride=2, padding=2), x=x)
    assert made.shape == y.shape
    there = float((made * y).sum())
    back = float((x * convolved(y, weight, stride=2, padding=2)).sum())
    assert there == pytest.approx(back, rel=1e-4)


def test_adain_scales_and_shifts_by_the_style() -> None:
    weights = {"m.fc.weight": random(8, 6), "m.fc.bias": random(8)}
    x, style = random(1, 4, 30), random(6)
    (made,) = run_graph(weights, lambda g, x, s: layers.adain(g, x, s, "m"), x=x, s=style)
    gamma, beta = np.split(weights["m.fc.weight"] @ style + weights["m.fc.bias"], 2)
    expected = (1 + gamma)[:, None] * instance_norm(x) + beta[:, None]
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_ada_layer_norm() -> None:
    weights = {"m.fc.weight": random(8, 6), "m.fc.bias": random(8)}
    x, style = random(1, 5, 4), random(6)
    (made,) = run_graph(weights, lambda g, x, s: layers.ada_layer_norm(g, x, s, "m"), x=x, s=style)
    gamma, beta = np.split(weights["m.fc.weight"] @ style + weights["m.fc.bias"], 2)
    np.testing.assert_allclose(made, (1 + gamma) * layer_norm(x, 1e-5) + beta, atol=1e-5)


@pytest.mark.parametrize("doubles", [False, True])
def test_adain_residual_block(doubles: bool) -> None:
    inputs, outputs = 4, 2
    weights = {
        "m.conv1.weight": random(outputs, inputs, 3), "m.conv1.bias": random(outputs),
        "m.conv2.weight": random(outputs, outputs, 3), "m.conv2.bias": random(outputs),
        "m.norm1.fc.weight": random(2 * inputs, 6), "m.norm1.fc.bias": random(2 * inputs),
        "m.norm2.fc.weight": random(2 * outputs, 6), "m.norm2.fc.bias": random(2 * outputs),
        "m.conv1x1.weight": random(outputs, inputs, 1),
    }  # fmt: skip
    if doubles:
        weights |= {"m.pool.weight": random(inputs, 1, 3), "m.pool.bias": random(inputs)}
    x, style = random(1, inputs, 9), random(6)
    (made,) = run_graph(weights, lambda g, x, s: layers.adain_residual_block(g, x, s, "m"), x=x, s=style)

    def normed(x: Floats, norm: str) -> Floats:
        gamma, beta = np.split(weights[f"m.{norm}.fc.weight"] @ style + weights[f"m.{norm}.fc.bias"], 2)
        y: Floats = (1 + gamma)[:, None] * instance_norm(x) + beta[:, None]
        leaky: Floats = np.maximum(y, y * np.float32(0.2))
        return leaky

    h = normed(x, "norm1")
    if doubles:  # stride 2, padding 1, output padding 1: even steps see one weight, odd steps two
        w, follower = weights["m.pool.weight"], np.pad(h[:, :, 1:], ((0, 0), (0, 0), (0, 1)))
        stretched = np.stack([h * w[:, 0, 1, None], h * w[:, 0, 2, None] + follower * w[:, 0, 0, None]], axis=3)
        h = (stretched.reshape(1, inputs, -1) + weights["m.pool.bias"][:, None]).astype(np.float32)
    h = convolved(h, weights["m.conv1.weight"], padding=1) + weights["m.conv1.bias"][:, None]
    h = convolved(normed(h, "norm2"), weights["m.conv2.weight"], padding=1) + weights["m.conv2.bias"][:, None]
    shortcut = convolved(np.repeat(x, 2, axis=2) if doubles else x, weights["m.conv1x1.weight"])
    np.testing.assert_allclose(made, (h + shortcut) / np.sqrt(2), atol=1e-4)


def test_albert_attends_to_all_tokens_and_adds_types_and_places() -> None:
    config = AlbertConfig(hidden=6, heads=2, intermediate=8, layers=1, embedding=4, positions=9)
    weights: StateDict = {
        f"bert.embeddings.{table}_embeddings.weight": random(rows, 4)
        for table, rows in (("word", 10), ("position", 9), ("token_type", 2))
    }
    sizes = {"bert.encoder.embedding_hidden_mapping_in": (6, 4), f"{ALBERT_LAYER}.ffn": (8, 6)}
    sizes |= {f"{ALBERT_LAYER}.ffn_output": (6, 8)}
    sizes |= {f"{ALBERT_LAYER}.attention.{name}": (6, 6) for name in ("query", "key", "value", "dense")}
    for module, shape in sizes.items():
        weights |= {f"{module}.weight": random(*shape), f"{module}.bias": random(shape[0])}
    for norm, size in (
        ("bert.embeddings.LayerNorm", 4),
        (f"{ALBERT_LAYER}.attention.LayerNorm", 6),
        (f"{ALBERT_LAYER}.full_layer_layer_norm", 6),
    ):
        weights |= {f"{norm}.weight": random(size), f"{norm}.bias": random(size)}
    tokens = np.array([[0, 3, 3, 9, 0]])
    (made,) = run_graph(weights, lambda g, tokens: text.albert(g, tokens, config), tokens=tokens)
    np.testing.assert_allclose(made[0], numpy_albert(weights, tokens[0], config), atol=1e-4)


def numpy_albert(weights: StateDict, tokens: NDArray[np.int64], config: AlbertConfig) -> Floats:
    """One layer of ALBERT, from its paper and the original BERT's."""

    def linear(x: Floats, module: str) -> Floats:
        return x @ weights[f"{module}.weight"].T + weights[f"{module}.bias"]

    def norm(x: Floats, module: str) -> Floats:
        return layer_norm(x, config.layer_norm_eps) * weights[f"{module}.weight"] + weights[f"{module}.bias"]

    embeddings = "bert.embeddings"
    x = weights[f"{embeddings}.word_embeddings.weight"][tokens]
    x = x + weights[f"{embeddings}.position_embeddings.weight"][: len(tokens)]
    x = norm(x + weights[f"{embeddings}.token_type_embeddings.weight"][0], f"{embeddings}.LayerNorm")
    x = linear(x, "bert.encoder.embedding_hidden_mapping_in")
    attention = f"{ALBERT_LAYER}.attention"
    query, key, value = (linear(x, f"{attention}.{name}") for name in ("query", "key", "value"))
    size = config.hidden // config.heads
    heads = []
    for columns in (slice(0, size), slice(size, None)):
        scores = np.exp(query[:, columns] @ key[:, columns].T / np.sqrt(size))
        heads.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, columns])
    x = norm(
        x + linear(np.concatenate(heads, axis=1).astype(np.float32), f"{attention}.dense"), f"{attention}.LayerNorm"
    )
    h = linear(x, f"{ALBERT_LAYER}.ffn")
    gelu_new = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
    return norm(
        x + linear(gelu_new.astype(np.float32), f"{ALBERT_LAYER}.ffn_output"), f"{ALBERT_LAYER}.full_layer_layer_norm"
    )
