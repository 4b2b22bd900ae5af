"""The whole graph, and the file it becomes, on a tiny model."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.worker_model.tiny import TINY, run_model, tiny_weights
from tests.worker_model.torch_zip import write_modules
from worker.model import graph_file, pins
from worker.model.export import build_graph, build_onnx
from worker.model.graph.residual import ALGORITHMS
from worker.model.graph_file import weights_of
from worker.model.graph_writer import write_graph
from worker.model.sources import ModelStore, ModelUnavailable


class Steps:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def step(self, name: str, done: int, total: int | None) -> None:
        del done, total
        self.names.append(name)


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return build_graph(tiny_weights(), TINY)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    write_modules(tmp_path / pins.HUB_WEIGHTS.name, tiny_weights())
    return ModelStore(tmp_path, tmp_path / "voices", origins=[])


def inputs(num_tokens: int, speed: float = 1.0) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    rng = np.random.default_rng(num_tokens)
    return {
        "tokens": np.array([[0, *rng.integers(1, TINY.n_token, num_tokens), 0]]),
        "style": rng.standard_normal((1, 2 * TINY.style)).astype(np.float32),
        "speed": np.array([speed], np.float32),
    }


@pytest.mark.parametrize("num_tokens", [1, 2, 40, 510])
def test_audio_is_as_long_as_the_durations_say(model: onnx.ModelProto, num_tokens: int) -> None:
    audio, durations = run_model(model, inputs(num_tokens))
    assert durations.shape == (num_tokens + 2,)
    assert durations.min() >= 1
    assert audio.shape == (600 * durations.sum(),)
    assert audio.dtype == np.float32
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() > 0


def test_equal_inputs_give_equal_audio(model: onnx.ModelProto) -> None:
    first, second = (run_model(model, inputs(12))[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_speed_divides_durations(model: onnx.ModelProto) -> None:
    slow = run_model(model, inputs(12, speed=0.25))[1]
    fast = run_model(model, inputs(12, speed=4.0))[1]
    assert slow.sum() > 2 * fast.sum()


def test_the_graph_is_sound_and_uses_no_loops(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    operators = {node.op_type for node in model.graph.node}
    assert operators.isdisjoint({"Loop", "If", "Scan", "SplitToSequence", "Pow"})
    assert not any(operator.startswith("Random") for operator in operators)


def test_every_weight_is_stored_once_and_no_more(model: onnx.ModelProto) -> None:
    stored = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    weights = sum(tensor.size for tensor in tiny_weights().values())
    blocks = [tensor for name, tensor in tiny_weights().items() if "res" in name and ".convs" in name]
    taps = sum(tensor.size for tensor in blocks if tensor.ndim == 3)
    transformed = sum(
        tensor.size // tensor.shape[2] * len(ALGORITHMS[tensor.shape[2]].kernel)
        for tensor in blocks
        if tensor.ndim == 3
    )
    own = 2 * 22 * 20 + 6000  # the Fourier kernels, and constants
    gone = sum(tensor.size for name, tensor in tiny_weights().items() if ".alpha" in name or ".convs" in name) - taps
    assert weights - taps - gone <= stored - transformed <= weights - taps + own


def test_nodes_are_named_after_modules(model: onnx.ModelProto) -> None:
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    products = {node.name for node in model.graph.node if node.op_type == "MatMul"}
    assert "decoder.generator.resblocks.5.convs2.2/MatMul" in products


def test_the_same_weights_give_the_same_file() -> None:
    first, second = (build_graph(tiny_weights(), TINY).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_a_graph_is_built_once(store: ModelStore) -> None:
    with pytest.raises(ModelUnavailable, match="no fused or fp32 graph built by this version"):
        store.onnx_path()
    built = build_onnx(store, Steps(), TINY)
    assert built == store.onnx_path()
    stamp = built.stat().st_mtime_ns
    again = Steps()
    assert build_onnx(store, again, TINY) == built
    assert built.stat().st_mtime_ns == stamp
    assert again.names == []


def test_other_weights_or_other_code_build_anew_and_clear_away(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_onnx(store, Steps(), TINY)
    write_modules(store.weights_path, tiny_weights(seed=1))
    second = build_onnx(store, Steps(), TINY)
    assert second != first
    monkeypatch.setattr(graph_file, "code_hash", lambda: "other")
    third = build_onnx(store, Steps(), TINY)
    assert graph_file.graphs(store.model_dir) == [third]
    assert third not in {first, second}


def test_the_code_hash_covers_the_graphs_source() -> None:
    covered = {Path(name).name for name in graph_file._BUILDER}
    assert {"layers.py", "source.py", "generator.py", "export.py", "onnx_weights.py"} <= covered


def test_a_folder_with_only_a_graph_will_do(store: ModelStore) -> None:
    built = build_onnx(store, Steps(), TINY)
    store.weights_path.unlink()
    assert store.onnx_path() == built


def test_a_build_that_fails_leaves_nothing(store: ModelStore) -> None:
    whole = store.weights_path.read_bytes()
    store.weights_path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Exception, match="cannot be read"):
        build_onnx(store, Steps(), TINY)
    assert graph_file.graphs(store.model_dir) == []
    assert list(store.model_dir.glob(".*.part")) == []


def test_two_builds_at_once_do_the_work_once(store: ModelStore) -> None:
    steps = [Steps(), Steps()]
    threads = [threading.Thread(target=build_onnx, args=(store, each, TINY)) for each in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("building the graph" in each.names for each in steps) == [False, True]
    assert store.onnx_path().is_file()


def test_weights_are_mapped_from_a_file_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    model = build_graph(tiny_weights(), TINY)
    (audio, _), size = run_model(model, inputs(12)), model.ByteSize()
    written = write_graph(model, path)
    assert written == path.stat().st_size + weights_of(path).stat().st_size >= size
    large = [tensor for tensor in onnx.load(path, load_external_data=False).graph.initializer if tensor.external_data]
    assert large
    for tensor in large:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        assert entries["location"] == "graph.weights"
        assert int(entries["offset"]) % 64 == 0
    np.testing.assert_array_equal(run_model(path, inputs(12))[0], audio)


def test_a_graph_without_its_weights_is_none(store: ModelStore) -> None:
    built = build_onnx(store, Steps(), TINY)
    assert store.verify()[-1].ok
    weights_of(built).unlink()
    assert store.verify()[-1].detail == "lacks a part"
    with pytest.raises(ModelUnavailable, match="no fused or fp32 graph"):
        store.onnx_path()
    assert build_onnx(store, Steps(), TINY) == store.onnx_path()
