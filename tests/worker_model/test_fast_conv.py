"""Fast convolutions and the residual blocks made of them, against plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.worker_model.tiny import run_graph
from worker.model.config import GeneratorConfig
from worker.model.graph.builder import GraphBuilder, Tensor
from worker.model.graph.fast_conv import Algorithm, Rows, fourier, toom_cook
from worker.model.graph.generator import phases
from worker.model.graph.residual import ALGORITHMS, ResidualBlocks, left_out_bias, snake
from worker.model.state_dict import StateDict

Floats = NDArray[np.float32]
RNG = np.random.default_rng(5)

CANDIDATES = {
    "fourier 8, 3 taps": fourier(8, 3),
    "fourier 16, 7 taps": fourier(16, 7),
    "fourier 32, 11 taps": fourier(32, 11),
    "toom-cook of 2, 3 taps": toom_cook((0.0, 1.0, -1.0), 3),
    "toom-cook of 6, 3 taps": toom_cook((0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5), 3),
}


def random(*shape: int) -> Floats:
    return RNG.standard_normal(shape).astype(np.float32)


def convolved(rows: NDArray[np.floating[Any]], weight: Floats, dilation: int = 1) -> NDArray[np.float64]:
    """Zero-padded convolution of (length, inputs) by (outputs, inputs, taps), in float64, tap by tap."""
    taps, side = weight.shape[2], dilation * (weight.shape[2] - 1) // 2
    padded = np.pad(rows.astype(np.float64), ((side, side), (0, 0)))
    shifted = [padded[tap * dilation : tap * dilation + len(rows)] @ weight[:, :, tap].T for tap in range(taps)]
    made: NDArray[np.float64] = np.sum(shifted, axis=0)
    return made


@pytest.mark.parametrize("algorithm", CANDIDATES.values(), ids=CANDIDATES)
def test_the_matrices_are_an_algorithm_for_correlation(algorithm: Algorithm) -> None:
    step, taps, size = len(algorithm.backward), algorithm.kernel.shape[1], algorithm.forward.shape[1]
    assert step == size - taps + 1
    assert len(algorithm.kernel) < step * taps  # or it would not be fast
    x, w = RNG.standard_normal(size), RNG.standard_normal(taps)
    made = algorithm.backward @ ((algorithm.kernel @ w) * (algorithm.forward @ x))
    np.testing.assert_allclose(made, np.lib.stride_tricks.sliding_window_view(x, taps) @ w, atol=1e-12)


@pytest.mark.parametrize("dilation", [1, 3, 5])
@pytest.mark.parametrize("length", [1, 2, 21, 22, 23, 331])
@pytest.mark.parametrize("taps", [3, 7, 11])
def test_any_length_and_dilation_is_convolved_as_by_the_book(taps: int, length: int, dilation: int) -> None:
    rows, weight = random(length, 5), random(4, 5, taps)

    def build(g: GraphBuilder, rows: Tensor) -> Tensor:
        length = g.op("Squeeze", g.slice(g.op("Shape", rows), 0, 1, 0))
        return Rows(g, length).convolve(rows, "weight", weight, ALGORITHMS[taps], dilation)

    (made,) = run_graph({}, build, rows=rows)
    np.testing.assert_allclose(made, convolved(rows, weight, dilation), atol=5e-5)


@pytest.mark.parametrize(("taps", "channels"), [(3, 256), (7, 256), (11, 128)])
def test_rounding_errors_stay_those_of_float32(taps: int, channels: int) -> None:
    """At the network's own sizes: a relative error of 1e-6 is 120 dB below the signal."""
    rows, weight = random(400, channels), random(channels, channels, taps)

    def build(g: GraphBuilder, rows: Tensor) -> Tensor:
        length = g.op("Squeeze", g.slice(g.op("Shape", rows), 0, 1, 0))
        return Rows(g, length).convolve(rows, "weight", weight, ALGORITHMS[taps])

    (made,) = run_graph({}, build, rows=rows)
    expected = convolved(rows, weight)
    assert np.sqrt(np.mean((made - expected) ** 2) / np.mean(expected**2)) < 2e-6


