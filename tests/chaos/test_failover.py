"""The primary is killed under load and its replica takes over: nobody hangs, nothing is falsified."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.chaos.crowd import SETTINGS, TEXTS, Crowd, expected, hear, listener
from tests.chaos.sentinels import running_failover
from tests.conftest import running_service

pytestmark = pytest.mark.chaos

STREAMS = 16
BACK_WITHIN_S = 10.0
"""After the kill: a second until it counts as down, the Sentinels' vote, and the promotion."""
AS_STATED = {"cut", "503 queue_unavailable", "503 no_workers"}


async def test_a_failover_loses_no_stream_that_had_begun(tmp_path: Path) -> None:
    environment = {**SETTINGS, "FAKE_SPEED_FACTOR": "25"}
    with (
        running_failover(tmp_path) as pair,
        running_service(pair.url, tmp_path, environment, workers=2) as running,
    ):
        right = await asyncio.to_thread(expected, running)
        async with Crowd(running.url, STREAMS) as crowd, listener() as client:
            await asyncio.sleep(2)
            killed = time.monotonic()
            await asyncio.to_thread(pair.kill_primary)
            while (await hear(client, running.url, TEXTS[0])).failure is not None:
                assert time.monotonic() - killed < BACK_WITHIN_S
                await asyncio.sleep(0.1)
            back_s = time.monotonic() - killed
            before = len(crowd.heard)
            await asyncio.sleep(5)
        exact = [each for each in crowd.heard if each.failure is None and each.audio == right[each.text]]
        cut = crowd.failures().count("cut")
        print(f"\nback {back_s:.1f} s after the kill; {len(crowd.heard)} answers: {len(exact)} exact, {cut} cut")
        assert set(crowd.failures()) <= AS_STATED
        assert [each.text for each in crowd.heard if not right[each.text].startswith(each.audio)] == []
        assert [each.text for each in crowd.heard if each.failure is None and each not in exact] == []
        assert [each.failure for each in crowd.heard[before + STREAMS :] if each.failure is not None] == []
