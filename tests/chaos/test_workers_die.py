"""Workers are killed, again and again, under many streams: nobody hears of it."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.chaos.crowd import SETTINGS, Crowd, expected
from tests.conftest import Process, Service, running_service, running_valkey, wait_until

pytestmark = pytest.mark.chaos

STREAMS = 32
WORKERS = 3
KILL_EVERY_S = 5.0
KILLING_S = 60.0
ENVIRONMENT = {**SETTINGS, "FAKE_SPEED_FACTOR": "25"}


def works(service: Service, worker: Process) -> bool:
    cards = httpx.get(f"{service.url}/health", timeout=10).json()["workers"]
    return any(f"-{worker.process.pid}-" in card["id"] for card in cards)


async def test_workers_killed_under_32_streams_are_not_heard(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, ENVIRONMENT, workers=WORKERS) as running:
        right = await asyncio.to_thread(expected, running)
        kills, started = 0, time.monotonic()
        async with Crowd(running.url, STREAMS) as crowd:
            while (elapsed := time.monotonic() - started) < KILLING_S:
                # The successor first: how long a process takes to start says nothing of what a kill does.
                successor = running.start_worker()
                await asyncio.sleep(max(0.0, (kills + 1) * KILL_EVERY_S - elapsed))
                await asyncio.to_thread(wait_until, partial(works, running, successor), "a successor", 60)
                await asyncio.to_thread(running.workers[kills].kill)
                kills += 1
        complete = [each for each in crowd.heard if each.failure is None and each.audio == right[each.text]]
        took_s, streams = time.monotonic() - started, len(crowd.heard)
        silence_s = max(each.silence_s for each in crowd.heard)
        print(
            f"\n{kills} kills in {took_s:.0f} s: {len(complete)} of {streams} streams exact, silent {silence_s:.1f} s"
        )
        assert crowd.failures() == []
        assert len(complete) == len(crowd.heard) >= STREAMS
        assert running.counters()["jobs_failed"] == 0
