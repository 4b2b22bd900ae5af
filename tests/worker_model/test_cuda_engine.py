"""The batching engine on the CPU at a few thousand weights: everything but the graphs and the speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worker_model.tiny import TINY, tiny_weights
from worker.engine.base import MAX_TOKENS, STYLE_SIZE, Engine, EngineError, EngineJob, Speech
from worker.engine.ladder import Ladder, Lines, Rungs

torch = pytest.importorskip("torch")

from worker.engine.cuda import TorchEngine, TorchOptions  # noqa: E402 - needs torch
from worker.engine.device import choose_device  # noqa: E402
from worker.engine.in_flight import Call, TimedBatch  # noqa: E402

# Not for want of weights: torch is only installed where the tests of that mark run.
pytestmark = pytest.mark.model

CPU = torch.device("cpu")
LADDER = Ladder(
    tokens=Rungs(lengths=(8, 16, 32), jobs=(1, 2, 4), budget=64),
    durations=Rungs(lengths=(8, 32), jobs=(1, 4), budget=128),
    contour=Rungs(lengths=(16, 32, 64), jobs=(1, 4), budget=256),
    speech=Lines(sizes=(4, 8, 16, 64), jobs=3),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """More threads cost more than such small tensors are worth."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(**options: Any) -> TorchEngine:
    return TorchEngine(tiny_weights(), CPU, TorchOptions(**{"ladder": LADDER, **options}), TINY)


@pytest.fixture(scope="module")
def engine() -> TorchEngine:
    made = make()
    made.warm_up()
    return made


def job(num_tokens: int, speed: float = 1.5, seed: int = 0) -> EngineJob:
    rng = np.random.default_rng(num_tokens)
    ids = tuple(int(token) for token in rng.integers(1, 178, num_tokens))
    return EngineJob(ids, rng.standard_normal(STYLE_SIZE).astype(np.float32), speed, seed)


def speak(engine: TorchEngine, jobs: Sequence[EngineJob]) -> list[Speech]:
    made = engine.synthesise(jobs)
    assert all(isinstance(speech, Speech) for speech in made), made
    return [speech for speech in made if isinstance(speech, Speech)]


def close(ours: Speech, theirs: Speech) -> bool:
    same = np.array_equal(ours.durations, theirs.durations) and ours.pcm.shape == theirs.pcm.shape
    return same and int(np.abs(ours.pcm.astype(int) - theirs.pcm).max()) <= 1


def test_jobs_of_every_length_speak_as_they_do_alone(engine: TorchEngine) -> None:
    """More jobs than a batch holds, some past the ladder's last rungs."""
    jobs = [job(num_tokens, seed=num_tokens) for num_tokens in (3, 40, 1, 12, 25, 7, 60, 2, 14, 30)]
    for one, together in zip(jobs, speak(engine, jobs), strict=True):
        (alone,) = speak(engine, [one])
        assert close(together, alone)
        assert together.durations.shape == (len(one.token_ids) + 2,)
        assert together.durations.dtype == np.int32
        assert together.pcm.dtype == np.int16
        assert together.pcm.shape == (600 * together.durations.sum(),)


def test_one_token_and_the_most_there_can_be() -> None:
    engine = make(ladder=Ladder())
    short, long = speak(engine, [job(1), job(MAX_TOKENS, speed=4.0)])
    assert len(short.durations) == 3
    assert len(long.durations) == MAX_TOKENS + 2


def test_the_seed_makes_the_noise_and_without_noise_it_is_not_read(engine: TorchEngine) -> None:
    first, again, other = speak(engine, [job(9, seed=1), job(9, seed=1), job(9, seed=2**64 + 2)])
    assert np.array_equal(first.pcm, again.pcm)
    assert not close(first, other)
    first, other = speak(make(noise=False), [job(9, seed=1), job(9, seed=2)])
    assert np.array_equal(first.pcm, other.pcm)


def test_a_job_that_cannot_be_spoken_fails_alone(engine: TorchEngine) -> None:
    bad = EngineJob((1, 500), np.zeros(STYLE_SIZE, np.float32), 1.0, 0)
    failed, spoken = engine.synthesise([bad, job(5)])
    assert isinstance(failed, EngineError)
    assert isinstance(spoken, Speech)
    (failed,) = engine.synthesise([bad])
    assert isinstance(failed, EngineError)
    assert engine.synthesise([]) == []


def test_audio_that_is_not_finite_fails_its_job_alone() -> None:
    weights = tiny_weights()
    style = np.zeros(STYLE_SIZE, np.float32)
    style[0] = 1e38  # finite, and too much for the decoder's norms
    engine = TorchEngine(weights, CPU, TorchOptions(ladder=LADDER), TINY)
    failed, spoken = engine.synthesise([EngineJob((1, 2), style, 1.0, 0), job(4)])
    assert isinstance(failed, EngineError)
    assert "not finite" in str(failed)
    assert isinstance(spoken, Speech)


