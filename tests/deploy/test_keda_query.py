"""The query that workers are scaled by, computed by Prometheus itself over series as our processes show them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import CHART, NAMESPACE, one, rendered, values_of

pytestmark = pytest.mark.deploy

EVERY_S = 15


@pytest.fixture
def promtool() -> str:
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not found:
        pytest.skip("no promtool here: apt install prometheus, or say where it is in PROMTOOL")
    return found


def query() -> str:
    scaled = one(rendered(values_of(CHART / "ci" / "gpu-values.yaml")), "ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    found: str = trigger["metadata"]["query"]
    return found


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    inside = ",".join(f'{label}="{value}"' for label, value in {"namespace": NAMESPACE, **labels}.items())
    return {"series": f"{name}{{{inside}}}", "values": values}


def of_both_gateways(name: str, values: str, **labels: str) -> list[dict[str, str]]:
    """What is the fleet's is shown by each of them, and must count once."""
    return [series(name, values, pod=pod, **labels) for pod in ("gateway-1", "gateway-2")]


ASLEEP = [
    *of_both_gateways("kokoro_requests_waiting_for_workers", "0 0 0 0 1 1"),
    *of_both_gateways("kokoro_workers", "0x6", engine="none"),
]
BUSY = [
    series("kokoro_worker_audio_seconds_total", "0+150x20", pod="worker-1"),
    series("kokoro_worker_audio_seconds_total", "0+150x20", pod="worker-2"),
    *of_both_gateways("kokoro_queue_audio_seconds", "40x20", lane="urgent"),
    *of_both_gateways("kokoro_workers", "2x20", engine="cuda"),
    *of_both_gateways("kokoro_fleet_capacity_audio_seconds_per_second", "22x20"),
]
OTHERS = [series("kokoro_worker_audio_seconds_total", "0+900x20", namespace="elsewhere")]
BATCHES = [*of_both_gateways("kokoro_open_batch_items", "5x20", state="waiting")]


@pytest.mark.parametrize(
    ("shown", "at_s", "needed"),
    [
        pytest.param(ASLEEP, 2 * EVERY_S, 0.0, id="nothing to do"),
        pytest.param(ASLEEP, 5 * EVERY_S, 2 * 10 / 20 / (0.7 * 2), id="two requests wait for a first worker"),
        pytest.param(BUSY, 16 * EVERY_S, (20 + 40 / 20) / (0.7 * 11), id="20 made a second, 40 queued, 11 by each"),
        pytest.param(OTHERS, 16 * EVERY_S, 0.0, id="another fleet's"),
        pytest.param(BATCHES, 16 * EVERY_S, 1 / 20 / (0.7 * 2), id="a batch waits"),
    ],
)
def test_workers_needed(promtool: str, tmp_path: Path, shown: list[Any], at_s: int, needed: float) -> None:
    rules = {"groups": [{"name": "keda", "rules": [{"record": "needed", "expr": query()}]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    expected = {"expr": "needed", "eval_time": f"{at_s}s", "exp_samples": [{"labels": "needed", "value": needed}]}
    case = {"interval": f"{EVERY_S}s", "input_series": shown, "promql_expr_test": [expected]}
    suite = {"rule_files": ["rules.yml"], "evaluation_interval": f"{EVERY_S}s", "tests": [case]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    command = [promtool, "test", "rules", str(tmp_path / "test.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
