"""Synthesis that asks the cache first: what is there is taken from it, the rest is spoken and kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from gateway.chunk_cache import ChunkCache, Flight, digest_of
from gateway.feeding import next_fed
from gateway.fleet import Fleet
from gateway.reorder import SpokenChunk
from gateway.synthesis import Delivery, Line, Synthesis
from shared.contract import ChunkTimings, Lane
from shared.streams.cache import CachedChunk


class CachedSynthesis:
    """As ``Synthesis``: chunks in order, each once, at most a window of them ahead of whoever takes them.

    Cached chunks take no place in the queue. A request whose first chunk is cached is admitted however much is queued:
    it is being heard already, and most likely all of it is there.
    """

    def __init__(self, synthesis: Synthesis, cache: ChunkCache, fleet: Fleet, *, window: int) -> None:
        self._synthesis = synthesis
        self._cache = cache
        self._fleet = fleet
        self._window = window

    async def speak(self, delivery: Delivery, lines: AsyncIterator[Line]) -> AsyncGenerator[SpokenChunk, None]:
        """Speak lines; see ``Synthesis.speak``. Where the workers do not all speak alike, without the cache."""
        model = self._fleet.model
        if model is None:
            self._cache.counters.bypassed += 1
            chunks = self._synthesis.speak(delivery, lines)
        else:
            chunks = _Request(self._synthesis, self._cache, self._fleet, delivery, model).speak(lines, self._window)
        async with contextlib.aclosing(chunks):
            async for spoken in chunks:
                yield spoken


@dataclass(slots=True, eq=False)
class _Missed:
    """A chunk that was not in the cache, and where those who wait for it look."""

    seq: int
    line: Line
    coming: asyncio.Future[SpokenChunk]
    flight: Flight | None = None


class _Request:
    """One request. Three at work: the feeder asks the cache, the speaker has the misses spoken, ``speak`` gives both
    in order.
    """

    def __init__(self, synthesis: Synthesis, cache: ChunkCache, fleet: Fleet, delivery: Delivery, model: str) -> None:
        self._synthesis = synthesis
        self._cache = cache
        self._fleet = fleet
        self._delivery = delivery
        self._model = model
        self._order: asyncio.Queue[asyncio.Future[SpokenChunk] | None] = asyncio.Queue()
        self._missed: asyncio.Queue[_Missed | None] = asyncio.Queue()
        self._under_way: deque[_Missed] = deque()
        self._flights: set[Flight] = set()
        self._followers: set[asyncio.Task[SpokenChunk]] = set()

    async def speak(self, lines: AsyncIterator[Line], max_ahead: int) -> AsyncGenerator[SpokenChunk, None]:
        window = asyncio.Semaphore(max_ahead)
        feeder = asyncio.create_task(self._feed(lines, window))
        speaker = asyncio.create_task(self._speak_missed())
        try:
            while (coming := await next_fed(self._order, feeder)) is not None:
                either: set[asyncio.Future[Any]] = {coming, speaker}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    speaker.result()  # raises: it ends before its chunks only if it fails
                yield coming.result()
                window.release()
            self._missed.put_nowait(None)
            await speaker
        finally:
            tasks = [feeder, speaker, *self._followers]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for flight in self._flights:
                self._cache.abandon(flight)

    async def _feed(self, lines: AsyncIterator[Line], window: asyncio.Semaphore) -> None:
        seq = 0
        async for line in lines:
            await window.acquire()
            self._order.put_nowait(await self._ask(seq, line))
            seq += 1
        self._order.put_nowait(None)

    async def _ask(self, seq: int, line: Line) -> asyncio.Future[SpokenChunk]:
        digest, lane = digest_of(self._delivery, line, self._model), self._delivery.lane_of(seq)
        missed = _Missed(seq, line, asyncio.get_running_loop().create_future())
        answer = await self._cache.ask(digest, lane)
        if answer is None:
            follower = asyncio.create_task(self._follow(missed, digest, lane))
            self._followers.add(follower)
            return follower
        self._take(missed, answer)
        return missed.coming

    async def _follow(self, missed: _Missed, digest: str, lane: Lane) -> SpokenChunk:
        self._take(missed, await self._cache.follow(digest, lane))
        return await missed.coming

    def _take(self, missed: _Missed, answer: CachedChunk | Flight) -> None:
        if isinstance(answer, CachedChunk):
            missed.coming.set_result(_of_cache(missed.seq, answer))
        else:
            missed.flight = answer
            self._flights.add(answer)
            self._missed.put_nowait(missed)

    async def _speak_missed(self) -> None:
        """Have the misses spoken in the order they come up in, which is theirs but for those that others gave up."""
        first = await self._missed.get()
        if first is None:
            return
        delivery = replace(self._delivery, lane=self._delivery.lane_of(first.seq))
        async with contextlib.aclosing(self._synthesis.speak(delivery, self._lines(first))) as chunks:
            async for spoken in chunks:
                self._give(self._under_way.popleft(), spoken)

    async def _lines(self, first: _Missed) -> AsyncGenerator[Line, None]:
        missed: _Missed | None = first
        while missed is not None:
            self._under_way.append(missed)
            yield missed.line
            missed = await self._missed.get()

    def _give(self, missed: _Missed, spoken: SpokenChunk) -> None:
        missed.coming.set_result(replace(spoken, seq=missed.seq, is_cached=False))
        if missed.flight is None:
            return
        self._flights.discard(missed.flight)
        # A worker of another kind may have joined since the cache was asked.
        if self._fleet.model_of(spoken.worker_id) == self._model:
            self._cache.keep(missed.flight, CachedChunk(spoken.pcm, spoken.sample_rate, spoken.durations))
        else:
            self._cache.abandon(missed.flight)


def _of_cache(seq: int, chunk: CachedChunk) -> SpokenChunk:
    no_time = ChunkTimings(0.0, 0.0, 0.0)
    return SpokenChunk(seq, chunk.pcm, chunk.sample_rate, chunk.durations, no_time, worker_id="", is_cached=True)
