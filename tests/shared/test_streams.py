"""The queue against a real Valkey: who gets a job, who keeps it, and what is left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import msgpack
import pytest
from redis.asyncio import Redis

from shared.contract import WIRE_VERSION, AudioFrame, ChunkFailed, ChunkJob, ChunkTimings, Lane, encode
from shared.errors import QueueUnavailable
from shared.streams import Beat, Claimed, GatewayStreams, Reader, WorkerRecord, WorkerStreams, connect
from tests.conftest import Valkey

BEAT_S = 0.1
GATEWAY_BEAT_S = 6.0
"""A test's gateway beats once, and lives for ten."""


def job(seq: int = 0, lane: Lane = Lane.STANDARD, request_id: str = "req_1") -> ChunkJob:
    return ChunkJob(
        request_id=request_id,
        seq=seq,
        reply_stream="tts:reply:gw",
        token_ids=(1, 2, 3),
        voice=(("af_bella", 1.0),),
        speed=1.0,
        seed=0,
        deadline_ms=int(time.time() * 1000) + 60_000,
        lane=lane,
        tenant_id="",
    )


def frame(claimed: Claimed) -> AudioFrame:
    return AudioFrame(
        request_id=claimed.job.request_id,
        seq=claimed.job.seq,
        attempt="a",
        part=0,
        last=True,
        pcm=b"\0\0",
        sample_rate=24_000,
        durations=(1,),
        timings=ChunkTimings(0, 0, 0),
        batch_size=1,
        worker_id="w",
    )


@pytest.fixture
async def gateway(redis: Redis) -> AsyncIterator[GatewayStreams]:
    streams = await opened(redis, "gw")
    yield streams
    await streams.leave()


async def opened(redis: Redis, name: str) -> GatewayStreams:
    streams = GatewayStreams(redis, name, GATEWAY_BEAT_S)
    assert await streams.heartbeat() is Beat.NEW
    return streams


async def joined(redis: Redis, name: str, max_deliveries: int = 3) -> WorkerStreams:
    worker = WorkerStreams(redis, name, BEAT_S, max_deliveries)
    await worker.heartbeat(WorkerRecord(name, "fake", ("af_bella", "af_sky"), 2.5))
    await worker.join()
    return worker


async def until_dead(redis: Redis, name: str) -> None:
    async with asyncio.timeout(5):
        while await redis.exists(f"tts:worker:{name}"):
            await asyncio.sleep(0.01)


async def test_a_job_goes_to_one_worker_and_its_audio_comes_back(redis: Redis, gateway: GatewayStreams) -> None:
    one, two = await joined(redis, "one"), await joined(redis, "two")
    await gateway.publish(job())
    first, second = await one.claim(5, 10), await two.claim(5, 10)
    assert [item.job.seq for item in first] == [0]
    assert second == []
    await one.answer(first[0], [frame(first[0])])
    assert [reply.seq for reply in await gateway.read_replies(100) if isinstance(reply, AudioFrame)] == [0]
    assert await gateway.read_replies(10) == []


async def test_higher_lanes_are_claimed_first(redis: Redis, gateway: GatewayStreams) -> None:
    worker = await joined(redis, "one")
    for seq, lane in enumerate([Lane.BATCH, Lane.STANDARD, Lane.URGENT]):
        await gateway.publish(job(seq, lane))
    assert [item.lane for item in await worker.claim(2, 10)] == [Lane.URGENT, Lane.STANDARD]
    assert [item.lane for item in await worker.claim(2, 10)] == [Lane.BATCH]


async def test_acked_jobs_are_trimmed_and_pending_ones_kept(redis: Redis, gateway: GatewayStreams) -> None:
    worker = await joined(redis, "one")
    for seq in range(5):
        await gateway.publish(job(seq))
    claimed = await worker.claim(4, 10)
    for item in [*claimed[:2], claimed[3]]:
        await worker.answer(item, [])
    await worker.trim()
    kept = [entry for _, entry in await redis.xrange("tts:jobs:standard")]
    assert [msgpack.unpackb(entry[b"job"])["seq"] for entry in kept] == [2, 3, 4]


async def test_a_dead_workers_job_is_taken_over_by_one_other(redis: Redis, gateway: GatewayStreams) -> None:
    dead = await joined(redis, "dead")
    await gateway.publish(job())
    assert await dead.claim(1, 10)
    await until_dead(redis, "dead")
    one, two = await joined(redis, "one"), await joined(redis, "two")
    taken = await one.reclaim(5), await two.reclaim(5)
    assert sorted(len(items) for items in taken) == [0, 1]
    consumers = {row["name"].decode() for row in await redis.xinfo_consumers("tts:jobs:standard", "workers")}
    assert consumers == {"one", "two"}


