"""Valkey is killed in the middle of everything, and comes back with what it had written down."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.chaos.crowd import SETTINGS, TEXTS, Crowd, expected, hear, listener
from tests.conftest import running_service, running_valkey

pytestmark = pytest.mark.chaos

AWAY_S = 2.0
BACK_WITHIN_S = 5.0
AS_STATED = {"cut", "503 queue_unavailable", "503 no_workers"}
"""Streams under way are cut, others refused: until the workers' heartbeats are back there may be none to see."""


async def test_a_queue_that_dies_and_returns_hangs_nobody_and_falsifies_nothing(tmp_path: Path) -> None:
    environment = {**SETTINGS, "FAKE_SPEED_FACTOR": "25"}
    with (
        running_valkey(durable=True) as server,
        running_service(server.url, tmp_path, environment, workers=2) as running,
    ):
        right = await asyncio.to_thread(expected, running)
        async with Crowd(running.url, 16) as crowd, listener() as client:
            await asyncio.sleep(2)
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(AWAY_S)
            await asyncio.to_thread(server.start)
            returned = time.monotonic()
            while (await hear(client, running.url, TEXTS[0])).failure is not None:
                assert time.monotonic() - returned < BACK_WITHIN_S
                await asyncio.sleep(0.1)
            back_s, before = time.monotonic() - returned, len(crowd.heard)
            await asyncio.sleep(3)
        complete = [each for each in crowd.heard if each.failure is None and each.audio == right[each.text]]
        cut = crowd.failures().count("cut")
        print(f"\nserved {back_s:.1f} s after Valkey's return; {len(complete)} exact, {cut} cut, the rest refused")
        assert set(crowd.failures()) <= AS_STATED
        assert [each.text for each in crowd.heard if not right[each.text].startswith(each.audio)] == []
        assert [each.text for each in crowd.heard if each.failure is None and each.audio != right[each.text]] == []
        assert [each.failure for each in crowd.heard[before + 16 :] if each.failure is not None] == []
