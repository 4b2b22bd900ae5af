"""Workers scaled to zero: the first request is held until one is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Service, running_service, running_valkey, wait_until


def test_the_first_request_is_held_until_a_worker_is_there(tmp_path: Path) -> None:
    settings = {"WAIT_FOR_WORKERS_S": "60"}
    with (
        running_valkey() as server,
        running_service(server.url, tmp_path, settings, workers=0) as running,
        ThreadPoolExecutor() as callers,
    ):
        assert running.status("/readyz") == 200, "or no load balancer would send it the request"
        assert httpx.get(running.url + "/health", timeout=5).status_code == 503
        held = callers.submit(running.speak, "Good morning!")
        wait_until(lambda: asleep(running) == 1, "the autoscaler sees the request")
        running.start_worker()
        answer = held.result(timeout=60)
        assert answer.status_code == 200
        assert answer.content
        assert asleep(running) == 0


def asleep(running: Service) -> float:
    """Of /metrics: requests that wait for a first worker."""
    text = httpx.get(running.url + "/metrics", timeout=5).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return families["kokoro_requests_waiting_for_workers"].samples[0].value
