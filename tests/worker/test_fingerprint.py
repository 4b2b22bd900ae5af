"""Workers that speak differently must not share a name, for cached audio goes by it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from worker.engine.base import EngineJob, Speech
from worker.engine.fake import FakeEngine
from worker.engine.unloading import UnloadingEngine
from worker.fingerprint import fingerprint
from worker.model.graph_file import PRECISIONS, code_hash, weights_of
from worker.settings import WorkerSettings


@dataclass
class Model:
    """A folder with weights and one voice, whatever is in them."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "voices").mkdir()
        self.write("kokoro-v1_0.pth", b"weights")
        self.write("voices/af_bella.bin", b"voice")

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def name(self, **settings: Any) -> str:
        return fingerprint(WorkerSettings(model_dir=self.folder, engine="cuda", **settings), FakeEngine())


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return Model(tmp_path)


def test_it_is_the_same_wherever_the_files_are(model: Model, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    assert Model(tmp_path / "copy").name() == model.name()


@pytest.mark.parametrize("name", ["kokoro-v1_0.pth", "voices/af_bella.bin", "voices/af_new.bin"])
def test_weights_and_voices_change_it(model: Model, name: str) -> None:
    before = model.name()
    model.write(name, b"another")
    assert model.name() != before


def test_options_that_change_samples_change_it(model: Model) -> None:
    names = {model.name(), model.name(vocoder_dtype="bfloat16"), model.name(torch_compile=True)}
    assert len(names) == 3


def test_graphs_of_another_precision_have_another(tmp_path: Path) -> None:
    names = set()
    for precision in PRECISIONS:
        graph = tmp_path / f"kokoro-graph-0-{code_hash()}-{precision}.onnx"
        graph.touch()
        weights_of(graph).touch()
        settings = WorkerSettings(model_dir=tmp_path, engine="onnx", onnx_precision=precision)
        names |= {fingerprint(settings, FakeEngine()), fingerprint(settings, UnloadingEngine(FakeEngine, 60))}
    assert len(names) == 2


def test_options_of_pace_do_not(model: Model) -> None:
    assert model.name(gpu_memory_gb=9) == model.name()


def test_the_fake_engine_needs_no_files(tmp_path: Path) -> None:
    assert fingerprint(WorkerSettings(engine="fake", model_dir=tmp_path), FakeEngine())


def spoken(seed: int) -> bytes:
    [speech] = FakeEngine().synthesise([EngineJob((5, 6, 7), np.full(256, 0.001, np.float32), 1.0, seed)])
    assert isinstance(speech, Speech)
    return speech.pcm.tobytes()


def test_the_fake_engines_seed_is_heard() -> None:
    assert spoken(7) == spoken(7)
    assert spoken(7) != spoken(8)
