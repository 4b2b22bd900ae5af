"""Who floods the service slows down itself: real gateway ends, real queue, real workers with the fake engine."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.fleet import Fleet
from gateway.synthesis import Delivery, Line, Synthesis
from shared.contract import Lane
from shared.streams import GatewayStreams, connect
from tests.conftest import Service, running_service, running_valkey

pytestmark = pytest.mark.chaos

SPEED = 40
"""Audio seconds per second: a book's chunk of 200 tokens takes 0.38 s, a sentence of 40 tokens 0.08 s."""

BOOK, SENTENCE = 200, 40
NOISE_S = 1.0
"""What a busy machine may add to a median."""


@pytest.fixture
def worked(tmp_path: Path) -> Iterator[tuple[Service, str]]:
    environment = {"FAKE_SPEED_FACTOR": str(SPEED)}
    with running_valkey() as server, running_service(server.url, tmp_path, environment) as running:
        yield running, server.url


@contextlib.asynccontextmanager
async def gateway_end(url: str, name: str, tenant_max_chunks: int | None = None) -> AsyncIterator[Synthesis]:
    redis: Redis = connect(url)
    streams = GatewayStreams(redis, name, 0.3)
    synthesis = Synthesis(
        streams,
        Fleet(streams),
        window=4,
        job_timeout_s=50,
        heartbeat_s=0.3,
        grace_s=20,
        tenant_max_chunks=tenant_max_chunks,
    )
    await synthesis.start()
    try:
        yield synthesis
    finally:
        await synthesis.close()
        await redis.aclose()


async def lines(count: int, tokens: int) -> AsyncIterator[Line]:
    for number in range(count):
        yield Line((number % 100 + 1,) * tokens, (("af_bella", 1.0),), 1.0)


async def spoken(synthesis: Synthesis, delivery: Delivery, count: int, tokens: int) -> int:
    return len([chunk async for chunk in synthesis.speak(delivery, lines(count, tokens))])


async def sentence_s(synthesis: Synthesis, number: int, lane: Lane) -> float:
    """Seconds that one sentence of tenant b takes, alone in its request."""
    started = time.monotonic()
    assert await spoken(synthesis, Delivery(f"b{number}", 0, lane, "b"), 1, SENTENCE) == 1
    return time.monotonic() - started


@contextlib.asynccontextmanager
async def flood(synthesis: Synthesis, num_books: int, tenant_id: str) -> AsyncIterator[list[asyncio.Task[int]]]:
    """Books that are all under way within, and are cancelled after."""
    books = [
        asyncio.create_task(spoken(synthesis, Delivery(f"book{n}", 0, Lane.URGENT, tenant_id), 1000, BOOK))
        for n in range(num_books)
    ]
    try:
        yield books
    finally:
        for book in books:
            book.cancel()
        await asyncio.gather(*books, return_exceptions=True)


async def published(url: str, at_least: int) -> None:
    redis: Redis = connect(url)
    async with asyncio.timeout(20):
        while await redis.zcard("tts:wait:standard") < at_least:
            await asyncio.sleep(0.05)
    await redis.aclose()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("lane", [Lane.URGENT, Lane.STANDARD])
@pytest.mark.parametrize("tenant_id", ["a", ""])
async def test_a_flood_of_books_leaves_anothers_sentences_nearly_unhurt(
    worked: tuple[Service, str], lane: Lane, tenant_id: str
) -> None:
    service, url = worked
    num_books = 30 if tenant_id else 12  # without tenants every book is a flow of its own
    async with gateway_end(url, "a") as ours, gateway_end(url, "b") as theirs:
        idle = [await sentence_s(theirs, number, lane) for number in range(3)]
        async with flood(ours, num_books, tenant_id) as books:
            await published(url, 2 * num_books)
            before, since = service.counters()["audio_s"], time.monotonic()
            busy = [await sentence_s(theirs, 100 + number, lane) for number in range(4)]
            rate = (service.counters()["audio_s"] - before) / (time.monotonic() - since)
            assert not any(book.done() for book in books)
        # What a sentence waits for: the batch under way, at most a chunk of each other flow, and the batch that it is
        # part of. First come, first served, it would be the books' windows: 120 chunks, 45 s; of twelve books 18 s.
        turn_s = 8 * BOOK * 0.075 / SPEED
        assert statistics.median(busy) <= statistics.median(idle) + 2.5 * turn_s + NOISE_S
        assert rate >= 0.5 * SPEED, "the flood gets what is left"


async def test_a_tenant_over_its_cap_waits_in_order_and_is_spoken_whole(worked: tuple[Service, str]) -> None:
    _, url = worked
    redis: Redis = connect(url)
    async with gateway_end(url, "a", tenant_max_chunks=2) as one, gateway_end(url, "b", tenant_max_chunks=2) as two:
        requests = [
            spoken(gateway, Delivery(f"r{n}{gateway is one}", 0, Lane.STANDARD, "a"), 6, SENTENCE)
            for n in range(3)
            for gateway in (one, two)
        ]
        speaking = asyncio.gather(*requests)
        most = 0
        while not speaking.done():
            most = max(most, await redis.zcard("tts:tenant:a"))
            await asyncio.sleep(0.01)
        assert await speaking == [6] * 6
        assert 1 <= most <= 2
        assert await redis.zcard("tts:tenant:a") == 0
    await redis.aclose()


async def test_flooding_tenants_are_served_in_proportion_to_their_weights(worked: tuple[Service, str]) -> None:
    _, url = worked
    heard = {"light": 0, "heavy": 0}

    async def read(synthesis: Synthesis, number: int, tenant_id: str, weight: float) -> None:
        delivery = Delivery(f"{tenant_id}{number}", 0, Lane.STANDARD, tenant_id, weight=weight)
        async for _ in synthesis.speak(delivery, lines(1000, SENTENCE)):
            heard[tenant_id] += 1

    async with gateway_end(url, "a") as one, gateway_end(url, "b") as two:
        books = [
            asyncio.create_task(read(gateway, number, tenant_id, weight))
            for number in range(10)
            for gateway, tenant_id, weight in ((one, "light", 1.0), (two, "heavy", 3.0))
        ]
        async with asyncio.timeout(40):
            while sum(heard.values()) < 40:  # the first few went as they came
                await asyncio.sleep(0.05)
            before = dict(heard)
            while sum(heard.values()) < 240:
                await asyncio.sleep(0.05)
        for book in books:
            book.cancel()
        await asyncio.gather(*books, return_exceptions=True)
    assert (heard["heavy"] - before["heavy"]) / (heard["light"] - before["light"]) == pytest.approx(3, rel=0.1)


async def test_the_batch_lane_moves_on_under_urgent_load(worked: tuple[Service, str]) -> None:
    _, url = worked
    async with gateway_end(url, "a") as ours, gateway_end(url, "b") as theirs, flood(ours, 30, "a"):
        await published(url, 90)
        async with asyncio.timeout(30):
            assert await spoken(theirs, Delivery("item", 0, Lane.BATCH, "b"), 4, SENTENCE) == 4
