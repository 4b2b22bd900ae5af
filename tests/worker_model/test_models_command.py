"""``kokoro-fleet models build``: what it builds, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from worker.model import pins
from worker.model.graph_file import PRECISIONS, Precision, choice_note, weights_of
from worker.model.sources import ModelStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))
    (tmp_path / pins.INT8_GRAPH.name).write_bytes(b"no weights")
    return ModelStore(tmp_path, tmp_path / "voices", origins=[])


def models(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["models", *arguments])


def put_graph(store: ModelStore, precision: Precision) -> Path:
    """Files by the right names, as if copied from another machine; what is in them is not read."""
    path = store.graph_path(precision)
    path.write_bytes(b"graph")
    weights_of(path).write_bytes(b"weights")
    return path


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_graph_that_is_there_is_not_built_again(store: ModelStore, precision: Precision) -> None:
    path = put_graph(store, precision)
    ended = models("build", "--precision", precision)
    assert ended.exit_code == 0, ended.output
    assert path.read_bytes() == b"graph"


def test_the_setting_says_which(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_graph(store, "int8")
    monkeypatch.setenv("ONNX_PRECISION", "int8")
    assert models("build").exit_code == 0
    monkeypatch.setenv("ONNX_PRECISION", "fp32")
    ended = models("build")
    assert ended.exit_code == 1
    assert f"{pins.INT8_GRAPH.name} is not a readable ONNX graph" in ended.output


def test_a_choice_once_made_is_not_made_again(store: ModelStore) -> None:
    put_graph(store, "int8")
    store.choice_path().write_bytes(choice_note({"fp32": 2.0, "int8": 1.0}, "int8"))
    assert models("build", "--precision", "auto").exit_code == 0


def test_without_weights_it_says_what_is_missing(store: ModelStore) -> None:
    store.weights_path.unlink()
    ended = models("build", "--precision", "int8")
    assert ended.exit_code == 1
    assert "holds neither kokoro-v1_0.pth nor kokoro-v1.0.int8.onnx" in ended.output


def test_a_precision_there_is_none_of_is_refused(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models("build", "--precision", "fp16").exit_code == 2
    monkeypatch.setenv("ONNX_PRECISION", "fp16")
    ended = models("build")
    assert ended.exit_code == 1
    assert "ONNX_PRECISION" in ended.output
