"""Limits of tenants against a real Valkey: what a window holds, what is held, and how it comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from shared.errors import QueueUnavailable
from shared.streams import connect
from shared.streams.limits import SLICES, Claim, Limit, LimitStore, Verdict, month_key
from shared.tenants import TenantLimits
from tests.conftest import Valkey

ONE = Claim(requests=1)
WINDOW_S = 1.0


async def take(store: LimitStore, limits: TenantLimits, claim: Claim = ONE, tenant: str = "a") -> Verdict:
    return await store.take(tenant, limits, claim, lease_s=5)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_all_of_a_limit_may_come_at_once_and_no_more(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(requests_per_minute=10)
    verdicts = [await take(store, limits) for _ in range(12)]
    assert [verdict.refused_by for verdict in verdicts] == [None] * 10 + [Limit.REQUESTS] * 2
    assert [verdict.requests.used for verdict in verdicts] == [*range(1, 11), 10, 10]
    assert 59 < verdicts[-1].wait_s <= 60.6
    assert (await take(store, limits, tenant="b")).refused_by is None


async def test_waiting_as_long_as_told_is_enough_and_little_less_is_not(redis: Redis) -> None:
    store, limits = LimitStore(redis, window_s=WINDOW_S), TenantLimits(characters_per_minute=1000)
    await take(store, limits, Claim(characters=300))
    await asyncio.sleep(0.2)
    await take(store, limits, Claim(characters=600))
    wish = Claim(characters=200)
    refused = await take(store, limits, wish)
    assert refused.refused_by is Limit.CHARACTERS
    await asyncio.sleep(refused.wait_s - 0.05)
    assert (await take(store, limits, wish)).refused_by is Limit.CHARACTERS
    await asyncio.sleep(0.05)
    assert (await take(store, limits, wish)).refused_by is None


async def test_a_million_characters_cost_as_little_as_one(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(requests_per_minute=10**6, characters_per_minute=10**9)
    for characters in (1, 10**6, 10**8):
        assert (await take(store, limits, Claim(requests=1, characters=characters))).refused_by is None
    assert await redis.memory_usage("tts:limit:a:rate") < 500


@settings(max_examples=5, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(1, 60)), min_size=20, max_size=60),
    st.integers(60, 200),
)
def test_no_window_wherever_it_begins_has_more_than_the_limit(
    valkey: Valkey, asked: list[tuple[int, int]], limit: int
) -> None:
    admitted = asyncio.run(admitted_at(valkey, asked, limit, window_s=0.4))
    for start, _ in admitted:
        # The times are ours, noted after the answers: a hair is what they may be late by.
        assert sum(cost for at, cost in admitted if start <= at < start + 0.4 - 0.02) <= limit


async def admitted_at(
    valkey: Valkey, asked: list[tuple[int, int]], limit: int, window_s: float
) -> list[tuple[float, int]]:
    """When which costs were taken, of requests that come so many milliseconds after one another, at two gateways."""
    admitted: list[tuple[float, int]] = []
    clients = [connect(valkey.url) for _ in range(2)]
    await clients[0].flushall()
    stores = [LimitStore(client, window_s=window_s) for client in clients]
    for number, (gap_ms, cost) in enumerate(asked):
        await asyncio.sleep(gap_ms / 4000)
        limits = TenantLimits(characters_per_minute=limit)
        if not (await take(stores[number % 2], limits, Claim(characters=cost))).refused_by:
            admitted.append((time.monotonic(), cost))
    for client in clients:
        await client.aclose()
    return admitted


async def test_many_at_once_at_many_gateways_are_together_within_every_limit(valkey: Valkey, redis: Redis) -> None:
    clients = [connect(valkey.url) for _ in range(4)]
    stores = [LimitStore(client) for client in clients]
    limits = TenantLimits(100, 5000, 30, 2000, 100_000)
    claims = [Claim(f"r{number}", 1, 40, 40, 1, 40) for number in range(200)]
    verdicts = await asyncio.gather(*(take(stores[n % 4], limits, claim) for n, claim in enumerate(claims)))
    assert [verdict.refused_by for verdict in verdicts].count(None) == 30
    assert {verdict.refused_by for verdict in verdicts} == {None, Limit.STREAMS}
    for client in clients:
        await client.aclose()


async def test_a_refused_claim_takes_nothing_of_any_limit(redis: Redis) -> None:
    store = LimitStore(redis)
    limits = TenantLimits(10, 1000, 1, 1000, 1000)
    whole = Claim("one", 1, 100, 100, 1, 100)
    assert (await take(store, limits, whole)).refused_by is None
    before = {key: await redis.dump(key) for key in await redis.keys("tts:limit:*")}
    for refused_by, more in (
        (Limit.STREAMS, replace(whole, lease_id="two")),
        (Limit.CHARACTERS, replace(whole, lease_id="two", streams=0, characters=950)),
        (Limit.HELD, replace(whole, lease_id="two", streams=0, held=950)),
        (Limit.MONTH, replace(whole, lease_id="two", streams=0, budget=950)),
    ):
        assert (await take(store, limits, more)).refused_by is refused_by
        assert {key: await redis.dump(key) for key in await redis.keys("tts:limit:*")} == before


async def test_of_several_limits_the_one_is_told_that_takes_longest(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(1, 10, 1, 10, 10)
    assert (await take(store, limits, Claim("one", 1, 10, 5, 1, 10))).refused_by is None
    assert (await take(store, limits, Claim("two", 1, 1, 1, 1, 1))).refused_by is Limit.REQUESTS
    assert (await take(store, limits, Claim("two", 1, 1, 6, 1, 1))).refused_by is Limit.MONTH


async def test_what_is_held_comes_back_once(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(concurrent_streams=2, queued_characters=100)
    for name in ("one", "two"):
        assert (await take(store, limits, Claim(name, streams=1, held=30))).refused_by is None
    assert (await take(store, limits, Claim("three", streams=1))).refused_by is Limit.STREAMS
    for _ in range(3):
        await store.give_back("a", "one")
    assert (await take(store, limits, Claim("three", streams=1, held=71))).refused_by is Limit.HELD
    assert (await take(store, limits, Claim("three", streams=1, held=70))).refused_by is None
    assert (await take(store, limits, Claim("four", streams=1))).refused_by is Limit.STREAMS
    for name in ("two", "three"):
        await store.give_back("a", name)
    assert await redis.keys("tts:limit:*") == []


async def test_batch_work_gives_back_its_characters_bit_by_bit(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(queued_characters=100)
    await take(store, limits, Claim("batch_1", held=90))
    assert (await take(store, limits, Claim("more", held=20))).refused_by is Limit.HELD
    await store.lessen("a", "batch_1", 10)
    assert (await take(store, limits, Claim("more", held=20))).refused_by is None
    await store.lessen("a", "batch_1", 1000)
    await store.give_back("a", "more")
    assert (await take(store, limits, Claim("other", held=100))).refused_by is None


async def test_work_that_is_begun_a_second_time_is_held_once(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(queued_characters=100)
    for characters in (60, 60, 90):
        assert (await take(store, limits, Claim("batch_1", held=characters))).refused_by is None
    assert (await take(store, limits, Claim("batch_2", held=11))).refused_by is Limit.HELD
    assert (await take(store, limits, Claim("batch_2", held=10))).refused_by is None
    await store.give_back("a", "batch_1")
    await store.give_back("a", "batch_2")
    assert await redis.keys("tts:limit:*") == []


async def test_leases_lapse_unless_they_are_renewed(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(concurrent_streams=2)
    for name in ("dead", "alive"):
        await store.take("a", limits, Claim(name, streams=1), lease_s=0.3)
    await store.renew("a", ["alive", "never was"], lease_s=20)

    async def is_let_in() -> bool:
        return (await take(store, limits, Claim("next", streams=1))).refused_by is None

    began = time.monotonic()
    await until(is_let_in)
    assert time.monotonic() - began < 2
    assert (await take(store, limits, Claim("last", streams=1))).refused_by is Limit.STREAMS


async def test_the_months_budget_is_of_one_month(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(monthly_characters=100)
    claim = Claim(budget=60)
    assert (await store.take("a", limits, claim, lease_s=5, month="2026-11")).refused_by is None
    refused = await store.take("a", limits, claim, lease_s=5, month="2026-11")
    assert (refused.refused_by, refused.wait_s) == (Limit.MONTH, 0)
    assert (await store.take("a", limits, claim, lease_s=5, month="2026-12")).refused_by is None
    assert await redis.get(month_key("a", "2026-11")) == b"60"


async def test_looking_takes_nothing(redis: Redis) -> None:
    store, limits = LimitStore(redis), TenantLimits(requests_per_minute=10, characters_per_minute=100)
    await take(store, limits, Claim(requests=1, characters=30))
    looks = [await store.look("a", limits) for _ in range(3)]
    assert {(look.requests.used, look.characters.used) for look in looks} == {(1, 30)}
    assert 59 < looks[0].characters.reset_s <= 60 + 60 / SLICES + 0.01


async def test_a_queue_that_is_gone_is_never_a_free_pass(valkey: Valkey) -> None:
    client = connect("unix:///nowhere/valkey.sock")
    with pytest.raises(QueueUnavailable):
        await take(LimitStore(client), TenantLimits(requests_per_minute=1))
    await client.aclose()
