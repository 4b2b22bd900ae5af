"""The engine benchmark, run as people run it, with the engine that needs no model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.engine import blocks
from bench.jobs import bench_jobs

ROOT = Path(__file__).parents[2]

SERVICE_ONLY = (
    "av",
    "click",
    "fastapi",
    "httpx",
    "msgpack",
    "psutil",
    "pydantic",
    "redis",
    "rich",
    "structlog",
)


@pytest.fixture
def plain_checkout(tmp_path: Path) -> dict[str, str]:
    """An environment in which neither a process nor its children can import what only the service needs."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nfor name in {SERVICE_ONLY}:\n    sys.modules[name] = None\n", encoding="utf-8"
    )
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def bench(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.engine", *options]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def figures(environment: dict[str, str], tmp_path: Path, *options: str) -> dict[str, Any]:
    report = tmp_path / "report.json"
    ran = bench(environment, *options, "--report", str(report))
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def test_it_runs_where_only_numpy_is_installed(plain_checkout: dict[str, str], tmp_path: Path) -> None:
    found = figures(plain_checkout, tmp_path, "--engine", "fake", "--jobs", "16")
    assert found["jobs"] == 16
    assert found["padding_waste"]["batches"] > 1
    assert found["batch_p50_ms"] <= found["batch_p95_ms"]
    assert "baseline" not in found


def test_a_faster_engine_has_the_ratio_that_it_should(plain_checkout: dict[str, str], tmp_path: Path) -> None:
    """Against a fake engine that pretends to be 20 times real time, one that answers at once is faster."""
    found = figures(
        plain_checkout, tmp_path, "--engine", "fake", "--fake-speed", "20", "--jobs", "8", "--baseline", "fake"
    )
    assert found["realtime_factor"] < 20
    assert found["baseline"]["ratio_median"] < 1
    assert found["baseline"]["ratio_least"] <= found["baseline"]["ratio_median"] <= found["baseline"]["ratio_most"]


@pytest.mark.parametrize(("concurrency", "least", "most"), [("1", 0.5, 1.0), ("4", 1.5, 4.0)])
def test_concurrency_is_how_many_batches_run_at_once(
    plain_checkout: dict[str, str], tmp_path: Path, concurrency: str, least: float, most: float
) -> None:
    options = ("--engine", "fake", "--fake-speed", "100", "--jobs", "64", "--concurrency", concurrency)
    assert least < figures(plain_checkout, tmp_path, *options)["batches_at_once"] <= most


def test_an_engine_that_cannot_start_is_an_error_that_says_why(plain_checkout: dict[str, str], tmp_path: Path) -> None:
    ran = bench(plain_checkout, "--engine", "onnx", "--model-dir", str(tmp_path))
    assert ran.returncode == 1
    assert str(tmp_path) in ran.stderr
    assert "Traceback" not in ran.stderr


def test_every_batch_is_in_one_block_with_a_job_of_that_block_for_the_baseline() -> None:
    formed = [bench_jobs(24)[start : start + 3] for start in range(0, 24, 3)]
    cut = blocks(formed, count=3, at_once=2)
    assert [batch for block in cut for batch in block.batches] == formed
    assert all(job in [one for batch in block.batches for one in batch] for block in cut for job in block.baseline_jobs)
    assert all(len(block.batches) >= 2 for block in blocks(formed, count=99, at_once=2))
