"""Workers are killed, again and again, under many streams: nobody hears of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.chaos.crowd import SETTINGS, Crowd, expected
from tests.conftest import Service, running_service, running_valkey, wait_until

pytestmark = pytest.mark.chaos

WORKERS = 3
KILLS = 5
KILL_EVERY_S = 3.5
"""Longer than a killed worker still counts as alive."""
# Kills come about as often as batches end, so a job may meet several by chance. That it is then no poison is for
# whoever kills to say; what becomes of poison, tests/shared says.
ENVIRONMENT = {**SETTINGS, "FAKE_SPEED_FACTOR": "25", "MAX_DELIVERIES": "10"}


def workers_of(service: Service) -> int:
    return len(httpx.get(f"{service.url}/health", timeout=10).json()["workers"])


async def test_workers_killed_under_32_streams_are_not_heard(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, ENVIRONMENT, workers=WORKERS) as running:
        right = await asyncio.to_thread(expected, running)
        async with Crowd(running.url, 32) as crowd:
            for number in range(KILLS):
                await asyncio.sleep(KILL_EVERY_S)
                running.start_worker()
                # The successor first: how long a process takes to start says nothing of what a kill does.
                await asyncio.to_thread(wait_until, lambda: workers_of(running) > WORKERS, "a successor", 60)
                await asyncio.to_thread(running.workers[number].kill)
        assert crowd.failures() == []
        assert len(crowd.heard) >= 32
        assert [each.text for each in crowd.heard if each.audio != right[each.text]] == []
        assert running.counters()["jobs_failed"] == 0
