"""A gateway is killed with streams open: its work is dropped, and nothing of it stays in the queue."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bench.texts import text_of
from shared.contract import Lane
from shared.streams import connect
from shared.streams.keys import GATEWAY_MISSED_HEARTBEATS, GROUP, jobs_key
from tests.chaos.crowd import SETTINGS, TEXTS, expected, hear, listener
from tests.conftest import Service, running_service, running_valkey, wait_until

pytestmark = pytest.mark.chaos

STREAMS = 32
HEARTBEAT_S = 0.3
# At this speed a batch of eight chunks takes a second and a half, and what the streams have queued half a minute.
ENVIRONMENT = {**SETTINGS, "FAKE_SPEED_FACTOR": "20", "HEARTBEAT_S": str(HEARTBEAT_S)}
BATCH_S = 2.0
LONG = text_of(5000)


def silent_since(service: Service) -> float:
    """Wait until the workers make no more audio; when the last of it was seen."""
    audio_s, since = -1.0, 0.0

    def silent() -> bool:
        nonlocal audio_s, since
        if (now := service.counters()["audio_s"]) != audio_s:
            audio_s, since = now, time.monotonic()
        return time.monotonic() - since > 2 * BATCH_S

    wait_until(silent, "no more audio is made", 60)
    return since


async def test_a_killed_gateways_work_is_dropped_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        running_valkey() as server,
        running_service(server.url, tmp_path, ENVIRONMENT) as dying,
        running_service(server.url, tmp_path / "other", ENVIRONMENT, workers=0) as living,
    ):
        right = await asyncio.to_thread(expected, living)
        before = living.counters()
        async with listener() as client:
            streams = [asyncio.create_task(hear(client, dying.url, LONG)) for _ in range(STREAMS)]
            await asyncio.to_thread(
                wait_until, lambda: living.counters()["jobs_done"] >= before["jobs_done"] + STREAMS, "all speak", 60
            )
            killed, made_s = time.monotonic(), living.counters()["audio_s"]
            await asyncio.to_thread(dying.gateway.kill)
            assert {heard.failure for heard in await asyncio.gather(*streams)} == {"cut"}
            silent_s = await asyncio.to_thread(silent_since, living) - killed
            wasted_s = living.counters()["audio_s"] - made_s
            heard = await hear(client, living.url, TEXTS[0])
        dropped = living.counters()["jobs_cancelled"] - before["jobs_cancelled"]
        print(f"\nstopped {silent_s:.1f} s after the kill; {wasted_s:.0f} s of audio wasted, {dropped:.0f} dropped")
        # Until its heartbeats are missed, the batch then running, and the heartbeat by which we hear of that.
        assert silent_s < GATEWAY_MISSED_HEARTBEATS * HEARTBEAT_S + BATCH_S + 1
        assert dropped >= STREAMS
        assert (heard.failure, heard.audio) == (None, right[TEXTS[0]])
        assert living.counters()["jobs_failed"] == 0
        redis = connect(server.url)
        await nothing_left(redis)
        await redis.aclose()


async def nothing_left(redis: Redis) -> None:
    """Of requests: but for the living gateway's reply stream."""
    assert [(await redis.xpending(jobs_key(lane), GROUP))["pending"] for lane in Lane] == [0, 0, 0]
    assert len([key async for key in redis.scan_iter("tts:reply:*")]) == 1
    assert [key async for key in redis.scan_iter("tts:wait:*") if not key.endswith(b":state")] == []
    forever = [key async for key in redis.scan_iter() if await redis.pttl(key) == -1]
    assert sorted(forever) == sorted(jobs_key(lane).encode() for lane in Lane)
