"""Chunks spoken before need not be spoken again, and of several who ask at once only one is at it.

Trouble with the cache is never the caller's: whatever cannot be asked for, read or kept is a miss.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field

import msgpack

from gateway.synthesis import Delivery, Line
from shared.contract import Lane
from shared.errors import QueueUnavailable
from shared.observe import logger
from shared.streams.cache import CachedChunk, ChunkStore, Claim, NotCached

log = logger(__name__)

POLL_S = 0.1
"""How often a gateway looks whether another has made a chunk that its own requests wait for."""


@dataclass(slots=True)
class Counters:
    """Of chunks, since the gateway's start."""

    hits: int = 0
    misses: int = 0
    waits: int = 0
    """Hits that another request made while this one waited."""
    bypassed: int = 0
    """Requests for which the cache was not asked: not all workers speak alike, or one does not say how it speaks."""
    evictions: int = 0
    not_kept: int = 0
    errors: int = 0
    """Times that Redis could not be asked, or that what it had was no chunk."""
    bytes_kept: int = 0
    bytes_hit: int = 0


@dataclass(slots=True, eq=False)
class Flight:
    """A chunk that somebody here makes, or looks for. Others here wait for its end."""

    claim: Claim
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    chunk: CachedChunk | None = None


def digest_of(delivery: Delivery, line: Line, model: str) -> str:
    """Names a chunk by all that its samples depend on, and by the tenant: how long an answer takes would else tell one
    tenant what another has had spoken.
    """
    about = [delivery.tenant_id, model, delivery.seed, line.speed, line.voice, line.token_ids]
    return hashlib.sha256(msgpack.packb(about)).hexdigest()


class ChunkCache:
    """One gateway's door to the chunks in Redis. A Flight that it gives out must be kept or abandoned."""

    def __init__(self, store: ChunkStore, *, heartbeat_s: float) -> None:
        self._store = store
        self._heartbeat_s = heartbeat_s
        self._flights: dict[tuple[str, Lane], Flight] = {}
        self._leading: set[Flight] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None
        self.counters = Counters()

    def start(self) -> None:
        self._renewing = asyncio.create_task(self._renew())

    async def close(self) -> None:
        """Finish what is being kept."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await asyncio.gather(*self._background)

    async def ask(self, digest: str, lane: Lane) -> CachedChunk | Flight | None:
        """The chunk; or its Flight, for the caller to make it; or None: somebody is at it, see ``follow``."""
        if (digest, lane) in self._flights:
            return None
        flight = Flight(Claim(digest, lane, uuid.uuid4().hex))
        self._flights[digest, lane] = flight
        answer: CachedChunk | NotCached | None = None
        try:
            answer = await self._look(flight.claim)
        finally:
            if answer is None:
                self.abandon(flight)  # the asker left, and may have got the lead by now
            elif answer is not NotCached.LEAD:
                self._end(flight, answer if isinstance(answer, CachedChunk) else None)
        if isinstance(answer, CachedChunk):
            self._count_hit(answer)
            return answer
        if answer is NotCached.WAIT:
            return None
        self.counters.misses += 1
        self._leading.add(flight)
        return flight

    async def follow(self, digest: str, lane: Lane) -> CachedChunk | Flight:
        """As ``ask``, but waits for whoever is at it; takes over from one who gave up, or whose gateway died."""
        while True:
            if flight := self._flights.get((digest, lane)):
                await flight.ended.wait()
                if flight.chunk is not None:
                    self.counters.waits += 1
                    self._count_hit(flight.chunk)
                    return flight.chunk
            elif (answer := await self.ask(digest, lane)) is not None:
                self.counters.waits += isinstance(answer, CachedChunk)
                return answer
            else:
                async with self._watching(digest, lane):
                    await asyncio.sleep(POLL_S)

    def keep(self, flight: Flight, chunk: CachedChunk) -> None:
        """The chunk is there: for those who wait here at once, for others as soon as Redis has it."""
        self._end(flight, chunk)
        self._do(self._keep(flight.claim, chunk))

    def abandon(self, flight: Flight) -> None:
        """It will not come from here; the next who asks may make it."""
        self._end(flight, None)
        self._do(self._release(flight.claim))

    async def _look(self, claim: Claim) -> CachedChunk | NotCached:
        try:
            answer = await self._store.ask(claim)
            if answer is NotCached.UNREADABLE:
                self.counters.errors += 1
                answer = await self._store.ask(claim)
        except QueueUnavailable as error:
            self.counters.errors += 1
            log.warning("cache_unavailable", error=error.message)
            return NotCached.LEAD
        # One that cannot be read twice over is made anew, without asking further.
        return NotCached.LEAD if answer is NotCached.UNREADABLE else answer

    @contextlib.asynccontextmanager
    async def _watching(self, digest: str, lane: Lane) -> AsyncIterator[None]:
        """One of those who wait here for another gateway looks for all."""
        flight = Flight(Claim(digest, lane, ""))
        self._flights[digest, lane] = flight
        try:
            yield
        finally:
            self._end(flight, None)

    def _end(self, flight: Flight, chunk: CachedChunk | None) -> None:
        self._leading.discard(flight)
        place = flight.claim.digest, flight.claim.lane
        if self._flights.get(place) is flight:
            del self._flights[place]
        flight.chunk = chunk
        flight.ended.set()

    def _count_hit(self, chunk: CachedChunk) -> None:
        self.counters.hits += 1
        self.counters.bytes_hit += len(chunk.pcm)

    def _do(self, work: Coroutine[None, None, None]) -> None:
        """Nobody waits for it, and nobody's leaving stops it."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _keep(self, claim: Claim, chunk: CachedChunk) -> None:
        try:
            removed = await self._store.keep(claim, chunk)
        except QueueUnavailable as error:
            self.counters.errors += 1
            log.warning("chunk_not_kept", error=error.message)
            return
        if removed is None:
            self.counters.not_kept += 1
        else:
            self.counters.evictions += removed
            self.counters.bytes_kept += len(chunk.pcm)

    async def _release(self, claim: Claim) -> None:
        try:
            await self._store.release(claim)
        except QueueUnavailable as error:
            self.counters.errors += 1
            log.warning("lead_not_released", error=error.message)  # its lease ends it

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            if self._leading:
                with contextlib.suppress(QueueUnavailable):
                    await self._store.renew([flight.claim for flight in self._leading])
