"""Which engine the settings name, and what happens where it cannot run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.errors import FleetError
from worker.main import build_engine
from worker.settings import EngineName, WorkerSettings


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "onnx"),
        ({"DEVICE_TYPE": "cpu"}, "onnx"),
        ({"USE_GPU": "false"}, "onnx"),
        ({"DEVICE_TYPE": "cuda"}, "cuda"),
        ({"DEVICE_TYPE": "mps"}, "cuda"),
        ({"USE_GPU": "true"}, "cuda"),
        ({"ENGINE": "cuda", "DEVICE_TYPE": "cpu"}, "cuda"),
        ({"ENGINE": "reference"}, "reference"),
        ({"ENGINE": "fake", "USE_GPU": "true"}, "fake"),
    ],
)
def test_asking_for_a_gpu_is_asking_for_the_engine_that_has_one(
    environment: dict[str, str], expected: EngineName, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert WorkerSettings().chosen_engine == expected


@pytest.mark.parametrize("engine", ["onnx", "reference"])
def test_a_gpu_is_not_ignored_by_an_engine_that_cannot_use_it(engine: EngineName) -> None:
    with pytest.raises(ValidationError, match=f"ENGINE={engine} runs on the CPU"):
        WorkerSettings(engine=engine, use_gpu=True)


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed here")
def test_an_engine_whose_library_is_missing_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"ENGINE=cuda needs torch, .* worker-cuda"):
        build_engine(WorkerSettings(engine="cuda", model_dir=tmp_path))


@pytest.mark.model
def test_a_gpu_that_is_not_there_is_an_error_at_start_up() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(FleetError, match=r"DEVICE_TYPE=cuda, but torch .* finds no such device"):
        build_engine(WorkerSettings(device_type="cuda"))
