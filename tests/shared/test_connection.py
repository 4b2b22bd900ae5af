"""Connections to a real Valkey: how many there are, who waits for one, and what a URL says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio.connection import AbstractConnection

from shared.errors import FleetError, QueueFull, QueueUnavailable
from shared.streams.connection import BoundedPool, QueueClient, blocking_reads, connect, sentinel_address
from shared.streams.keys import reaching_redis
from tests.conftest import Valkey


@pytest.fixture
async def small(valkey: Valkey) -> AsyncIterator[QueueClient]:
    client = connect(valkey.url, max_connections=2)
    yield client
    await client.aclose()


async def clients_of(client: QueueClient) -> int:
    """Connections that the server sees from here; the asking one has a name by then."""
    await client.client_setname("counted")
    return len({row["id"] for row in await client.client_list()})


async def test_many_calls_at_once_share_few_connections(small: QueueClient) -> None:
    before = await clients_of(small)
    answers = await asyncio.gather(*(small.echo(str(number)) for number in range(200)))
    assert answers == [str(number).encode() for number in range(200)]
    assert await clients_of(small) <= before + 1


async def test_a_cancelled_wait_passes_its_turn_on(small: QueueClient) -> None:
    pool = small.connection_pool
    assert isinstance(pool, BoundedPool)
    held = [await pool.get_connection() for _ in range(2)]
    leaving, staying = (asyncio.create_task(pool.get_connection()) for _ in range(2))
    await asyncio.sleep(0)  # both wait now
    await pool.release(held[0])
    leaving.cancel()  # woken, and gone before it could take what it was woken for
    async with asyncio.timeout(5):
        connection: AbstractConnection = await staying
    for each in (connection, held[1]):
        await pool.release(each)


async def test_a_storm_of_cancelled_calls_leaves_every_connection_free(small: QueueClient) -> None:
    for cancelled_after in range(20):
        calls = [asyncio.ensure_future(small.echo("x")) for _ in range(20)]
        for _ in range(cancelled_after):
            await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    pool = small.connection_pool
    async with asyncio.timeout(5):
        held = [await pool.get_connection() for _ in range(2)]
    for connection in held:
        await pool.release(connection)


async def test_a_wait_for_a_connection_ends_as_queue_unavailable(
    small: QueueClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.streams.keys.ANSWER_TIMEOUT_S", 0.05)
    held = [await small.connection_pool.get_connection() for _ in range(2)]
    with pytest.raises(QueueUnavailable, match="TimeoutError"):
        async with reaching_redis():
            await small.ping()
    for connection in held:
        await small.connection_pool.release(connection)
    assert await small.ping()


async def test_blocking_reads_keep_no_call_waiting(small: QueueClient) -> None:
    reads = [asyncio.ensure_future(blocking_reads(small).xread({"nothing": "$"}, block=2000)) for _ in range(5)]
    async with asyncio.timeout(1):
        assert await asyncio.gather(*(small.echo("x") for _ in range(10))) == [b"x"] * 10
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)


async def test_a_full_memory_has_an_error_of_its_own(small: QueueClient) -> None:
    await small.config_set("maxmemory", 1)
    try:
        with pytest.raises(QueueFull):
            async with reaching_redis():
                await small.set("a", "b")
        pipe = small.pipeline()
        pipe.set("a", "b")
        with pytest.raises(QueueFull):
            async with reaching_redis():
                await pipe.execute()
    finally:
        await small.config_set("maxmemory", 0)


def test_a_sentinel_url_names_the_sentinels_the_service_and_both_passwords() -> None:
    url = "redis+sentinel://app:p%40ss@one:1,[::1]:2,three/main/4?sentinel_username=s&sentinel_password=w%26&health_check_interval=3"
    address = sentinel_address(url)
    assert address.hosts == [("one", 1), ("::1", 2), ("three", 26379)]
    assert address.service == "main"
    assert address.primary == {"db": 4, "username": "app", "password": "p@ss", "health_check_interval": 3}
    assert address.sentinel == {"username": "s", "password": "w&"}


def test_a_sentinel_url_with_tls_is_tls_to_both() -> None:
    address = sentinel_address("rediss+sentinel://one/main")
    assert (address.primary, address.sentinel) == ({"db": 0, "ssl": True}, {"ssl": True})


@pytest.mark.parametrize(
    "url", ["http://x", "redis+sentinel://one", "redis+sentinel:///main", "redis+sentinel://a,,b/main"]
)
def test_a_url_that_says_nothing_is_refused_at_once(url: str) -> None:
    with pytest.raises(FleetError, match="REDIS_URL"):
        connect(url)
