"""How a worker answers: what became of a job is written for its gateway, and the job acked with it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from shared.contract import ChunkFailed, ChunkTimings, Reply
from shared.errors import QueueFull
from shared.observe import logger
from shared.streams import Claimed, WorkerStreams
from worker.engine.base import EngineError, Speech
from worker.frames import frames_of
from worker.scheduler import Batch
from worker.tally import Tally
from worker.telemetry import named

log = logger(__name__)

RETRY_S = 1.0
"""Pause before the next try when Redis is away, or has no memory."""


class Answers:
    """Writes them, and counts them in the worker's tally."""

    def __init__(self, streams: WorkerStreams, tally: Tally, worker_id: str, stopping: asyncio.Event) -> None:
        self._streams = streams
        self._tally = tally
        self._worker_id = worker_id
        self._stopping = stopping

    async def drop(self, batch: Batch) -> None:
        """Answer for the jobs of ``batch`` that shall not run."""
        for claimed in batch.cancelled:
            self._tally.count(jobs_cancelled=1)
            await self._streams.answer(claimed, [])
        for claimed in batch.expired:
            self._tally.count(jobs_expired=1)
            await self.fail(claimed, "deadline_exceeded", "This part of the text waited in the queue for too long.")

    async def deliver(
        self,
        claimed: Sequence[Claimed],
        spoken: Sequence[Speech | EngineError],
        timings: Callable[[Claimed], ChunkTimings],
    ) -> None:
        """Answer with what the engine made of the jobs."""
        gone = await self._streams.gone(item.reader for item in claimed)
        for item, speech in zip(claimed, spoken, strict=True):
            if isinstance(speech, EngineError):
                await self.fail(item, speech.code, str(speech))
            elif item.reader in gone:
                self._tally.count(jobs_cancelled=1)
                await self._streams.answer(item, [])
            else:
                frames = frames_of(item.job, speech, timings(item), len(claimed), self._worker_id)
                await self._answer(item, list(frames))
                self._tally.count(jobs_done=1)

    async def fail(self, claimed: Claimed, code: str, message: str) -> None:
        """Answer that the job cannot be done."""
        log.warning("job_failed", **named(claimed), code=code, error=message)
        self._tally.count(jobs_failed=1)
        await self._streams.answer(claimed, [ChunkFailed(claimed.job.request_id, claimed.job.seq, code, message)])

    async def _answer(self, claimed: Claimed, replies: list[Reply]) -> None:
        """While the queue has no memory for them, what was spoken is kept here rather than spoken again later."""
        while True:
            try:
                return await self._streams.answer(claimed, replies)
            except QueueFull as error:
                if self._stopping.is_set() or int(time.time() * 1000) > claimed.job.deadline_ms:
                    raise  # it stays pending, for another or for later
                log.warning("queue_full", **named(claimed), error=error.message)
            await pause(RETRY_S, self._stopping)


async def pause(seconds: float, unless: asyncio.Event) -> None:
    """Wait, but not past that event."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await unless.wait()
