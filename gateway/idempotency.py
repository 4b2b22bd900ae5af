"""Requests with an ``Idempotency-Key``: spoken once, answered as often as they are asked. Read ``once`` first.

The first to come leads: it speaks, hands the packets to its client, and keeps them in Redis as it goes. The same
request again, at whichever gateway, follows what is kept. The work is not the client's but the key's: a client that
leaves, which is what makes clients ask again, leaves it running for as long as somebody follows, and for a grace period
in any case.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from gateway.pipeline import Audio
from shared.errors import IdempotencyKeyReused, QueueUnavailable, SynthesisFailed
from shared.observe import logger
from shared.streams.results import Piece, ResultLost, ResultStore, Run, Verdict

log = logger(__name__)

AHEAD_PIECES = 2
"""Packets that the work may be ahead of its only client; so a slow reader slows it, as without a key."""

POLL_S = 0.05
"""How often a follower looks for more. A blocking read would hold one of the gateway's few connections."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a caller named its request by. Both are hashes: neither key nor text is kept."""

    digest: str
    """Of the tenant and the key."""
    fingerprint: str
    """Of where the request went and all that it asked for."""


@dataclass(slots=True)
class Counters:
    """Since the gateway's start."""

    led: int = 0
    followed: int = 0
    reused: int = 0
    not_kept: int = 0
    """Too large, pushed out, or Redis had no room."""
    abandoned: int = 0


class Idempotency:
    """Runs each keyed request once. ``grace_s``: how long one goes on that has neither client nor followers."""

    def __init__(self, results: ResultStore, *, heartbeat_s: float, grace_s: float) -> None:
        self._results = results
        self._heartbeat_s = heartbeat_s
        self._grace_s = grace_s
        self._leading: set[_Lead] = set()
        self.counters = Counters()

    async def close(self) -> None:
        """Stop what still runs; its keys are free again."""
        await asyncio.gather(*(lead.stop() for lead in self._leading))

    @contextlib.asynccontextmanager
    async def once(self, key: Key, opening: AbstractAsyncContextManager[Audio]) -> AsyncIterator[Audio]:
        """``opening``, unless the same was opened before: then what came of that. Raises IdempotencyKeyReused."""
        while True:
            verdict, run = await self._results.claim(key.digest, key.fingerprint)
            if verdict is Verdict.REUSED:
                self.counters.reused += 1
                raise IdempotencyKeyReused(
                    "This Idempotency-Key was used for a request with another body or path; use a key for one only."
                )
            audio_of = self._lead(run, opening) if verdict is Verdict.LEAD else self._follow(run)
            async with audio_of as audio:
                if audio is not None:
                    yield audio
                    return
            # What was followed failed, or its gateway died: the key is free, and this one may be the next to lead.

    @contextlib.asynccontextmanager
    async def _lead(self, run: Run, opening: AbstractAsyncContextManager[Audio]) -> AsyncIterator[Audio | None]:
        self.counters.led += 1
        lead = _Lead(self._results, run, self._heartbeat_s, self._grace_s, self.counters)
        self._leading.add(lead)
        lead.start(opening, self._leading.discard)
        try:
            audio = await lead.opened()
            async with contextlib.aclosing(lead.packets()) as packets:
                yield Audio(packets, audio.length, usage=audio.usage)
        finally:
            lead.leave()

    @contextlib.asynccontextmanager
    async def _follow(self, run: Run) -> AsyncIterator[Audio | None]:
        async with self._beating(run), contextlib.aclosing(self._pieces(run)) as pieces:
            try:
                first = await anext(pieces, Piece(b"", 0))
            except ResultLost:
                yield None
                return
            self.counters.followed += 1
            async with contextlib.aclosing(_contents(first, pieces)) as packets:
                yield Audio(packets, first.length, is_replayed=True)

    async def _pieces(self, run: Run) -> AsyncGenerator[Piece, None]:
        after, is_whole = 0, False
        while not is_whole:
            pieces, is_whole = await self._results.read(run, after)
            for piece in pieces:
                yield piece
            after += len(pieces)
            if not pieces and not is_whole:
                await asyncio.sleep(POLL_S)

    @contextlib.asynccontextmanager
    async def _beating(self, run: Run) -> AsyncIterator[None]:
        """Makes the follower known to who leads, however long its client takes over a packet."""
        await self._results.say_followed(run)
        beating = asyncio.create_task(self._beat(run))
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _beat(self, run: Run) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            with contextlib.suppress(QueueUnavailable):
                await self._results.say_followed(run)


async def _contents(first: Piece, rest: AsyncGenerator[Piece, None]) -> AsyncGenerator[bytes, None]:
    yield first.content
    try:
        async for piece in rest:
            yield piece.content
    except ResultLost as error:
        raise SynthesisFailed("The request that this one follows did not end.") from error


