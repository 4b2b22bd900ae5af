"""Who works: a view of the live workers, kept fresh in the background so that requests need not ask Redis."""

from __future__ import annotations

import time

from shared.errors import NoWorkers, QueueUnavailable
from shared.streams import GatewayStreams, WorkerRecord
from shared.voices import CATALOGUE


class Fleet:
    """The live workers as of the last look, and how long there have been none."""

    def __init__(self, streams: GatewayStreams) -> None:
        self._streams = streams
        self._workers: list[WorkerRecord] = []
        self._queue_error: QueueUnavailable | None = None
        self._last_alive = time.monotonic()

    @property
    def workers(self) -> list[WorkerRecord]:
        """The live workers."""
        return self._workers

    @property
    def alone_s(self) -> float:
        """Seconds since a live worker was last seen."""
        return time.monotonic() - self._last_alive

    @property
    def slowest(self) -> WorkerRecord | None:
        """Of the live workers that know their pace, the one that takes longest for a chunk: any may get the job."""
        measured = [worker for worker in self._workers if worker.realtime_factor > 0]
        return max(measured, key=lambda worker: worker.fixed_cost_s + 1 / worker.realtime_factor, default=None)

    @property
    def voices(self) -> list[str]:
        """Voices that every live worker has, sorted; the model's own while none lives."""
        offered = [set(worker.voices) for worker in self._workers]
        return sorted(set.intersection(*offered)) if offered else sorted(CATALOGUE)

    async def look(self) -> None:
        """Ask Redis who lives. Never raises: what it found is for ``require`` to tell."""
        try:
            self._workers = await self._streams.workers()
            self._queue_error = None
        except QueueUnavailable as error:
            self._workers = []
            self._queue_error = error
        if self._workers:
            self._last_alive = time.monotonic()

    async def require(self) -> None:
        """Raise QueueUnavailable or NoWorkers if no request could be served now."""
        if not self._workers:
            await self.look()
        if self._queue_error is not None:
            raise self._queue_error
        if not self._workers:
            raise NoWorkers("No worker is running. Start one with `kokoro-fleet worker`, then try again.")
