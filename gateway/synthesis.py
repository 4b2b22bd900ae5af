"""From chunks to pcm: publishes a window of jobs per request and routes the replies back, in order."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

from gateway.admission import Admission
from gateway.feeding import next_fed
from gateway.fleet import Fleet
from gateway.inbox import Inbox, TenantLine, Unanswered
from gateway.reorder import SpokenChunk
from gateway.telemetry import Telemetry
from shared.contract import AudioFrame, ChunkFailed, ChunkJob, Lane, UnreadableMessage, VoiceMix
from shared.errors import FleetError, NoWorkers, QueueFull, QueueUnavailable
from shared.observe import logger
from shared.streams import Beat, GatewayStreams

log = logger(__name__)

READ_BLOCK_MS = 1000
RETRY_S = 0.2
TENANT_RETRY_S = 0.5
"""How often a tenant over its cap is tried again though no answer came here."""

DEADLINE_GRACE_S = 2.0
"""A worker that finds a job expired says so; wait this much longer for its word."""


class Line(NamedTuple):
    """A chunk's tokens, and how they are to be spoken."""

    token_ids: tuple[int, ...]
    voice: VoiceMix
    speed: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the jobs of one request have in common."""

    request_id: str
    seed: int
    lane: Lane
    """Of the first chunk; the following ones of an urgent request are standard."""
    tenant_id: str = ""
    audio_s: float = 0.0
    """About how much is asked for."""
    is_returning: bool = False
    """Whether it was refused before and has come back."""
    weight: float = 1.0
    """Its tenant's share of a crowded lane is in proportion to it."""

    def lane_of(self, seq: int) -> Lane:
        """Of the chunk at that place."""
        return Lane.STANDARD if seq and self.lane is Lane.URGENT else self.lane


