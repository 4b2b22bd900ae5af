"""A batch that is interrupted: for somebody who cannot wait, or since nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence

from redis.asyncio import Redis

from gateway.reorder import SpokenChunk
from gateway.synthesis import Delivery, Synthesis
from shared.contract import Lane
from shared.errors import QueueUnavailable
from shared.streams import Reader, WorkerStreams, connect
from tests.conftest import running_valkey
from tests.worker.conftest import BEAT_S, VOICES, Gate, Start, collect, expected_pcm, lines, make_synthesis
from worker.engine.base import EngineError, EngineJob, Speech
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.pace import REHEARSED
from worker.service import Worker

TOKENS = 100
JOB_S = 2.0
"""What a job of TOKENS takes the slow engine."""


class Slow(FakeEngine):
    """Rehearses at once, and takes ``job_s`` for a job of TOKENS."""

    def __init__(self, job_s: float = JOB_S) -> None:
        super().__init__(speed_factor=0.075 * TOKENS / job_s, max_batch_jobs=1)

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        return FakeEngine().synthesise(batch) if batch[0].token_ids in REHEARSED else super().synthesise(batch)


async def from_the(lane: Lane, synthesis: Synthesis, request_id: str, tokens: int) -> list[SpokenChunk]:
    delivery = Delivery(request_id, 0, lane)
    return [spoken async for spoken in synthesis.speak(delivery, lines(1, tokens))]


async def until_running(redis: Redis) -> None:
    async with asyncio.timeout(20):
        while not await redis.exists("tts:running:w"):
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def under_way(redis: Redis, synthesis: Synthesis, lane: Lane) -> AsyncIterator[asyncio.Task[list[SpokenChunk]]]:
    """One long job of that lane, which the worker has begun."""
    speaking = asyncio.create_task(from_the(lane, synthesis, "long", TOKENS))
    await until_running(redis)
    yield speaking


async def test_who_is_urgent_does_not_wait_for_a_batch(redis: Redis, start: Start, synthesis: Synthesis) -> None:
    worker = start(Slow())
    async with under_way(redis, synthesis, Lane.BATCH) as speaking:
        began = time.monotonic()
        urgent = await from_the(Lane.URGENT, synthesis, "urgent", 5)
        assert [chunk.pcm for chunk in urgent] == [expected_pcm(0)]
        assert time.monotonic() - began < JOB_S
        assert worker.record.jobs_interrupted == 1
        assert [chunk.pcm for chunk in await speaking] == [expected_pcm(0, TOKENS)]


async def test_who_is_listened_to_is_not_interrupted(redis: Redis, start: Start, synthesis: Synthesis) -> None:
    worker = start(Slow())
    async with under_way(redis, synthesis, Lane.STANDARD) as speaking:
        urgent = asyncio.create_task(from_the(Lane.URGENT, synthesis, "urgent", 5))
        assert [chunk.pcm for chunk in await speaking] == [expected_pcm(0, TOKENS)]
        assert [chunk.pcm for chunk in await urgent] == [expected_pcm(0)]
    assert worker.record.jobs_interrupted == 0


async def test_nobody_speaks_on_for_a_caller_who_left(redis: Redis, start: Start, synthesis: Synthesis) -> None:
    worker = start(Slow(job_s=75))
    async with under_way(redis, synthesis, Lane.URGENT) as speaking:
        speaking.cancel()
        async with asyncio.timeout(20):  # far less than the job itself
            while not worker.record.jobs_cancelled:
                await asyncio.sleep(0.01)
    assert (worker.record.jobs_interrupted, worker.record.jobs_done) == (1, 0)


class Watched(WorkerStreams):
    """Tells when it has found the queue away in the middle of a job."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, "w", BEAT_S, max_deliveries=3)
        self.lost = asyncio.Event()

    async def gone(self, readers: Iterable[Reader]) -> set[Reader]:
        try:
            return await super().gone(readers)
        except QueueUnavailable:
            self.lost.set()
            raise


async def test_what_runs_while_the_queue_is_away_for_a_moment_is_not_spoken_twice() -> None:
    with running_valkey(durable=True) as server:
        redis = connect(server.url)
        gate, streams = Gate(), Watched(redis)
        worker = Worker(gate, FakeVoicePacks(VOICES), streams, "w", BEAT_S)
        working = asyncio.create_task(worker.run())
        synthesis = make_synthesis(redis, grace_s=20)
        await synthesis.start()
        hearing = asyncio.create_task(collect(synthesis, 1))
        assert await asyncio.to_thread(gate.entered.acquire, timeout=10)
        server.stop()
        async with asyncio.timeout(20):
            await streams.lost.wait()
        server.start()
        gate.open.release()
        async with asyncio.timeout(20):
            assert [chunk.pcm for chunk in await hearing] == [expected_pcm(0)]
        assert not gate.entered.acquire(blocking=False)
        worker.stop()
        await working
        await synthesis.close()
        await redis.aclose()
