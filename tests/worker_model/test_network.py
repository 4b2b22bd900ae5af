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

from tests.worker_model.line import Line  # noqa: E402 - needs torch
from worker.model.network.network import Network, pcm16, unit_rows  # noqa: E402
from worker.model.network.packing import Packing  # noqa: E402
from worker.model.network.placement import place  # noqa: E402

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
    """All stages for one batch, ``spare`` steps and blocks longer than need be, padded with ``garbage``."""
    lengths = torch.tensor([len(job.tokens) for job in batch])
    tokens = torch.full((len(batch), int(lengths.max()) + spare), 5)
    for row, job in enumerate(batch):
        tokens[row, : len(job.tokens)] = torch.from_numpy(job.tokens)
    style = torch.from_numpy(np.stack([job.style for job in batch]))
    with torch.inference_mode():
        words, letters = network.encode(tokens, lengths)
        speeds = torch.tensor([job.speed for job in batch])
        durations, prosody, encoded = network.durations(words, letters, lengths, style, speeds)
        units = durations.sum(1)
        rows = [torch.from_numpy(unit_rows(lasts)) for lasts in durations.numpy()]
        aligned = garbage * torch.randn(len(batch), int(units.max()) + spare, prosody.shape[2])
        for row, here in enumerate(rows):
            aligned[row, : len(here)] = prosody[row, here]
        (contour,) = network.contour(aligned, units, style)
        line = Line(units.tolist(), spare)
        joined = line.join([contour[row, : len(here)] for row, here in enumerate(rows)], garbage)
        text = line.join([encoded[row, here] for row, here in enumerate(rows)], garbage)
        styles, seeds = line.of_jobs(style), line.of_jobs(torch.tensor([job.seed for job in batch]))
        f0, loudness = (line.parts(curve) for curve in network.curves(joined, line.packing, styles))
        audio = network.speech(joined, text, line.packing, styles, seeds)
    return [
        Spoken(durations[row, : len(job.tokens)].numpy(), f0[row], loudness[row], sound)
        for row, (job, sound) in enumerate(zip(batch, line.cut(audio), strict=True))
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
        assert ours.audio.shape == alone.audio.shape == (samples,)
        torch.testing.assert_close(ours.audio, alone.audio, atol=1e-5, rtol=0)


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
    device = network.device
    lengths = torch.tensor([7, 3]).to(device)
    style = torch.zeros(2, STYLE_SIZE, device=device)
    tokens = torch.zeros(2, 7, dtype=torch.long, device=device)
    packing = Packing(*(torch.from_numpy(each).to(device) for each in place([5], 2, 2)))
    rows, line = torch.zeros(2, 7, TINY.hidden, device=device), torch.zeros(1, 16, TINY.hidden, device=device)
    return {
        "encode": (network.encode, (tokens, lengths)),
        "durations": (network.durations, (rows, rows, lengths, style, torch.ones(2, device=device))),
        "contour": (network.contour, (rows, lengths, style)),
        "speech": (network.speech, (line, line, packing, style, lengths)),
    }


@pytest.mark.timeout(300)  # torch takes seconds to trace
@pytest.mark.parametrize("stage", ["encode", "durations", "contour", "speech"])
def test_a_stage_is_one_graph(network: Network, stage: str) -> None:
    function, inputs = _stages(network)[stage]
    with torch.inference_mode():
        compiled = torch.compile(function, fullgraph=True, backend="eager")(*inputs)
        for ours, theirs in zip(_tensors(compiled), _tensors(function(*inputs)), strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("stage", ["encode", "durations", "contour", "speech"])
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
    assert watched.operators > 5


def _tensors(made: Any) -> list[Any]:
    return [value for value in (made if isinstance(made, tuple | list) else [made]) if isinstance(value, torch.Tensor)]


def test_pcm_made_on_the_device_is_the_contracts() -> None:
    audio = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 0.99999, 1e-5, 1.5 / 32767, 2.5 / 32767], np.float32)
    np.testing.assert_array_equal(pcm16(torch.from_numpy(audio)).numpy(), float_to_pcm16(audio))


def test_unit_rows_repeat_each_row_for_its_duration() -> None:
    np.testing.assert_array_equal(unit_rows(np.array([2, 1, 3]), start=4), [4, 4, 5, 6, 6, 6])


def test_one_jobs_infinities_are_not_its_neighbours(network: Network) -> None:
    good, bad = jobs(6, 6)
    bad.style[0] = 1e38  # finite, and too much for the decoder's norms
    failed, spoken = run(network, [bad, good])
    assert not torch.isfinite(failed.audio).all()
    torch.testing.assert_close(spoken.audio, run(network, [good])[0].audio, atol=1e-5, rtol=0)