class Synthesis:
    """The gateway's end of the queue: one reply stream, many requests."""

    def __init__(
        self,
        streams: GatewayStreams,
        fleet: Fleet,
        *,
        window: int,
        job_timeout_s: float,
        heartbeat_s: float,
        grace_s: float,
        max_queue_wait_s: float = math.inf,
        tenant_max_chunks: int | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._telemetry = telemetry or Telemetry()
        self._streams = streams
        self._fleet = fleet
        self._window = window
        self._job_timeout_s = job_timeout_s
        self._heartbeat_s = heartbeat_s
        self._grace_s = grace_s
        self._admission = Admission(streams, fleet, max_queue_wait_s)
        self._tenant_max_chunks = tenant_max_chunks
        self._tenants: weakref.WeakValueDictionary[str, TenantLine] = weakref.WeakValueDictionary()
        self._inboxes: dict[str, Inbox] = {}
        self._background: list[asyncio.Task[None]] = []
        self._must_republish = False

    async def start(self) -> None:
        """Start to read replies. Redis need not be there yet."""
        await self._beat_once()
        self._background = [asyncio.create_task(self._read()), asyncio.create_task(self._beat())]

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        with contextlib.suppress(QueueUnavailable):
            await self._streams.leave()

    async def speak(self, delivery: Delivery, lines: AsyncIterator[Line]) -> AsyncGenerator[SpokenChunk, None]:
        """Speak lines; yields their chunks in order, each once. At most a window of them is under way at a time.

        Leaving early, by whatever way, cancels what is queued. Raises Overloaded before anything was done, FleetError,
        and whatever ``lines`` raises.
        """
        await self._admit(delivery)
        # Requests of nobody in particular have no cap to wait for, each has a line of its own.
        tenant = self._tenants.setdefault(delivery.tenant_id or delivery.request_id, TenantLine())
        tenant.weight = delivery.weight
        inbox = self._inboxes[delivery.request_id] = Inbox(tenant)
        window = asyncio.Semaphore(self._window)
        published: asyncio.Queue[float | None] = asyncio.Queue()
        feeder = asyncio.create_task(self._feed(delivery, lines, inbox, window, published))
        unfinished = True
        try:
            while (deadline := await next_fed(published, feeder)) is not None:
                yield await inbox.next(deadline)
                window.release()
            unfinished = False
        except (GeneratorExit, asyncio.CancelledError):
            self._telemetry.metrics.cancelled(inbox.published, inbox.taken)
            raise
        finally:
            del self._inboxes[delivery.request_id]
            feeder.cancel()
            await asyncio.gather(feeder, return_exceptions=True)
            inbox.give_up_waiting()
            if unfinished:
                await self._cancel(delivery, range(inbox.taken, inbox.published + 1))

    async def _admit(self, delivery: Delivery) -> None:
        """Raise Overloaded if the request would wait for too long. Batch work waits, however long; and what goes on
        with an audio that is already being heard was admitted with its beginning.
        """
        if delivery.lane is not Lane.URGENT:
            return
        await self._admission.admit(
            delivery.tenant_id,
            delivery.request_id,
            num_starting=self._num_starting(delivery.tenant_id),
            audio_s=delivery.audio_s,
            is_returning=delivery.is_returning,
        )

    def _num_starting(self, tenant_id: str) -> int:
        """Requests admitted here that Redis does not know of yet and that would go first: all of this tenant, and one
        of each other flow.
        """
        ours = self._tenants.get(tenant_id) if tenant_id else None
        starting = [inbox.tenant for inbox in self._inboxes.values() if inbox.is_starting]
        return starting.count(ours) + len(set(starting) - {ours}) if ours else len(set(starting))

    async def _feed(
        self,
        delivery: Delivery,
        lines: AsyncIterator[Line],
        inbox: Inbox,
        window: asyncio.Semaphore,
        published: asyncio.Queue[float | None],
    ) -> None:
        """Publish jobs as the window allows; tell the reader of each when it must be there, and at last None."""
        seq = 0
        async for line in lines:
            await window.acquire()
            await self._publish(delivery, seq, line, inbox)
            published.put_nowait(time.monotonic() + self._job_timeout_s + DEADLINE_GRACE_S)
            seq += 1
        published.put_nowait(None)

    async def _publish(self, delivery: Delivery, seq: int, line: Line, inbox: Inbox) -> None:
        """Publish a chunk; while its tenant has as many in flight as it may, wait for one to be answered."""
        tenant = inbox.tenant
        inbox.is_starting = False
        async with tenant.turn:
            tenant.answered.clear()
            span = self._telemetry.span("chunk", seq)
            inbox.unanswered[seq] = Unanswered(span, delivery.lane_of(seq))
            job = self._job(delivery, seq, line, span.traceparent)
            while not await self._publish_patiently(job, tenant.weight):
                # Another gateway's answers free leases as well, and are not seen here.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TENANT_RETRY_S):
                        await tenant.answered.wait()
                tenant.answered.clear()
        inbox.published = seq + 1
        inbox.jobs[seq] = job

    async def _publish_patiently(self, job: ChunkJob, weight: float) -> bool:
        """A request that has begun waits for a queue that is gone or full; a new one is refused at once."""
        gives_up = time.monotonic() + self._grace_s
        while True:
            try:
                return await self._streams.publish(job, self._tenant_max_chunks, weight)
            except QueueUnavailable:
                if job.seq == 0 or time.monotonic() > gives_up:
                    raise
            await asyncio.sleep(RETRY_S)

    def _job(self, delivery: Delivery, seq: int, line: Line, traceparent: str | None) -> ChunkJob:
        return ChunkJob(
            request_id=delivery.request_id,
            seq=seq,
            reply_stream=self._streams.reply_stream,
            token_ids=line.token_ids,
            voice=line.voice,
            speed=line.speed,
            seed=delivery.seed,
            deadline_ms=int((time.time() + self._job_timeout_s) * 1000),
            lane=delivery.lane_of(seq),
            tenant_id=delivery.tenant_id,
            traceparent=traceparent,
        )

    async def _cancel(self, delivery: Delivery, seqs: range) -> None:
        try:
            await self._streams.cancel(delivery.request_id, self._job_timeout_s, seqs, delivery.tenant_id)
        except QueueUnavailable as error:
            # The jobs' deadlines end them instead.
            log.warning("cancel_not_sent", request_id=delivery.request_id, error=error.message)

    async def _read(self) -> None:
        last_read = time.monotonic()
        while True:
            try:
                for reply in await self._streams.read_replies(READ_BLOCK_MS):
                    self._route(reply)
                last_read = time.monotonic()
            except QueueUnavailable as error:
                if time.monotonic() - last_read > self._grace_s:
                    self._fail_all(error)
                await asyncio.sleep(RETRY_S)

    def _route(self, reply: AudioFrame | ChunkFailed | UnreadableMessage) -> None:
        if isinstance(reply, UnreadableMessage):
            log.error("unreadable_reply", request_id=reply.addressee.request_id, error=reply.message)
            if inbox := self._inboxes.get(reply.addressee.request_id):
                inbox.fail(reply)
        elif inbox := self._inboxes.get(reply.request_id):
            inbox.put(reply)
            inbox.tenant.answered.set()
            is_over = isinstance(reply, ChunkFailed) or reply.last
            if is_over and (unanswered := inbox.unanswered.pop(reply.seq, None)):
                self._telemetry.answered(reply, unanswered.lane, unanswered.span)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            await self._beat_once()

    async def _beat_once(self) -> None:
        if await self._is_heard():
            await self._fleet.look()
        if self._inboxes and self._fleet.alone_s > self._grace_s:
            self._fail_all(NoWorkers("The last worker went away."))

    async def _is_heard(self) -> bool:
        """Say that this gateway lives; whether the queue answers. One that is full answers whoever only looks."""
        try:
            beat = await self._streams.heartbeat()
            if beat is Beat.NEW:
                self._fail_all(QueueUnavailable("The queue lost its memory while this request was under way."))
            self._must_republish |= beat is Beat.MOVED
            if self._must_republish:
                await self._republish()
        except QueueFull as error:
            log.warning("queue_full", error=error.message)
        except QueueUnavailable as error:
            log.warning("queue_unavailable", error=error.message)
            self._fleet.lose_sight(error)
            return False
        return True

    async def _republish(self) -> None:
        """Publish all that is not yet answered once more: a chunk that is spoken twice is taken once."""
        jobs = [(job, inbox.tenant.weight) for inbox in self._inboxes.values() for job in inbox.jobs.values()]
        log.warning("republished", jobs=len(jobs))
        for job, weight in jobs:
            await self._streams.publish(job, weight=weight)
        self._must_republish = False

    def _fail_all(self, error: FleetError) -> None:
        for inbox in self._inboxes.values():
            inbox.fail(error)