def block_weights(taps: int, channels: int) -> StateDict:
    weights: StateDict = {}
    for step in range(3):
        for half in (1, 2):
            weights |= {
                f"m.convs{half}.{step}.weight": random(channels, channels, taps) / np.float32(np.sqrt(channels * taps)),
                f"m.convs{half}.{step}.bias": random(channels),
                f"m.adain{half}.{step}.fc.weight": random(2 * channels, 6),
                f"m.adain{half}.{step}.fc.bias": random(2 * channels),
                f"m.alpha{half}.{step}": np.abs(random(1, channels, 1)) + np.float32(1),
            }
    return weights


def by_the_book(x: NDArray[np.float64], style: Floats, weights: StateDict) -> NDArray[np.float64]:
    """``AdaINResBlock1`` over rows, in float64, biases and all."""

    def snake(x: NDArray[np.float64], half: int, step: int) -> NDArray[np.float64]:
        affine = weights[f"m.adain{half}.{step}.fc.weight"] @ style + weights[f"m.adain{half}.{step}.fc.bias"]
        gamma, beta = np.split(affine, 2)
        h = (1 + gamma) * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + beta
        alpha = weights[f"m.alpha{half}.{step}"].reshape(-1)
        made: NDArray[np.float64] = h + np.sin(alpha * h) ** 2 / alpha
        return made

    for step, dilation in enumerate((1, 3, 5)):
        h = convolved(snake(x, 1, step), weights[f"m.convs1.{step}.weight"], dilation)
        h = h + weights[f"m.convs1.{step}.bias"]
        x = x + convolved(snake(h, 2, step), weights[f"m.convs2.{step}.weight"]) + weights[f"m.convs2.{step}.bias"]
    return x


@pytest.mark.parametrize("mean", [0.0, 100.0])
@pytest.mark.parametrize("taps", [3, 7, 11])
def test_a_residual_block_and_the_bias_it_leaves_out(taps: int, mean: float) -> None:
    """Also where the mean is large beside the spread, as it is in some channels of the real network."""
    weights, config = block_weights(taps, channels=6), GeneratorConfig()
    rows, style = random(150, 6) + np.float32(mean), random(6)
    (made,) = run_graph(
        weights, lambda g, rows, style: ResidualBlocks(g, rows, style, config).refine(rows, "m"), rows=rows, style=style
    )
    bias = left_out_bias(GraphBuilder(weights), "m", config)
    difference = made + bias - by_the_book(rows.astype(np.float64), style, weights)
    assert np.sqrt(np.mean(difference**2)) < 3e-3  # six times snake's error, for values of about 10


def test_a_constant_in_a_blocks_input_goes_through_it_unchanged() -> None:
    """Which is why biases left out of one block may be added in front of the next."""
    weights = block_weights(7, channels=6)
    rows, style, constant = random(150, 6).astype(np.float64), random(6), random(6).astype(np.float64)
    np.testing.assert_allclose(
        by_the_book(rows + constant, style, weights), by_the_book(rows, style, weights) + constant, atol=1e-9
    )


@pytest.mark.parametrize(("rate", "inputs", "outputs", "length"), [(6, 4, 3, 5), (10, 3, 2, 1)])
def test_phases_make_a_transposed_convolution_one_product(rate: int, inputs: int, outputs: int, length: int) -> None:
    weight, rows = random(inputs, outputs, 2 * rate), random(length, inputs)
    spread = np.zeros(((length + 1) * rate, outputs))
    for step in range(length):  # every input step adds its taps, scaled
        spread[step * rate : (step + 2) * rate] += np.einsum("i,iok->ko", rows[step], weight)
    pairs = np.concatenate([np.pad(rows, ((1, 0), (0, 0))), np.pad(rows, ((0, 1), (0, 0)))], axis=1)
    np.testing.assert_allclose((pairs @ phases(weight, rate)).reshape(-1, outputs), spread, atol=1e-5)


def test_phases_refuse_a_kernel_of_another_length() -> None:
    with pytest.raises(ValueError, match="has 5 taps, expected 6"):
        phases(random(2, 2, 5), 3)


def test_snake_needs_no_sine() -> None:
    t = np.concatenate([np.linspace(-3, 3, 5000), random(1000) * 40]).astype(np.float32)
    (made,) = run_graph({}, snake, t=t)
    exact = t + np.sin(np.pi * t.astype(np.float64)) ** 2 / np.pi
    np.testing.assert_allclose(made, exact, atol=3e-4)
