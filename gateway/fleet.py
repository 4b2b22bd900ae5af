"""Who works: a view of the live workers, kept fresh in the background so that requests need not ask Redis."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping

from shared.contract import Lane
from shared.errors import NoWorkers, QueueUnavailable
from shared.observe import logger
from shared.streams import Ahead, GatewayStreams, WorkerRecord
from shared.voices import CATALOGUE

log = logger(__name__)

FIRST_CHUNK_AUDIO_S = 3.0
"""Of a request that was admitted and has not yet published: about what its first chunk will ask for."""

CROWD_LASTS_S = 2.0
"""For how long what was seen of the queue still says something of it."""


class Fleet:
    """The live workers as of the last look, and how long there have been none.

    wait_for_workers_s: how long ``require`` waits for a first worker, where workers scale to zero.
    """

    def __init__(self, streams: GatewayStreams, wait_for_workers_s: float = 0.0) -> None:
        self._streams = streams
        self._wait_for_workers_s = wait_for_workers_s
        self._inhabited = asyncio.Event()
        self.num_waiting = 0
        """Requests that wait for a first worker: what an autoscaler wakes one for."""
        self._workers: list[WorkerRecord] = []
        self._queue_error: QueueUnavailable | None = None
        self._last_alive = time.monotonic()
        self._flows, self._flows_seen = 0, -math.inf

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
    def capacity(self) -> float:
        """Audio seconds per second of all live workers together, as measured; 0: not known."""
        rates = [worker.capacity for worker in self._workers]
        return sum(rates) if all(rates) else 0.0

    @property
    def load_s(self) -> float:
        """Seconds until the first of the live workers has its model in memory."""
        return min((worker.load_s for worker in self._workers), default=0.0)

    @property
    def share(self) -> float:
        """Audio seconds per second that a new stream can count on while those who were last seen in the queue take
        turns with it; infinity where the fleet's speed is not known.
        """
        return self.capacity / (self._flows_now + 1) or math.inf

    def share_of(self, tenant_id: str) -> float:
        """Audio seconds per second for all of a tenant's requests, or for all that are of nobody in particular."""
        return (self.capacity / max(1, self._flows_now) if tenant_id else self.capacity) or math.inf

    @property
    def _flows_now(self) -> int:
        return self._flows if time.monotonic() - self._flows_seen < CROWD_LASTS_S else 0

    def see_queue(self, ahead: Mapping[Lane, Ahead]) -> None:
        """Remember who takes turns. A stream is in one of the two lanes at a time."""
        self._flows, self._flows_seen = ahead[Lane.URGENT].flows + ahead[Lane.STANDARD].flows, time.monotonic()

    def wait_s(self, ahead: Mapping[Lane, Ahead], num_starting: int) -> float:
        """Seconds until a new request's chunks, first and following, get their turns; 0 where the speed is not known.

        ahead: what its flow finds in each lane. num_starting: requests that are about to publish their first chunk.
        """
        if not self.capacity:
            return 0.0
        lanes = [ahead[Lane.URGENT], ahead[Lane.STANDARD]]  # what runs of a batch gives way, or is over soon
        audio_s = sum(lane.held_s + lane.before_s for lane in lanes) + num_starting * FIRST_CHUNK_AUDIO_S
        return self.load_s + audio_s / self.capacity

    @property
    def model(self) -> str | None:
        """What all live workers speak with; None where they differ, or one does not say."""
        models = {worker.model for worker in self._workers}
        return models.pop() or None if len(models) == 1 else None

    def model_of(self, worker_id: str) -> str | None:
        """What a live worker speaks with."""
        return next((worker.model for worker in self._workers if worker.id == worker_id), None)

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
            self.lose_sight(error)
        if self._workers:
            self._last_alive = time.monotonic()
            self._inhabited.set()
        else:
            self._inhabited.clear()

    def lose_sight(self, error: QueueUnavailable) -> None:
        """Redis could not be asked: nobody can be served until a look finds it again."""
        self._workers, self._queue_error = [], error
        self._inhabited.clear()

    async def require(self) -> None:
        """Return once a request can be served. Raises QueueUnavailable, or NoWorkers if none came in the time set."""
        try:
            await self.require_now()
        except NoWorkers:
            if not self._wait_for_workers_s:
                raise
            await self._wait_for_workers()
            await self.require_now()

    async def require_hope(self) -> None:
        """Raise QueueUnavailable or NoWorkers if a request would be refused at once."""
        try:
            await self.require_now()
        except NoWorkers:
            if not self._wait_for_workers_s:
                raise

    async def _wait_for_workers(self) -> None:
        self.num_waiting += 1
        try:
            async with asyncio.timeout(self._wait_for_workers_s):
                await self._inhabited.wait()
        except TimeoutError:
            log.info("no_worker_came", waited_s=self._wait_for_workers_s)
        finally:
            self.num_waiting -= 1

    async def require_now(self) -> None:
        """Raise QueueUnavailable or NoWorkers if no request could be served now."""
        if not self._workers and self._queue_error is None:
            await self.look()
        if self._queue_error is not None:  # the next heartbeat asks again: a Redis that stalls would keep all waiting
            raise self._queue_error
        if not self._workers:
            raise NoWorkers("No worker is running. Start one with `kokoro-fleet worker`, then try again.")
