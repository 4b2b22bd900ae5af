"""A worker and a gateway's end of the queue, in one process, against a real Valkey."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from redis.asyncio import Redis

from gateway.fleet import Fleet
from gateway.reorder import SpokenChunk
from gateway.synthesis import Delivery, Line, Synthesis
from shared.contract import Lane
from shared.streams import GatewayStreams, WorkerStreams
from worker.engine.base import EngineError, EngineJob, Speech
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.pace import REHEARSED
from worker.service import Worker

BEAT_S = 0.1
GATEWAY_BEAT_S = 0.5
"""Ten of them may be missed, and this machine is busy."""
VOICES = ["af_bella", "af_sky"]


class Gate(FakeEngine):
    """A fake engine that waits at a gate, so that a test decides when a batch ends."""

    def __init__(self, batches_at_once: int = 1) -> None:
        super().__init__(max_batch_jobs=1, batches_at_once=batches_at_once)
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        if batch[0].token_ids in REHEARSED:
            return super().synthesise(batch)
        self.entered.release()
        assert self.open.acquire(timeout=20)
        return super().synthesise(batch)


Start = Callable[..., Worker]


@pytest.fixture
async def start(redis: Redis, valkey: object) -> AsyncIterator[Start]:
    """Starts workers; all are stopped in the end and must have ended well."""
    running: list[tuple[Worker, asyncio.Task[None]]] = []

    def start_one(engine: FakeEngine | None = None, name: str = "w") -> Worker:
        streams = WorkerStreams(redis, name, BEAT_S, max_deliveries=3)
        worker = Worker(engine or FakeEngine(), FakeVoicePacks(VOICES), streams, name, BEAT_S)
        running.append((worker, asyncio.create_task(worker.run())))
        return worker

    yield start_one
    for worker, task in running:
        worker.stop()
        async with asyncio.timeout(20):
            await task


@pytest.fixture
async def synthesis(redis: Redis) -> AsyncIterator[Synthesis]:
    running = make_synthesis(redis)
    await running.start()
    yield running
    await running.close()


def make_synthesis(redis: Redis, window: int = 3, grace_s: float = 2.0) -> Synthesis:
    streams = GatewayStreams(redis, "gw", GATEWAY_BEAT_S)
    fleet = Fleet(streams)
    return Synthesis(streams, fleet, window=window, job_timeout_s=20, heartbeat_s=GATEWAY_BEAT_S, grace_s=grace_s)


async def lines(count: int, tokens: int = 5, voice: str = "af_bella") -> AsyncIterator[Line]:
    for seq in range(count):
        yield Line((seq + 1,) * tokens, ((voice, 1.0),), 1.0)


def delivery(request_id: str = "req") -> Delivery:
    return Delivery(request_id, 0, Lane.URGENT)


def expected_pcm(seq: int, tokens: int = 5, voice: str = "af_bella") -> bytes:
    style = FakeVoicePacks(VOICES).style([(voice, 1.0)], tokens)
    [speech] = FakeEngine().synthesise([EngineJob((seq + 1,) * tokens, style, 1.0, 0)])
    assert isinstance(speech, Speech)
    return speech.pcm.tobytes()


async def collect(
    synthesis: Synthesis, count: int, request_id: str = "req", voice: str = "af_bella"
) -> list[SpokenChunk]:
    return [spoken async for spoken in synthesis.speak(delivery(request_id), lines(count, voice=voice))]
