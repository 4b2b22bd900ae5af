"""The worker's loop against a real Valkey, with the fake engine; and the gateway's end of the same queue."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence

import numpy as np
import pytest
from redis.asyncio import Redis

from gateway.synthesis import Line, Synthesis
from shared.contract import AudioFrame, Reply
from shared.errors import FleetError, NoWorkers, QueueUnavailable, SynthesisFailed
from shared.streams import Claimed, GatewayStreams, WorkerStreams, connect
from tests.conftest import running_valkey
from tests.shared.test_streams import job, joined, opened
from tests.worker.conftest import (
    BEAT_S,
    GATEWAY_BEAT_S,
    VOICES,
    Gate,
    Start,
    collect,
    delivery,
    expected_pcm,
    lines,
    make_synthesis,
)
from worker.engine.base import EngineError, EngineJob, Speech
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.pace import REHEARSED
from worker.service import Worker

AT_ONCE = pytest.mark.parametrize("at_once", [1, 2])
"""Batches that run at a time."""


class Deaf(FakeEngine):
    """Fails single jobs, or, told so, the batch."""

    def __init__(self, *, whole_batch: bool, rehearses: bool = True) -> None:
        super().__init__()
        self._whole_batch = whole_batch
        self._rehearses = rehearses

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        error = EngineError("no sound today", "deaf")
        if batch[0].token_ids in REHEARSED and self._rehearses:
            return super().synthesise(batch)
        if self._whole_batch or batch[0].token_ids in REHEARSED:
            raise error
        return [error if 13 in job.token_ids else super(Deaf, self).synthesise([job])[0] for job in batch]


class Held(WorkerStreams):
    """Writes no answer until it may."""

    def __init__(self, redis: Redis, worker_id: str) -> None:
        super().__init__(redis, worker_id, BEAT_S, max_deliveries=3)
        self.may_answer = asyncio.Event()

    async def answer(self, claimed: Claimed, replies: Iterable[Reply]) -> None:
        await self.may_answer.wait()
        await super().answer(claimed, replies)


@AT_ONCE
async def test_what_goes_in_comes_out_in_order_sample_by_sample(
    start: Start, synthesis: Synthesis, at_once: int
) -> None:
    start(FakeEngine(batches_at_once=at_once))
    spoken = await collect(synthesis, 12)
    assert [chunk.pcm for chunk in spoken] == [expected_pcm(seq) for seq in range(12)]
    assert all(sum(chunk.durations) * 600 * 2 == len(chunk.pcm) for chunk in spoken)


async def test_a_long_chunk_travels_in_parts_and_arrives_whole(start: Start, synthesis: Synthesis) -> None:
    start()
    [spoken] = [item async for item in synthesis.speak(delivery(), lines(1, tokens=400))]
    assert len(spoken.pcm) > 2 * 5 * 24_000
    assert spoken.pcm == expected_pcm(0, tokens=400)


@AT_ONCE
async def test_many_requests_at_once_get_their_own_voices(start: Start, synthesis: Synthesis, at_once: int) -> None:
    start(FakeEngine(batches_at_once=at_once), name="one")
    start(FakeEngine(batches_at_once=at_once), name="two")
    voices = [VOICES[number % 2] for number in range(16)]
    results = await asyncio.gather(*(collect(synthesis, 5, f"r{n}", voice) for n, voice in enumerate(voices)))
    for voice, spoken in zip(voices, results, strict=True):
        assert [chunk.pcm for chunk in spoken] == [expected_pcm(seq, voice=voice) for seq in range(5)]


async def test_no_more_than_a_window_is_under_way(redis: Redis, synthesis: Synthesis, start: Start) -> None:
    async with contextlib.aclosing(synthesis.speak(delivery(), lines(50))) as spoken:
        start()
        await anext(spoken)
        await asyncio.sleep(5 * BEAT_S)  # time in which a feeder without bounds would publish all 50
        assert await redis.xinfo_stream("tts:jobs:standard") is not None
        added = (await redis.xinfo_stream("tts:jobs:standard"))["entries-added"]
        assert added + 1 <= 3 + 1


async def test_leaving_cancels_what_is_queued_and_the_worker_skips_it(start: Start, synthesis: Synthesis) -> None:
    gate = Gate()
    worker = start(gate)
    spoken = synthesis.speak(delivery(), lines(50))
    first = asyncio.ensure_future(anext(spoken))
    assert await asyncio.to_thread(gate.entered.acquire, timeout=10)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await spoken.aclose()
    for _ in range(50):
        gate.open.release()
    assert len(await collect(synthesis, 1, "next")) == 1
    assert worker.record.jobs_done == 1
    assert worker.record.jobs_cancelled >= 1


@pytest.mark.parametrize("whole_batch", [True, False])
async def test_a_failing_engine_is_a_clear_error_and_the_worker_goes_on(
    start: Start, synthesis: Synthesis, whole_batch: bool
) -> None:
    start(Deaf(whole_batch=whole_batch))
    with pytest.raises(SynthesisFailed, match="no sound today") as caught:
        await collect(synthesis, 13)
    assert caught.value.code == "deaf"
    if not whole_batch:
        assert len(await collect(synthesis, 3, "next")) == 3


async def test_a_worker_knows_its_pace_before_its_first_job_and_keeps_it_up(start: Start, synthesis: Synthesis) -> None:
    worker = start(FakeEngine(speed_factor=100.0, max_batch_jobs=1))
    assert len(await collect(synthesis, 1)) == 1
    before = worker.record
    assert 20 < before.realtime_factor <= 110
    assert 20 < before.capacity <= 110
    assert 0 <= before.fixed_cost_s < 0.1
    await collect(synthesis, 8, "more")
    assert worker.record.realtime_factor != before.realtime_factor


async def test_a_worker_whose_rehearsal_fails_works_with_its_pace_unknown(start: Start, synthesis: Synthesis) -> None:
    worker = start(Deaf(whole_batch=False, rehearses=False))
    assert len(await collect(synthesis, 2, "first")) == 2
    assert len(await collect(synthesis, 1, "alone")) == 1
    assert worker.record.realtime_factor > 0
    assert worker.record.fixed_cost_s == 0


async def test_an_unspeakable_text_in_mid_stream_comes_after_what_was_spoken(
    start: Start, synthesis: Synthesis
) -> None:
    async def breaking() -> AsyncIterator[Line]:
        async for line in lines(2):
            yield line
        raise FleetError("cannot read on")

    start()
    speaking = synthesis.speak(delivery(), breaking())
    assert [(await anext(speaking)).seq, (await anext(speaking)).seq] == [0, 1]
    with pytest.raises(FleetError, match="cannot read on"):
        await anext(speaking)


@AT_ONCE
async def test_a_killed_workers_chunks_are_spoken_by_another(
    redis: Redis, start: Start, synthesis: Synthesis, at_once: int
) -> None:
    gate = Gate(at_once)
    streams = WorkerStreams(redis, "doomed", BEAT_S, 3)
    doomed = Worker(gate, FakeVoicePacks(VOICES), streams, "doomed", BEAT_S)
    task = asyncio.create_task(doomed.run())
    collecting = asyncio.create_task(collect(synthesis, 8))
    assert await asyncio.to_thread(gate.entered.acquire, timeout=10)
    task.cancel()  # no goodbye: heartbeat and acks just stop
    await asyncio.gather(task, return_exceptions=True)
    start(FakeEngine(batches_at_once=at_once), name="heir")
    async with asyncio.timeout(15):
        spoken = await collecting
    gate.open.release(at_once)
    assert [chunk.pcm for chunk in spoken] == [expected_pcm(seq) for seq in range(8)]
    assert {chunk.worker_id for chunk in spoken} == {"heir"}


async def test_a_worker_with_its_hands_full_takes_over_at_once(redis: Redis, start: Start) -> None:
    gateway, dead = await opened(redis, "gw"), await joined(redis, "dead")
    for seq in range(150):
        await gateway.publish(job(seq))
    # Twenty milliseconds a job: three seconds in which there is always one ready beside the one that runs.
    start(FakeEngine(speed_factor=20, max_batch_jobs=1), name="heir")
    heard = await heard_until(gateway, {5})
    orphans = {item.job.seq for item in await dead.claim(6, 0)}
    assert len(orphans) == 6
    heard += await heard_until(gateway, orphans)
    assert len(heard) < 60
    await gateway.cancel("req_1", 60, range(150))
    await gateway.leave()


async def heard_until(gateway: GatewayStreams, seqs: set[int]) -> list[int]:
    heard: list[int] = []
    async with asyncio.timeout(20):
        while not seqs <= set(heard):
            heard += [reply.seq for reply in await gateway.read_replies(100) if isinstance(reply, AudioFrame)]
    return heard


async def test_when_the_last_worker_goes_the_request_fails_within_the_grace(redis: Redis) -> None:
    synthesis = make_synthesis(redis, grace_s=0.5)
    await synthesis.start()
    started = time.monotonic()
    with pytest.raises(NoWorkers):
        await collect(synthesis, 3)
    assert time.monotonic() - started < 5
    await synthesis.close()


@AT_ONCE
async def test_stop_finishes_what_is_claimed(redis: Redis, synthesis: Synthesis, at_once: int) -> None:
    gate = Gate(at_once)
    worker = Worker(gate, FakeVoicePacks(VOICES), WorkerStreams(redis, "w", BEAT_S, 3), "w", BEAT_S)
    task = asyncio.create_task(worker.run())
    collecting = asyncio.create_task(collect(synthesis, 1))
    assert await asyncio.to_thread(gate.entered.acquire, timeout=10)
    worker.stop()
    gate.open.release()
    assert len(await collecting) == 1
    await task
    assert not await redis.exists("tts:worker:w")


@AT_ONCE
async def test_queue_gone_and_back_costs_no_worker_and_no_gateway(at_once: int) -> None:
    with running_valkey() as server:
        redis = connect(server.url)
        worker = Worker(
            FakeEngine(batches_at_once=at_once),
            FakeVoicePacks(VOICES),
            WorkerStreams(redis, "w", BEAT_S, 3),
            "w",
            BEAT_S,
        )
        working = asyncio.create_task(worker.run())
        synthesis = make_synthesis(redis, grace_s=0.5)
        await synthesis.start()
        assert len(await collect(synthesis, 2, "before")) == 2
        server.stop()
        with pytest.raises(QueueUnavailable):
            await collect(synthesis, 2, "during")
        server.start()
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(FleetError):
                    assert len(await collect(synthesis, 2, f"after{time.monotonic()}")) == 2
                    break
        worker.stop()
        await working
        await synthesis.close()
        await redis.aclose()


@AT_ONCE
async def test_what_was_spoken_while_the_memory_was_full_is_kept_and_not_spoken_again(
    redis: Redis, start: Start, synthesis: Synthesis, at_once: int
) -> None:
    gate = Gate(at_once)
    start(gate)
    collecting = asyncio.create_task(collect(synthesis, 1))
    assert await asyncio.to_thread(gate.entered.acquire, timeout=10)
    refused = await refused_writes(redis)
    await redis.config_set("maxmemory", 1)
    try:
        gate.open.release()
        async with asyncio.timeout(10):
            while await refused_writes(redis) == refused:
                await asyncio.sleep(0.01)
    finally:
        await redis.config_set("maxmemory", 0)
    assert [chunk.pcm for chunk in await collecting] == [expected_pcm(0)]
    assert not gate.entered.acquire(blocking=False)


async def refused_writes(redis: Redis, command: str = "xadd") -> int:
    """Calls of that command that there was no memory for; frames are written by ``xadd``."""
    said = (await redis.info("commandstats")).get(f"cmdstat_{command}", {})
    return int(said.get("rejected_calls", 0)) + int(said.get("failed_calls", 0))


async def test_jobs_that_a_restarted_queue_forgot_are_published_again() -> None:
    with running_valkey(durable=True) as server:
        redis = connect(server.url)
        synthesis = make_synthesis(redis, grace_s=20)
        await synthesis.start()
        collecting = asyncio.create_task(collect(synthesis, 5))
        async with asyncio.timeout(10):
            while await redis.zcard("tts:wait:standard") < 1:
                await asyncio.sleep(0.01)
        # What a crash does to the last second's writes, unless each is flushed to disk, or replicated, at once.
        await redis.delete("tts:jobs:urgent", "tts:jobs:standard", "tts:wait:standard", "tts:wait:standard:jobs")
        server.stop()
        server.start()
        worker = Worker(FakeEngine(), FakeVoicePacks(VOICES), WorkerStreams(redis, "w", BEAT_S, 3), "w", BEAT_S)
        working = asyncio.create_task(worker.run())
        async with asyncio.timeout(20):
            assert [chunk.pcm for chunk in await collecting] == [expected_pcm(seq) for seq in range(5)]
        worker.stop()
        await working
        await synthesis.close()
        await redis.aclose()


def test_the_fake_voice_is_in_the_samples() -> None:
    assert not np.array_equal(
        np.frombuffer(expected_pcm(0, voice="af_bella"), "<i2"), np.frombuffer(expected_pcm(0, voice="af_sky"), "<i2")
    )


async def test_a_batch_runs_while_the_answers_of_the_one_before_are_written(redis: Redis, synthesis: Synthesis) -> None:
    gate, streams = Gate(), Held(redis, "w")
    worker = Worker(gate, FakeVoicePacks(VOICES), streams, "w", BEAT_S)
    running = asyncio.create_task(worker.run())
    gate.open.release(2)
    hearing = asyncio.create_task(collect(synthesis, 2))
    for _ in range(2):
        assert await asyncio.to_thread(gate.entered.acquire, timeout=20)
    assert worker.record.jobs_done == 0
    streams.may_answer.set()
    async with asyncio.timeout(20):
        assert [chunk.pcm for chunk in await hearing] == [expected_pcm(0), expected_pcm(1)]
        worker.stop()
        await running
    assert worker.record.jobs_done == 2


class Unlucky(WorkerStreams):
    """Its first answer meets a broken connection; all else goes on."""

    has_failed = False

    async def answer(self, claimed: Claimed, replies: Iterable[Reply]) -> None:
        if not self.has_failed:
            self.has_failed = True
            raise QueueUnavailable("the connection broke")
        await super().answer(claimed, replies)


@AT_ONCE
async def test_an_answer_that_could_not_be_written_is_made_again(
    redis: Redis, synthesis: Synthesis, at_once: int
) -> None:
    streams = Unlucky(redis, "w", BEAT_S, max_deliveries=3)
    worker = Worker(FakeEngine(batches_at_once=at_once), FakeVoicePacks(VOICES), streams, "w", BEAT_S)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(15):
        assert [chunk.pcm for chunk in await collect(synthesis, 1)] == [expected_pcm(0)]
        worker.stop()
        await running
    assert streams.has_failed


@AT_ONCE
async def test_a_queue_that_comes_back_full_is_told_again_once_it_has_room(at_once: int) -> None:
    with running_valkey(durable=True) as server:
        redis, gate = connect(server.url), Gate(at_once)
        worker = Worker(gate, FakeVoicePacks(VOICES), WorkerStreams(redis, "w", BEAT_S, 3), "w", BEAT_S)
        working = asyncio.create_task(worker.run())
        synthesis = make_synthesis(redis, grace_s=GATEWAY_BEAT_S)
        await synthesis.start()
        hearing = asyncio.create_task(collect(synthesis, 5))
        assert await asyncio.to_thread(gate.entered.acquire, timeout=10)
        server.stop()
        server.start("--maxmemory", "1")
        operator = connect(server.url)
        async with asyncio.timeout(20):
            while await refused_writes(operator, "evalsha") < 5:  # each heartbeat's: far longer than the grace
                await asyncio.sleep(0.01)
        assert not hearing.done()
        await operator.config_set("maxmemory", 0)
        gate.open.release(20)
        async with asyncio.timeout(20):
            assert [chunk.pcm for chunk in await hearing] == [expected_pcm(seq) for seq in range(5)]
        worker.stop()
        await working
        await synthesis.close()
        await redis.aclose()
        await operator.aclose()


async def test_two_batches_run_at_a_time_and_no_more(start: Start, synthesis: Synthesis) -> None:
    gate = Gate(batches_at_once=2)
    worker = start(gate)
    hearing = [asyncio.create_task(collect(synthesis, 2, f"r{number}")) for number in range(3)]
    for _ in range(2):
        assert await asyncio.to_thread(gate.entered.acquire, timeout=10)
    assert not await asyncio.to_thread(gate.entered.acquire, timeout=5 * BEAT_S)
    assert worker.is_live
    gate.open.release(6)
    for spoken in await asyncio.gather(*hearing):
        assert [chunk.pcm for chunk in spoken] == [expected_pcm(0), expected_pcm(1)]


async def test_a_job_that_a_worker_died_over_has_the_engine_to_itself(redis: Redis, start: Start) -> None:
    gateway, dead = await opened(redis, "gw"), await joined(redis, "dead")
    for seq in range(3):
        await gateway.publish(job(seq))
    await dead.begin(await dead.claim(3, 0))
    gate = Gate(batches_at_once=2)
    start(gate)
    for _ in range(3):
        assert await asyncio.to_thread(gate.entered.acquire, timeout=10)
        assert not await asyncio.to_thread(gate.entered.acquire, timeout=10 * BEAT_S)
        gate.open.release()
    assert set(await heard_until(gateway, {0, 1, 2})) == {0, 1, 2}
    await gateway.leave()
