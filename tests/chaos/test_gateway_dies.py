"""A gateway is killed with streams open: its work is dropped, and nothing of it stays in the queue."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shared.contract import Lane
from shared.streams import connect
from shared.streams.keys import GROUP, jobs_key
from tests.chaos.crowd import SETTINGS, TEXTS, expected, hear, listener
from tests.conftest import running_service, running_valkey, wait_until

pytestmark = pytest.mark.chaos

STREAMS = 32
# A reply stream outlives its gateway by 60 beats; workers are given 3 of them before they are taken for dead.
ENVIRONMENT = {**SETTINGS, "FAKE_SPEED_FACTOR": "25", "HEARTBEAT_S": "0.3"}


async def test_a_killed_gateway_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        running_valkey() as server,
        running_service(server.url, tmp_path, ENVIRONMENT) as dying,
        running_service(server.url, tmp_path / "other", ENVIRONMENT, workers=0) as living,
    ):
        right = await asyncio.to_thread(expected, living)
        async with listener() as client:
            streams = [asyncio.create_task(hear(client, dying.url, TEXTS[-1])) for _ in range(STREAMS)]
            await asyncio.wait_for(asyncio.wait(streams, return_when=asyncio.FIRST_COMPLETED, timeout=2), 5)
            await asyncio.to_thread(dying.gateway.kill)
            assert {heard.failure for heard in await asyncio.gather(*streams)} <= {"cut", None}
            heard = await hear(client, living.url, TEXTS[0])
        assert (heard.failure, heard.audio) == (None, right[TEXTS[0]])
        redis = connect(server.url)
        async with asyncio.timeout(40):
            while len([key async for key in redis.scan_iter("tts:reply:*")]) > 1 or await _claimed(redis):
                await asyncio.sleep(0.1)
        forever = [key async for key in redis.scan_iter() if await redis.pttl(key) == -1]
        await redis.aclose()
        assert sorted(forever) == sorted(jobs_key(lane).encode() for lane in Lane)
        wait_until(lambda: living.counters()["jobs_failed"] == 0, "nothing failed")


async def _claimed(redis: object) -> int:
    """Jobs in a worker's hands."""
    return sum([(await redis.xpending(jobs_key(lane), GROUP))["pending"] for lane in Lane])  # type: ignore[attr-defined]
