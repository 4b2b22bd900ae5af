"""The onnx engine's contract, on a tiny graph."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.worker_model.tiny import TINY, tiny_weights
from worker.engine.base import EngineError, EngineJob, Interrupted, Speech, speech_from_audio
from worker.engine.cores import usable_cores
from worker.engine.onnx import OnnxEngine
from worker.engine.reference import unfold_weight_norm
from worker.engine.session import SessionSettings
from worker.model.export import build_graph
from worker.model.state_dict import fold_weight_norm


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> OnnxEngine:
    path = tmp_path_factory.mktemp("graph") / "tiny.onnx"
    path.write_bytes(build_graph(tiny_weights(), TINY).SerializeToString())
    engine = OnnxEngine(path, SessionSettings(num_threads=1))
    engine.warm_up()
    return engine


def job(*token_ids: int, style: float = 0.1, speed: float = 1.0) -> EngineJob:
    return EngineJob(token_ids, np.full(256, style, np.float32), speed, seed=0)


def test_jobs_are_spoken_in_order_and_as_when_alone(engine: OnnxEngine) -> None:
    jobs = [job(1, 2, 3), job(4), job(*range(1, 178), style=-0.3)]
    together = engine.synthesise(jobs)
    alone = [engine.synthesise([each])[0] for each in jobs]
    for each, one, other in zip(jobs, together, alone, strict=True):
        assert isinstance(one, Speech)
        assert isinstance(other, Speech)
        assert one.pcm.dtype == np.int16
        assert one.durations.dtype == np.int32
        assert one.durations.shape == (len(each.token_ids) + 2,)
        assert len(one.pcm) == 600 * one.durations.sum()
        np.testing.assert_array_equal(one.pcm, other.pcm)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (job(), "0 tokens"),
        (job(*[1] * 511), "511 tokens"),
        (job(178), "token ids outside"),
        (job(-1), "token ids outside"),
        (job(1, style=float("nan")), "style"),
        (EngineJob((1,), np.zeros(3, np.float32), 1.0, 0), "style"),
        (job(1, speed=float("nan")), "speed nan"),
        (job(1, speed=0.0), "speed 0.0"),
    ],
)
def test_a_bad_job_fails_alone(engine: OnnxEngine, bad: EngineJob, reason: str) -> None:
    failed, spoken = engine.synthesise([bad, job(1)])
    assert isinstance(failed, EngineError)
    assert reason in str(failed)
    assert isinstance(spoken, Speech)


def test_the_longest_job_there_can_be(engine: OnnxEngine) -> None:
    (speech,) = engine.synthesise([job(*[7] * 510, speed=0.25)])
    assert isinstance(speech, Speech)


def test_a_graph_that_cannot_be_loaded_is_an_engine_error(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"not a graph")
    for path in (garbage, tmp_path / "absent.onnx"):
        with pytest.raises(EngineError, match="cannot be loaded"):
            OnnxEngine(path)


@pytest.mark.parametrize(
    ("audio", "reason"),
    [(np.zeros(0), "no audio"), (np.full(600, np.inf), "not finite"), (np.zeros(599), "for durations of 1 units")],
)
def test_bad_output_is_an_engine_error(audio: np.ndarray[tuple[int], np.dtype[np.float64]], reason: str) -> None:
    made = speech_from_audio(audio.astype(np.float32), np.array([1]))
    assert isinstance(made, EngineError)
    assert reason in str(made)


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_cores_are_bounded_by_the_containers_quota(tmp_path: Path, files: dict[str, str], most: int | None) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    unbounded = usable_cores(tmp_path / "nowhere")
    assert unbounded >= 1
    assert usable_cores(tmp_path) == (unbounded if most is None else most)


def test_unfolding_weight_norm_is_undone_by_folding_even_for_rows_of_zeros() -> None:
    weight = np.random.default_rng(5).standard_normal((4, 3, 2)).astype(np.float32)
    weight[1] = 0
    magnitude, direction = unfold_weight_norm(weight)
    assert magnitude.shape == (4, 1, 1)
    assert np.linalg.norm(direction[1]) > 0
    np.testing.assert_allclose(fold_weight_norm(direction, magnitude), weight, rtol=1e-6)


def test_an_interrupted_batch_ends_at_once_and_the_next_is_as_ever(engine: OnnxEngine) -> None:
    before = engine.synthesise([job(1, 2, 3)])[0]
    engine.interrupt()  # between batches: of no effect
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(engine.synthesise, [job(*range(1, 178))] * 100_000)
        while not running.done():
            engine.interrupt()
    assert isinstance(running.exception(), Interrupted)
    after = engine.synthesise([job(1, 2, 3)])[0]
    assert isinstance(before, Speech)
    assert isinstance(after, Speech)
    np.testing.assert_array_equal(after.pcm, before.pcm)