def test_prosody_that_is_not_finite_fails_its_job_alone(engine: TorchEngine) -> None:
    style = np.zeros(STYLE_SIZE, np.float32)
    style[STYLE_SIZE // 2 :] = 3e38  # finite, and too much for the norms of prosody
    failed, spoken = engine.synthesise([EngineJob((1, 2), style, 1.0, 0), job(4)])
    assert isinstance(failed, EngineError)
    assert isinstance(spoken, Speech)
    assert close(spoken, speak(engine, [job(4)])[0])


@pytest.mark.parametrize("wrong", [0, -(2**63), 2**40])
def test_durations_that_are_no_numbers_fail_their_job_alone(wrong: int) -> None:
    call = Call([job(1), job(2)])
    durations = torch.tensor([[1, wrong, 1, 0], [1, 30, 4, 1]])
    rows = torch.zeros(2, 4, TINY.hidden)
    call.keep_durations(TimedBatch([0, 1], durations, rows, rows))
    assert call.pending() == [1]
    assert "no numbers" in str(call.results[0])
    assert call.units(1) == 36


@pytest.mark.timeout(300)  # torch takes seconds to trace each shape
def test_after_warm_up_nothing_is_compiled_whatever_comes() -> None:
    from torch._dynamo.utils import counters

    small = Ladder(Rungs((8, 16), (1,), 16), Rungs((16,), (1,), 16), Rungs((32,), (1,), 32), Lines((4, 32), 2))
    engine = make(ladder=small, compile_backend="eager")
    engine.warm_up()
    assert engine.preparations == 6
    compiled = counters["stats"]["unique_graphs"]
    assert compiled >= 6
    jobs = [job(1), job(4), job(9), job(40)]  # the last is past the rungs of all but the lines
    for one, speech in zip(jobs, speak(engine, jobs), strict=True):
        assert close(speech, speak(make(), [one])[0])
    assert engine.preparations == 6
    assert counters["stats"]["unique_graphs"] == compiled


class SmallMemory:
    """A stage on a device with room for so many rows, like torch's allocator when there are more."""

    def __init__(self, stage: Any, rows: int) -> None:
        self._stage, self._rows = stage, rows
        self.failed = 0

    def __call__(self, *inputs: Any) -> Any:
        if inputs[0].shape[0] * inputs[0].shape[1] > self._rows:
            self.failed += 1
            raise torch.OutOfMemoryError("tried to allocate more than there is")
        return self._stage(*inputs)


@pytest.mark.parametrize(
    ("stage", "rows"), [("_encoding", 16), ("_timing", 16), ("_contouring", 32), ("_speaking", 32)]
)
def test_out_of_memory_halves_the_batch_and_fails_only_what_cannot_fit(stage: str, rows: int) -> None:
    engine = make()
    small = SmallMemory(getattr(engine, stage), rows)
    setattr(engine, stage, small)
    jobs = [job(4, seed=1), job(5, seed=2), job(60, seed=3), job(3, seed=4)]
    first, second, failed, fourth = engine.synthesise(jobs)
    assert isinstance(failed, EngineError)
    assert failed.code == "out_of_memory"
    for made, one in zip((first, second, fourth), (jobs[0], jobs[1], jobs[3]), strict=True):
        assert isinstance(made, Speech)
        assert close(made, speak(make(), [one])[0])
    assert small.failed


def test_a_job_longer_than_the_memory_set_aside_is_refused_alone() -> None:
    engine = make(ladder=replace(LADDER, speech=Lines((2, 5), 2)))
    spoken, failed = engine.synthesise([job(3), job(60, speed=0.5)])
    assert isinstance(spoken, Speech)
    assert isinstance(failed, EngineError)
    assert failed.code == "out_of_memory"
    assert "memory is set aside for 1 s" in str(failed)


def test_two_threads_may_ask_at_once(engine: TorchEngine) -> None:
    batches = [[job(length + 1, seed=length), job(30 - length, seed=7)] for length in range(8)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda batch: speak(engine, batch), batches))
    for batch, spoken in zip(batches, together, strict=True):
        assert all(close(ours, alone) for ours, alone in zip(spoken, speak(engine, batch), strict=True))


def test_another_failure_of_torch_fails_the_batch(engine: TorchEngine) -> None:
    broken = make()
    broken._network._p._tensors.pop("decoder.F0_conv.bias")
    broken._network._p._tensors["decoder.F0_conv.bias"] = torch.zeros(7)
    with pytest.raises(EngineError, match="torch failed on a batch of 1 jobs"):
        broken.synthesise([job(3)])


def test_the_compile_cache_goes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        monkeypatch.setenv(name, "elsewhere")
    make(compile_cache_dir=tmp_path)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "inductor")
    assert os.environ["TRITON_CACHE_DIR"] == str(tmp_path / "triton")


def test_what_it_declares() -> None:
    engine: Engine = make()
    assert engine.name == "torch-cpu"
    assert engine.capabilities.max_batch_jobs == 3
    assert engine.capabilities.max_batch_tokens == 3 * (MAX_TOKENS + 2)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="a GPU is here")
def test_asking_for_a_gpu_where_there_is_none_is_an_error() -> None:
    assert choose_device() == choose_device("cpu") == choose_device("cpu", use_gpu=False) == CPU
    assert choose_device(None, use_gpu=False) == CPU
    for kind, use_gpu in (("cuda", None), ("mps", None), ("cuda", True), (None, True)):
        with pytest.raises(EngineError, match="finds no such device") as caught:
            choose_device(kind, use_gpu)  # type: ignore[arg-type]
        assert caught.value.code == "device_unavailable"
    for kind, use_gpu in (("cuda", False), ("cpu", True)):
        with pytest.raises(EngineError, match="contradicts"):
            choose_device(kind, use_gpu)  # type: ignore[arg-type]