async def test_a_slow_workers_job_is_not_stolen(redis: Redis, gateway: GatewayStreams) -> None:
    slow, other = await joined(redis, "slow"), await joined(redis, "other")
    await gateway.publish(job())
    assert await slow.claim(1, 10)
    for _ in range(8):  # twice the time after which it would be dead, had it no heartbeat
        await slow.heartbeat(WorkerRecord("slow", "fake", (), 1.0))
        await asyncio.sleep(BEAT_S)
        assert await other.reclaim(5) == []


async def doomed(redis: Redis, name: str, runs: Callable[[Claimed], bool]) -> list[Claimed]:
    """A worker that takes what it can, begins what it ``runs`` and dies; what it had."""
    worker = await joined(redis, name)
    taken = await worker.claim(9, 0) + await worker.reclaim(9)
    if batch := [item for item in taken if runs(item)]:
        await worker.begin(batch)
    await until_dead(redis, name)
    return taken


async def test_a_job_that_kills_every_worker_is_buried_and_its_caller_told(
    redis: Redis, gateway: GatewayStreams
) -> None:
    await gateway.publish(job())
    for deaths in range(3):
        [taken] = await doomed(redis, f"doomed{deaths}", lambda _: True)
        assert taken.deaths == deaths
    survivor = await joined(redis, "survivor")
    assert await survivor.reclaim(1) == []
    [reply] = await gateway.read_replies(100)
    assert isinstance(reply, ChunkFailed)
    assert reply.code == "job_undeliverable"
    assert "3 workers died over it" in reply.message
    assert await redis.xlen("tts:dead") == 1
    assert (await redis.xpending("tts:jobs:standard", "workers"))["pending"] == 0


async def test_bad_luck_is_no_poison(redis: Redis, gateway: GatewayStreams) -> None:
    for seq in range(4):
        await gateway.publish(job(seq))
    assert len(await doomed(redis, "with all in one batch", lambda _: True)) == 4
    for number in range(2):
        taken = await doomed(redis, f"with the poison alone {number}", lambda item: item.job.seq == 2)
        assert {item.job.seq: item.deaths for item in taken} == {0: 1, 1: 1, 2: 1 + number, 3: 1}
    survivor = await joined(redis, "survivor")
    assert [(item.job.seq, item.deaths) for item in await survivor.reclaim(9)] == [(0, 1), (1, 1), (3, 1)]


async def test_what_ran_when_a_worker_died_is_known_until_its_last_job_is_taken_over(
    redis: Redis, gateway: GatewayStreams
) -> None:
    for seq in range(2):
        await gateway.publish(job(seq))
    await doomed(redis, "dead", lambda _: True)
    survivor = await joined(redis, "survivor")
    assert [item.deaths for item in await survivor.reclaim(1)] == [1]
    assert await redis.exists("tts:running:dead")
    assert [item.deaths for item in await survivor.reclaim(9)] == [1]
    assert not await redis.exists("tts:running:dead")


async def test_what_a_dead_worker_had_not_begun_is_never_held_against_it(redis: Redis, gateway: GatewayStreams) -> None:
    await gateway.publish(job())
    for number in range(5):
        [taken] = await doomed(redis, f"doomed{number}", lambda _: False)
        assert taken.deaths == 0


async def test_a_job_of_another_version_is_refused_to_its_caller_and_the_worker_goes_on(
    redis: Redis, gateway: GatewayStreams
) -> None:
    worker = await joined(redis, "one")
    future = {**msgpack.unpackb(encode(job(4))), "v": WIRE_VERSION + 1}
    await redis.xadd("tts:jobs:standard", {"job": msgpack.packb(future)})
    await redis.xadd("tts:jobs:standard", {"nonsense": b"\xff"})
    await gateway.publish(job(5))
    assert [item.job.seq for item in await worker.claim(5, 10)] == [5]
    [reply] = await gateway.read_replies(100)
    assert isinstance(reply, ChunkFailed)
    assert (reply.seq, reply.code) == (4, "wire_version_unsupported")
    assert await redis.xlen("tts:dead") == 2
    assert (await redis.xpending("tts:jobs:standard", "workers"))["pending"] == 1


async def test_a_worker_cannot_be_made_to_write_elsewhere(redis: Redis) -> None:
    worker = await joined(redis, "one")
    bad = {**msgpack.unpackb(encode(job())), "v": 99, "reply_stream": "tts:jobs:urgent"}
    await redis.xadd("tts:jobs:standard", {"job": msgpack.packb(bad)})
    await worker.claim(5, 10)
    assert await redis.xlen("tts:jobs:urgent") == 0


async def test_frames_for_a_gone_gateway_vanish(redis: Redis, gateway: GatewayStreams) -> None:
    worker = await joined(redis, "one")
    await gateway.publish(job())
    [claimed] = await worker.claim(1, 10)
    await gateway.leave()
    await worker.answer(claimed, [frame(claimed)])
    assert not await redis.exists("tts:reply:gw")


