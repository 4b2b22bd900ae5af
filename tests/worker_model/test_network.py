"""The torch network at a few thousand weights: a batch is its single runs, and nothing waits for the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.worker_model.tiny import TINY, tiny_weights
from worker.engine.base import STYLE_SIZE, float_to_pcm16

torch = pytest.importorskip("torch")

from worker.model.network.network import Network, pcm16, unit_rows  # noqa: E402 - needs torch

# Not for want of weights: torch is only installed where the tests of that mark run.
pytestmark = pytest.mark.model

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Job:
    """One utterance, with its boundary tokens."""

    tokens: Integers
    style: NDArray[np.float32]
    speed: float
    seed: int


@dataclass(frozen=True)
class Spoken:
    durations: Integers
    f0: Any
    loudness: Any
    audio: Any


def jobs(*lengths: int) -> list[Job]:
    rng = np.random.default_rng(7)
    return [
        Job(
            np.array([0, *rng.integers(1, 178, length - 2), 0]),
            rng.standard_normal(STYLE_SIZE).astype(np.float32),
            float(rng.uniform(0.8, 3.0)),
            int(rng.integers(2**62)),
        )
        for length in lengths
    ]


def run(network: Network, batch: list[Job], *, spare: int = 0, garbage: float = 0.0) -> list[Spoken]:
    """All stages for one batch, ``spare`` steps longer than need be, padded with ``garbage``."""
    lengths = torch.tensor([len(job.tokens) for job in batch])
    tokens = torch.full((len(batch), int(lengths.max()) + spare), 5)
    for row, job in enumerate(batch):
        tokens[row, : len(job.tokens)] = torch.from_numpy(job.tokens)
    style = torch.from_numpy(np.stack([job.style for job in batch]))
    seeds = torch.tensor([job.seed for job in batch])
    with torch.inference_mode():
        durations, encodings = network.text(tokens, lengths, style, torch.tensor([job.speed for job in batch]))
        units = durations.sum(1)
        aligned = garbage * torch.randn(len(batch), int(units.max()) + spare, encodings.shape[2])
        for row, (lasts, count) in enumerate(zip(durations.numpy(), units.tolist(), strict=True)):
            aligned[row, :count] = encodings[row, torch.from_numpy(unit_rows(lasts, count))]
        f0, loudness = network.curves(aligned, units, style)
        audio = network.speech(aligned, units, style, seeds)
    return [
        Spoken(durations[row, : len(job.tokens)].numpy(), f0[row, : 2 * count], loudness[row, : 2 * count], audio[row])
        for row, (job, count) in enumerate(zip(batch, units.tolist(), strict=True))
    ]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """More threads cost more than such small tensors are worth."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(tiny_weights(), TINY)


@pytest.mark.parametrize(("spare", "garbage"), [(0, 0.0), (11, 20.0)])
def test_a_padded_batch_is_its_single_runs(network: Network, spare: int, garbage: float) -> None:
    batch = jobs(3, 30, 9, 17, 4)
    together = run(network, batch, spare=spare, garbage=garbage)
    for job, ours in zip(batch, together, strict=True):
        (alone,) = run(network, [job])
        np.testing.assert_array_equal(ours.durations, alone.durations)
        torch.testing.assert_close(ours.f0, alone.f0, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(ours.loudness, alone.loudness, atol=1e-5, rtol=1e-5)
        samples = 600 * int(alone.durations.sum())
        assert alone.audio.shape == (samples,)
        torch.testing.assert_close(ours.audio[:samples], alone.audio, atol=1e-5, rtol=0)
        assert not ours.audio[samples:].any()


def test_the_same_job_and_seed_sound_the_same_and_another_seed_does_not(network: Network) -> None:
    (job,) = jobs(12)
    first, again, other = (run(network, [replace(job, seed=seed)])[0].audio for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert (first - other).abs().max() > 1e-4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_half_precision_vocoder_is_close_and_leaves_the_rest_alone(network: Network, dtype: str) -> None:
    half = Network(tiny_weights(), TINY, dtype=getattr(torch, dtype))
    for exact, rounded in zip(run(network, jobs(5, 9)), run(half, jobs(5, 9)), strict=True):
        np.testing.assert_array_equal(exact.durations, rounded.durations)
        assert torch.equal(exact.f0, rounded.f0)
        assert rounded.audio.dtype is torch.float32
        size = exact.audio.square().mean().sqrt()
        assert (exact.audio - rounded.audio).square().mean().sqrt() <= 0.05 * size


def _stages(network: Network) -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Every stage, compiled or not, with inputs of some shape."""
    lengths = torch.tensor([7, 3]).to(network.device)
    style = torch.zeros(2, STYLE_SIZE, device=network.device)
    tokens = torch.zeros(2, 7, dtype=torch.long, device=network.device)
    aligned = torch.zeros(2, 9, 2 * TINY.hidden, device=network.device)
    return {
        "text": (network.text, (tokens, lengths, style, torch.ones(2, device=network.device))),
        "speech": (network.speech, (aligned, lengths, style, lengths)),
    }


@pytest.mark.timeout(300)  # torch takes seconds to trace
@pytest.mark.parametrize("stage", ["text", "speech"])
def test_a_stage_is_one_graph(network: Network, stage: str) -> None:
    function, inputs = _stages(network)[stage]
    with torch.inference_mode():
        compiled = torch.compile(function, fullgraph=True, backend="eager")(*inputs)
        for ours, theirs in zip(_tensors(compiled), _tensors(function(*inputs)), strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("stage", ["text", "speech"])
def test_a_stage_neither_reads_a_value_nor_makes_a_tensor_elsewhere(stage: str) -> None:
    """On the meta device, whose tensors have no values: reading one is an error. So no stage waits for its device."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class OnlyOnMeta(TorchDispatchMode):  # type: ignore[misc] # torch is not there when types are checked
        operators = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            assert all(tensor.device.type == "meta" for tensor in _tensors(made)), func
            self.operators += 1
            return made

    function, inputs = _stages(Network(tiny_weights(), TINY, device="meta"))[stage]
    with torch.inference_mode(), OnlyOnMeta() as watched:
        function(*inputs)
    assert watched.operators > 100


def _tensors(made: Any) -> list[Any]:
    return [value for value in (made if isinstance(made, tuple | list) else [made]) if isinstance(value, torch.Tensor)]


def test_pcm_made_on_the_device_is_the_contracts() -> None:
    audio = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 0.99999, 1e-5, 1.5 / 32767, 2.5 / 32767], np.float32)
    np.testing.assert_array_equal(pcm16(torch.from_numpy(audio)).numpy(), float_to_pcm16(audio))


def test_unit_rows_repeat_each_row_for_its_duration() -> None:
    np.testing.assert_array_equal(unit_rows(np.array([2, 1, 3]), 8, start=4), [4, 4, 5, 6, 6, 6, 0, 0])