class _Lead:
    """A run of a request, in a task of its own, and the client that began it."""

    def __init__(self, results: ResultStore, run: Run, heartbeat_s: float, grace_s: float, counters: Counters) -> None:
        self._results = results
        self._run = run
        self._heartbeat_s = heartbeat_s
        self._grace_s = grace_s
        self._counters = counters
        self._audio: Audio | None = None
        self._recent: deque[bytes] = deque(maxlen=AHEAD_PIECES)
        self._num_made = 0
        self._num_taken = 0
        self._is_whole = False
        self._is_kept = True
        self._is_followed = False
        self._left_at: float | None = None
        self._moved = asyncio.Event()

    def start(self, opening: AbstractAsyncContextManager[Audio], when_over: Callable[[_Lead], None]) -> None:
        self._work = asyncio.create_task(self._speak(opening))
        self._keeping = asyncio.create_task(self._keep_alive())
        self._work.add_done_callback(self._tidy_up)
        self._work.add_done_callback(lambda _: when_over(self))

    async def stop(self) -> None:
        self._work.cancel()
        await asyncio.wait({self._work})

    def leave(self) -> None:
        """The client is gone, or has it all."""
        self._left_at = time.monotonic()
        self._move()

    async def opened(self) -> Audio:
        """Raises whatever opening raises."""
        while self._audio is None:
            await self._next_move()
        return self._audio

    async def packets(self) -> AsyncGenerator[bytes, None]:
        """The client's. Raises whatever the work raises."""
        while True:
            while self._num_taken == self._num_made:
                if self._is_whole:
                    return
                await self._next_move()
            yield await self._packet(self._num_taken)
            self._num_taken += 1
            self._move()

    async def _packet(self, index: int) -> bytes:
        behind = self._num_made - index
        if behind <= len(self._recent):
            return self._recent[-behind]
        # Others follow and were not made to wait for this one.
        packet = await self._results.piece(self._run, index + 1)
        if packet is None:
            raise SynthesisFailed("The audio grew too large to be kept for a slow reader and a second one.")
        return packet

    async def _next_move(self) -> None:
        if self._work.done():
            if self._work.cancelled():
                raise SynthesisFailed("The gateway is shutting down.")
            self._work.result()  # raises
        await self._moved.wait()

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _speak(self, opening: AbstractAsyncContextManager[Audio]) -> None:
        is_kept = False
        try:
            async with opening as audio:
                self._audio = audio
                self._move()
                async for packet in audio.packets:
                    await self._give(packet, audio.length)
            self._is_whole = True
            self._move()
            is_kept = await self._finish()
        finally:
            if not is_kept:
                await self._drop()

    async def _give(self, packet: bytes, length: int | None) -> None:
        self._recent.append(packet)
        self._num_made += 1
        self._move()
        if self._is_kept:
            await self._keep(packet, length)
        while self._must_wait():
            await self._moved.wait()

    def _tidy_up(self, work: asyncio.Task[None]) -> None:
        self._keeping.cancel()
        if not work.cancelled() and (error := work.exception()) and self._left_at is not None:
            log.warning("keyed_request_failed", error=str(error))  # nobody else hears of it
        self._move()

    def _must_wait(self) -> bool:
        is_ahead = self._num_made - self._num_taken >= AHEAD_PIECES
        return is_ahead and self._left_at is None and not self._is_followed

    async def _keep(self, packet: bytes, length: int | None) -> None:
        try:
            self._is_kept = await self._results.append(self._run, self._num_made, packet, length)
        except QueueUnavailable as error:
            self._is_kept = False
            log.warning("result_not_kept", error=error.message)
        if not self._is_kept:
            self._counters.not_kept += 1

    async def _finish(self) -> bool:
        try:
            return self._is_kept and await self._results.finish(self._run, self._num_made + 1)
        except QueueUnavailable as error:
            log.warning("result_not_kept", error=error.message)
            return False

    async def _drop(self) -> None:
        try:
            await self._results.drop(self._run)
        except QueueUnavailable as error:
            # It goes by itself, its lease not being renewed.
            log.warning("key_not_freed", error=error.message)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            if self._is_kept:
                with contextlib.suppress(QueueUnavailable):
                    self._is_kept, self._is_followed = await self._results.renew(self._run)
            if not self._is_wanted():
                self._counters.abandoned += 1
                log.info("keyed_request_abandoned")
                self._work.cancel()
            self._move()

    def _is_wanted(self) -> bool:
        if self._left_at is None or self._is_whole:
            return True
        return self._is_kept and (self._is_followed or time.monotonic() - self._left_at < self._grace_s)