async def test_what_was_claimed_and_not_answered_can_be_resumed(redis: Redis, gateway: GatewayStreams) -> None:
    worker = await joined(redis, "one")
    for seq in range(3):
        await gateway.publish(job(seq))
    claimed = await worker.claim(2, 10)
    await worker.answer(claimed[0], [])
    await worker.begin(claimed)
    for _ in range(5):  # however often its connection breaks: nobody has died
        assert [(item.job.seq, item.deaths) for item in await worker.resume()] == [(1, 0)]


async def test_cancelled_requests_are_known_until_their_time_is_over(redis: Redis, gateway: GatewayStreams) -> None:
    worker = await joined(redis, "one")
    await gateway.cancel("req_1", ttl_s=60)
    left, stayed = Reader("req_1", gateway.reply_stream), Reader("req_2", gateway.reply_stream)
    assert await worker.gone([left, stayed]) == {left}
    assert 0 < await redis.pttl("tts:cancel:req_1") <= 60_000


async def test_readers_are_gone_with_their_gateway(redis: Redis, gateway: GatewayStreams) -> None:
    worker = await joined(redis, "one")
    dead, living = Reader("req_1", "tts:reply:killed"), Reader("req_2", gateway.reply_stream)
    requeued = Reader("req_1", "")
    assert await worker.gone([dead, living, requeued]) == {dead}


async def test_a_gateway_without_heartbeats_lapses_and_can_come_back(redis: Redis) -> None:
    gateway = GatewayStreams(redis, "gw", heartbeat_s=0.01)
    assert [await gateway.heartbeat(), await gateway.heartbeat()] == [Beat.NEW, Beat.KEPT]
    assert 0 < await redis.pttl(gateway.reply_stream) <= 100
    async with asyncio.timeout(5):
        while await redis.exists(gateway.reply_stream):
            await asyncio.sleep(0.01)
    assert await gateway.heartbeat() is Beat.NEW


async def test_live_workers_are_seen_with_what_they_say(redis: Redis, gateway: GatewayStreams) -> None:
    assert await gateway.workers() == []
    worker = await joined(redis, "one")
    record = WorkerRecord("one", "fake", ("af_bella", "af_sky"), 2.5, 1, 2, 3, 4, 5.5, 1.9, 0.04, jobs_interrupted=6)
    await worker.heartbeat(record)
    assert await gateway.workers() == [record]
    await worker.leave()
    assert await gateway.workers() == []


async def test_a_worker_of_an_older_release_is_seen_with_its_pace_unknown(
    redis: Redis, gateway: GatewayStreams
) -> None:
    await joined(redis, "old")
    async with redis.pipeline() as pipe:
        pipe.hdel("tts:worker:old", "realtime_factor", "fixed_cost_s")
        await pipe.execute()
    [record] = await gateway.workers()
    assert (record.capacity, record.realtime_factor, record.fixed_cost_s) == (2.5, 0.0, 0.0)


async def test_leaving_keeps_a_consumer_that_still_has_jobs(redis: Redis, gateway: GatewayStreams) -> None:
    worker = await joined(redis, "one")
    await gateway.publish(job())
    assert await worker.claim(1, 10)
    await worker.leave()
    rows = await redis.xinfo_consumers("tts:jobs:standard", "workers")
    assert [(row["name"], row["pending"]) for row in rows] == [(b"one", 1)]
    successor = await joined(redis, "two")
    async with asyncio.timeout(5):
        while not (taken := await successor.reclaim(1)):
            await asyncio.sleep(BEAT_S)
    await successor.answer(taken[0], [])


async def test_lanes_come_back_after_redis_lost_its_memory(redis: Redis, gateway: GatewayStreams) -> None:
    worker = await joined(redis, "one")
    await redis.flushall()
    assert await worker.claim(1, 10) == []
    await gateway.publish(replace(job(), seq=9))
    assert [item.job.seq for item in await worker.claim(1, 10)] == [9]
    assert await gateway.heartbeat() is Beat.NEW
    assert await gateway.heartbeat() is Beat.KEPT


async def test_no_redis_is_one_clear_error(valkey: Valkey) -> None:
    nobody = connect(valkey.url + ".not")
    with pytest.raises(QueueUnavailable, match="cannot be reached"):
        await GatewayStreams(nobody, "gw", 1.0).publish(job())
    with pytest.raises(QueueUnavailable):
        await WorkerStreams(nobody, "w", 1.0, 3).claim(1, 10)
    await nobody.aclose()


async def test_a_task_told_to_stop_stops_whatever_it_asks_of_redis(redis: Redis) -> None:
    worker = await joined(redis, "one")

    async def trim_for_ever() -> None:
        while True:
            await worker.trim()

    for attempt in range(100):
        task = asyncio.create_task(trim_for_ever())
        await asyncio.sleep(0.0005 + attempt % 20 * 0.0001)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2)
        assert done, f"cancellation {attempt} was lost"
