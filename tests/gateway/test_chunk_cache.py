"""Synthesis behind the chunk cache, over a real Valkey with a real worker: what is spoken is counted by the worker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from redis.asyncio import Redis

from gateway.cached_synthesis import CachedSynthesis
from gateway.chunk_cache import ChunkCache, Flight, digest_of
from gateway.fleet import Fleet
from gateway.reorder import SpokenChunk
from gateway.synthesis import Delivery, Line, Synthesis
from shared.contract import Lane
from shared.errors import FleetError, Overloaded, SynthesisFailed
from shared.streams import GatewayStreams, WorkerStreams
from shared.streams.cache import CachedChunk, ChunkStore
from tests.conftest import Valkey
from worker.engine.base import EngineError, EngineJob, Speech
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.service import Worker

BEAT_S = 0.4
"""A worker that misses three of these on a busy machine is none for a while, and the cache is passed by."""

LEASE_BEAT_S = 2.0
CHUNK = CachedChunk(b"..", 24_000, (1,))


def delivery(request_id: str, *, lane: Lane = Lane.URGENT, seed: int = 0) -> Delivery:
    return Delivery(request_id, seed, lane)


def line(number: int, *, speed: float = 1.0) -> Line:
    """Line 100 and those above are spoken in 10 s, those below in a third of a second."""
    length = 132 if number >= 100 else 1
    return Line((number % 170 + 1, 2, 3) + (4,) * length, (("af_bella", 1.0),), speed)


async def lines(*numbers: int) -> AsyncGenerator[Line, None]:
    for number in numbers:
        yield line(number)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@dataclass
class Gateway:
    synthesis: Synthesis
    fleet: Fleet
    cache: ChunkCache
    cached: CachedSynthesis

    async def heard(self, request: Delivery, *numbers: int) -> list[SpokenChunk]:
        return [spoken async for spoken in self.cached.speak(request, lines(*numbers))]


@contextlib.asynccontextmanager
async def running_gateway(
    redis: Redis, name: str, *, max_bytes: int = 10_000_000, max_queue_wait_s: float = 30.0
) -> AsyncIterator[Gateway]:
    streams = GatewayStreams(redis, name, BEAT_S)
    fleet = Fleet(streams)
    synthesis = Synthesis(
        streams,
        fleet,
        window=4,
        job_timeout_s=20,
        heartbeat_s=BEAT_S,
        grace_s=5,
        max_queue_wait_s=max_queue_wait_s,
    )
    cache = ChunkCache(ChunkStore(redis, heartbeat_s=LEASE_BEAT_S, ttl_s=60, max_bytes=max_bytes), heartbeat_s=BEAT_S)
    await synthesis.start()
    cache.start()
    yield Gateway(synthesis, fleet, cache, CachedSynthesis(synthesis, cache, fleet, window=4))
    await synthesis.close()
    await cache.close()


@contextlib.asynccontextmanager
async def running_worker(
    redis: Redis, gateways: list[Gateway], name: str = "w", model: str = "fake-1", engine: FakeEngine | None = None
) -> AsyncIterator[Worker]:
    streams = WorkerStreams(redis, name, BEAT_S, 3)
    worker = Worker(engine or FakeEngine(), FakeVoicePacks(["af_bella"]), streams, name, BEAT_S, model=model)
    running = asyncio.create_task(worker.run())
    await until(lambda: all(name in [each.id for each in gateway.fleet.workers] for gateway in gateways))
    yield worker
    worker.stop()
    await running


@pytest.fixture
async def gateway(redis: Redis) -> AsyncIterator[Gateway]:
    async with running_gateway(redis, "one") as one:
        yield one


@pytest.fixture
async def worker(redis: Redis, gateway: Gateway) -> AsyncIterator[Worker]:
    async with running_worker(redis, [gateway]) as running:
        yield running


async def test_a_hit_is_sample_identical_and_nothing_is_spoken(gateway: Gateway, worker: Worker) -> None:
    plain = [spoken async for spoken in gateway.synthesis.speak(delivery("plain"), lines(*range(10)))]
    missed = await gateway.heard(delivery("first"), *range(10))
    # A job counts once its answer is written, which the gateway may see first.
    await until(lambda: worker.record.jobs_done == 20)
    hit = await gateway.heard(delivery("second"), *range(10))
    assert worker.record.jobs_done == 20
    for chunks, is_cached in ((missed, False), (hit, True)):
        assert [(each.seq, each.pcm, each.durations) for each in chunks] == [
            (each.seq, each.pcm, each.durations) for each in plain
        ]
        assert {each.is_cached for each in chunks} == {is_cached}
    assert (gateway.cache.counters.hits, gateway.cache.counters.misses) == (10, 10)


async def test_what_is_partly_there_is_in_order(gateway: Gateway, worker: Worker) -> None:
    await gateway.heard(delivery("first"), 1, 3, 5, 7)
    heard = await gateway.heard(delivery("second"), *range(9))
    assert [each.seq for each in heard] == list(range(9))
    assert [each.is_cached for each in heard] == [number in {1, 3, 5, 7} for number in range(9)]
    alone = [spoken async for spoken in gateway.synthesis.speak(delivery("plain"), lines(*range(9)))]
    assert [each.pcm for each in heard] == [each.pcm for each in alone]


async def test_many_at_two_gateways_have_each_chunk_spoken_once(redis: Redis, gateway: Gateway) -> None:
    async with (
        running_gateway(redis, "two") as other,
        running_worker(redis, [gateway, other], engine=FakeEngine(20)) as worker,
    ):
        done = worker.record.jobs_done
        asked = [at.heard(delivery(f"{at is other}-{n}"), *range(8)) for n in range(5) for at in (gateway, other)]
        answers = await asyncio.gather(*asked)
        await until(lambda: worker.record.jobs_done >= done + 8)
        assert worker.record.jobs_done == done + 8
    assert len({tuple(each.pcm for each in answer) for answer in answers}) == 1
    waits = gateway.cache.counters.waits + other.cache.counters.waits
    hits = gateway.cache.counters.hits + other.cache.counters.hits
    assert hits == 9 * 8
    assert waits > 0


async def test_a_leader_that_leaves_hands_over(redis: Redis, gateway: Gateway) -> None:
    async with running_gateway(redis, "two") as other, running_worker(redis, [gateway, other], engine=FakeEngine(10)):
        leading = asyncio.create_task(gateway.heard(delivery("leading"), 100))
        await until(lambda: gateway.cache.counters.misses == 1)
        following = [asyncio.create_task(at.heard(delivery(f"{at is other}"), 100)) for at in (gateway, other)]
        leading.cancel()
        heard = await asyncio.gather(*following)
        assert [len(answer) for answer in heard] == [1, 1]
        assert heard[0][0].pcm == heard[1][0].pcm
        assert gateway.cache.counters.misses + other.cache.counters.misses == 2


async def test_a_dead_gateways_lead_is_taken_over(
    redis: Redis, valkey: Valkey, gateway: Gateway, worker: Worker
) -> None:
    dead = ChunkCache(ChunkStore(redis, heartbeat_s=0.1, ttl_s=60, max_bytes=1000), heartbeat_s=0.1)
    flight = await dead.ask(digest_of(delivery(""), line(0), "fake-1"), Lane.URGENT)
    assert isinstance(flight, Flight)  # and it never says another word
    assert len(await gateway.heard(delivery("second"), 0)) == 1


async def test_who_leaves_while_asking_leaves_no_lead_behind(redis: Redis, gateway: Gateway) -> None:
    for moment in range(6):  # wherever it is cancelled: before Redis is asked, while it answers, after
        asking = asyncio.create_task(gateway.cache.ask(f"{moment}", Lane.URGENT))
        for _ in range(moment):
            await asyncio.sleep(0)
        asking.cancel()
        flight = (await asyncio.gather(asking, return_exceptions=True))[0]
        if isinstance(flight, Flight):
            gateway.cache.abandon(flight)
    await gateway.cache.close()
    assert await redis.keys("tts:cache:lead:*") == []


async def test_who_is_urgent_does_not_wait_for_who_is_not(gateway: Gateway) -> None:
    digest = digest_of(delivery(""), line(0), "fake-1")
    assert isinstance(await gateway.cache.ask(digest, Lane.BATCH), Flight)
    assert await gateway.cache.ask(digest, Lane.BATCH) is None
    assert isinstance(await gateway.cache.ask(digest, Lane.URGENT), Flight)


async def test_followers_here_get_it_even_if_it_cannot_be_kept(redis: Redis) -> None:
    async with running_gateway(redis, "one", max_bytes=1) as gateway:
        flight = await gateway.cache.ask("d", Lane.URGENT)
        assert isinstance(flight, Flight)
        following = asyncio.create_task(gateway.cache.follow("d", Lane.URGENT))
        await asyncio.wait({following}, timeout=0.05)
        gateway.cache.keep(flight, CHUNK)
        assert await following == CHUNK
    assert gateway.cache.counters.not_kept == 1


@pytest.mark.parametrize("models", [("fake-1", "fake-2"), ("fake-1", "")])
async def test_workers_that_speak_differently_are_not_cached(
    redis: Redis, gateway: Gateway, models: tuple[str, str]
) -> None:
    first, second = models
    async with running_worker(redis, [gateway], "a", first), running_worker(redis, [gateway], "b", second):
        for request in ("first", "second"):
            assert [each.is_cached for each in await gateway.heard(delivery(request), 0, 1)] == [None, None]
    assert gateway.cache.counters.bypassed == 2
    assert await redis.exists("tts:cache:used") == 0


async def test_all_that_is_heard_is_in_the_key() -> None:
    requests = [delivery("a"), delivery("a", seed=1), replace(delivery("a"), tenant_id="t")]
    spoken = [line(0), line(1), line(0, speed=1.1), replace_voice(line(0), ("af_bella", 0.5), ("af_sky", 0.5))]
    digests = {digest_of(request, each, model) for request in requests for each in spoken for model in ("m", "n")}
    assert len(digests) == 3 * 4 * 2
    assert digest_of(delivery("a"), line(0), "m") == digest_of(delivery("b", lane=Lane.BATCH), line(0), "m")


def replace_voice(of: Line, *mix: tuple[str, float]) -> Line:
    return Line(of.token_ids, mix, of.speed)


async def test_cached_chunks_do_not_outrun_who_takes_them(gateway: Gateway, worker: Worker) -> None:
    await gateway.heard(delivery("first"), *range(20))
    taken_of_lines = 0

    async def counted() -> AsyncGenerator[Line, None]:
        nonlocal taken_of_lines
        for number in range(20):
            taken_of_lines += 1
            yield line(number)

    async with contextlib.aclosing(gateway.cached.speak(delivery("slow"), counted())) as chunks:
        await anext(chunks)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await until(lambda: taken_of_lines > 6)


async def test_what_the_text_raises_is_raised_after_what_came_before(gateway: Gateway, worker: Worker) -> None:
    async def broken() -> AsyncGenerator[Line, None]:
        yield line(0)
        yield line(1)
        raise FleetError("unspeakable")

    for request in ("missed", "hit"):
        chunks = gateway.cached.speak(delivery(request), broken())
        assert [(await anext(chunks)).seq, (await anext(chunks)).seq] == [0, 1]
        with pytest.raises(FleetError, match="unspeakable"):
            await anext(chunks)


class Failing(FakeEngine):
    """Cannot speak line 13."""

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        if any(job.token_ids == line(13).token_ids for job in batch):
            raise EngineError("cannot speak this")
        return super().synthesise(batch)


async def test_a_failed_chunk_is_not_kept_and_fails_the_request(redis: Redis, gateway: Gateway) -> None:
    async with running_worker(redis, [gateway], engine=Failing(max_batch_jobs=1)):
        for request in ("first", "second"):
            with pytest.raises(SynthesisFailed, match="cannot speak this"):
                await gateway.heard(delivery(request), 12, 13, 14)
    assert gateway.cache.counters.hits == 1
    assert gateway.cache._flights == {}


async def test_an_empty_text_is_spoken_as_nothing(gateway: Gateway, worker: Worker) -> None:
    assert await gateway.heard(delivery("empty")) == []


async def test_who_is_cached_is_admitted_however_much_is_queued(redis: Redis) -> None:
    async with running_gateway(redis, "one", max_queue_wait_s=0.01) as gateway:
        async with running_worker(redis, [gateway]):
            await gateway.heard(delivery("first"), *range(4))
        async with running_worker(redis, [gateway], "slow", engine=FakeEngine(10)):
            flood = asyncio.create_task(gateway.heard(delivery("flood", lane=Lane.STANDARD), *range(100, 104)))
            await until(lambda: gateway.cache.counters.misses >= 8)
            with pytest.raises(Overloaded):
                await gateway.heard(delivery("new"), 200)
            assert len(await gateway.heard(delivery("known"), *range(4))) == 4
            flood.cancel()
            await asyncio.gather(flood, return_exceptions=True)


async def test_without_its_cache_the_queue_still_serves(redis: Redis, gateway: Gateway, worker: Worker) -> None:
    """Scripts of the cache fail, as they would on a server without room: every chunk is a miss, none fails."""
    await redis.set("tts:cache:sizes", "not a hash", px=60_000)
    for request in ("first", "second"):
        assert [each.is_cached for each in await gateway.heard(delivery(request), 0, 1)] == [False, False]
    await gateway.cache.close()
    assert gateway.cache.counters.errors > 0
