"""One look at a real queue."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from shared.contract import ChunkJob, Lane
from shared.streams import GatewayStreams, WorkerRecord, WorkerStreams
from shared.streams.lookout import Lookout

JOB = ChunkJob(
    request_id="req_1",
    seq=0,
    reply_stream="tts:reply:gw",
    token_ids=(1,) * 100,
    voice=(("af_bella", 1.0),),
    speed=1.0,
    seed=0,
    deadline_ms=0,
    lane=Lane.STANDARD,
    tenant_id="",
)
JOB_AUDIO_S = 6.6
"""What a job of 100 tokens is taken for."""


async def publish(redis: Redis, lane: Lane, count: int, request_id: str = "req_1") -> None:
    gateway = GatewayStreams(redis, "gw", heartbeat_s=6.0)
    await gateway.heartbeat()
    deadline_ms = int(time.time() * 1000) + 60_000
    for seq in range(count):
        job = replace(JOB, request_id=request_id, seq=seq, lane=lane, deadline_ms=deadline_ms)
        await gateway.publish(job)


async def joined(redis: Redis, name: str, capacity: float, load_s: float = 0.0) -> WorkerStreams:
    worker = WorkerStreams(redis, name, heartbeat_s=20.0, max_deliveries=3)
    await worker.heartbeat(WorkerRecord(name, "fake", ("af_bella",), capacity, load_s=load_s))
    await worker.join()
    return worker


async def test_an_empty_queue(redis: Redis) -> None:
    state = await Lookout(redis).look()
    assert [state.queued_s(lane) for lane in Lane] == [0, 0, 0]
    assert (state.workers, state.num_dead, state.capacity, state.predicted_wait_s) == ((), 0, 0, None)
    assert state.server.used_memory_bytes > 0
    assert state.server.clients >= 1


async def test_what_waits_and_what_is_claimed_are_both_queued(redis: Redis) -> None:
    await publish(redis, Lane.STANDARD, 5)
    worker = await joined(redis, "w", capacity=10.0)
    assert len(await worker.claim(2, 10)) == 2
    state = await Lookout(redis).look()
    assert state.queued_s(Lane.STANDARD) == pytest.approx(5 * JOB_AUDIO_S, rel=0.02)
    assert state.queued_s(Lane.URGENT) == 0
    lane = state.lanes[1]
    assert (lane.waiting, lane.claimed) == (3, {"w": 2})
    assert lane.oldest_s is not None
    assert 0 <= lane.oldest_s < 30


async def test_the_predicted_wait_is_a_new_flows(redis: Redis) -> None:
    """One flow's backlog is not in the way of another's first chunk: that is what fair lanes are for."""
    await joined(redis, "w1", capacity=10.0, load_s=1.5)
    await joined(redis, "w2", capacity=23.0, load_s=2.5)
    await publish(redis, Lane.STANDARD, 40)
    state = await Lookout(redis).look()
    assert state.capacity == 33
    assert state.predicted_wait_s is not None
    assert 1.5 < state.predicted_wait_s < 1.5 + 5 * JOB_AUDIO_S / 33


async def test_a_worker_without_a_measured_speed_makes_the_wait_unknown(redis: Redis) -> None:
    await joined(redis, "w1", capacity=10.0)
    await joined(redis, "w2", capacity=0.0)
    assert (await Lookout(redis).look()).predicted_wait_s is None


async def test_a_look_at_a_long_queue_reads_no_more_of_it(redis: Redis) -> None:
    async def bytes_sent(count: int, request_id: str) -> int:
        await publish(redis, Lane.BATCH, count, request_id)
        before = (await redis.info("stats"))["total_net_output_bytes"]
        await Lookout(redis).look()
        return int((await redis.info("stats"))["total_net_output_bytes"] - before)

    short = await bytes_sent(150, "req_a")
    long = await bytes_sent(850, "req_b")
    assert long < 1.2 * short
