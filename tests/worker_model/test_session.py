"""Every setting of ONNX Runtime, from the environment to the running session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import onnxruntime
import pytest
from pydantic import ValidationError

from tests.worker_model.tiny import TINY, tiny_weights
from worker.engine.cores import usable_cores
from worker.engine.onnx import OnnxEngine
from worker.engine.session import session_options
from worker.main import session_settings
from worker.model.export import build_graph
from worker.settings import WorkerSettings


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "tiny.onnx"
    path.write_bytes(build_graph(tiny_weights(), TINY).SerializeToString())
    return path


@pytest.fixture
def arrived(graph: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., onnxruntime.SessionOptions]:
    """Set environment variables, start an engine as a worker does, return what its session runs with."""

    def start(**environment: str) -> onnxruntime.SessionOptions:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        engine = OnnxEngine(graph, session_settings(WorkerSettings()))
        return engine._session.get_session_options()

    return start


@pytest.fixture
def runtime_log(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What ONNX Runtime writes about itself from now on."""
    onnxruntime.set_default_logger_severity(1)
    yield lambda: capfd.readouterr().err
    onnxruntime.set_default_logger_severity(2)


def test_defaults_follow_from_the_cores(arrived: Callable[..., onnxruntime.SessionOptions]) -> None:
    options = arrived()
    assert options.intra_op_num_threads == usable_cores()
    assert options.inter_op_num_threads == 1
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    assert options.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert options.enable_mem_pattern is False


def test_threads_arrive(arrived: Callable[..., onnxruntime.SessionOptions]) -> None:
    options = arrived(ONNX_NUM_THREADS="3", ONNX_INTER_OP_THREADS="2", ONNX_EXECUTION_MODE="parallel")
    assert options.intra_op_num_threads == 3
    assert options.inter_op_num_threads == 2
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL


def test_parallel_mode_runs_an_operator_on_each_core(arrived: Callable[..., onnxruntime.SessionOptions]) -> None:
    assert arrived(ONNX_EXECUTION_MODE="parallel").inter_op_num_threads == usable_cores()


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("disable", onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL),
        ("basic", onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC),
        ("extended", onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED),
        ("all", onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL),
    ],
)
def test_optimisation_levels_arrive(
    arrived: Callable[..., onnxruntime.SessionOptions], level: str, expected: object
) -> None:
    assert arrived(ONNX_OPTIMIZATION_LEVEL=level).graph_optimization_level == expected


def test_the_memory_pattern_arrives(arrived: Callable[..., onnxruntime.SessionOptions]) -> None:
    assert arrived(ONNX_MEMORY_PATTERN="true").enable_mem_pattern is True


@pytest.mark.parametrize(("duration_us", "allowed"), [("0", "0"), ("50", "1")])
def test_spinning_arrives(arrived: Callable[..., onnxruntime.SessionOptions], duration_us: str, allowed: str) -> None:
    options = arrived(ONNX_SPIN_US=duration_us)
    for pool in ("intra_op", "inter_op"):
        assert options.get_session_config_entry(f"session.{pool}.allow_spinning") == allowed
        assert options.get_session_config_entry(f"session.{pool}.spin_duration_us") == duration_us


@pytest.mark.parametrize(("strategy", "number"), [("kNextPowerOfTwo", 0), ("kSameAsRequested", 1)])
def test_the_arenas_strategy_arrives(
    monkeypatch: pytest.MonkeyPatch, runtime_log: Callable[[], str], strategy: str, number: int
) -> None:
    monkeypatch.setenv("ONNX_ARENA_EXTEND_STRATEGY", strategy)
    options = session_options(session_settings(WorkerSettings()))
    assert f"arena_extend_strategy: {number}" in runtime_log()
    assert options.get_session_config_entry("session.use_env_allocators") == "1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ONNX_NUM_THREADS", "-1"),
        ("ONNX_NUM_THREADS", "many"),
        ("ONNX_INTER_OP_THREADS", "-1"),
        ("ONNX_EXECUTION_MODE", "concurrent"),
        ("ONNX_OPTIMIZATION_LEVEL", "99"),
        ("ONNX_MEMORY_PATTERN", "perhaps"),
        ("ONNX_ARENA_EXTEND_STRATEGY", "kNextPowerOfThree"),
        ("ONNX_SPIN_US", "-1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        WorkerSettings()
