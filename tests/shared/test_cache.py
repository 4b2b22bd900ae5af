"""The chunk cache in a real Valkey: what is counted is what is there, and one makes what many ask for."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from shared.contract import Lane
from shared.streams import connect
from shared.streams.cache import CachedChunk, ChunkStore, Claim, NotCached
from tests.conftest import Valkey

MAX_BYTES = 1000


def store_of(redis: Redis, *, heartbeat_s: float = 5.0, ttl_s: float = 60.0) -> ChunkStore:
    return ChunkStore(redis, heartbeat_s=heartbeat_s, ttl_s=ttl_s, max_bytes=MAX_BYTES)


def claim(digest: str = "a", asker: str = "me", lane: Lane = Lane.URGENT) -> Claim:
    return Claim(digest, lane, asker)


def chunk(size: int = 100) -> CachedChunk:
    return CachedChunk(b"." * size, 24_000, (1, 2, 3))


async def there(redis: Redis) -> dict[str, int]:
    """The sizes of the chunks that are there."""
    keys = [key.decode() async for key in redis.scan_iter("tts:cache:of:*")]
    return {key.removeprefix("tts:cache:of:"): await redis.strlen(key) for key in keys}


async def test_what_is_kept_is_given_to_whoever_asks(redis: Redis) -> None:
    store = store_of(redis)
    assert await store.ask(claim()) is NotCached.LEAD
    assert await store.keep(claim(), chunk()) == 0
    assert await store.ask(claim(asker="another", lane=Lane.BATCH)) == chunk()


async def test_one_leads_and_others_of_its_lane_wait(redis: Redis) -> None:
    store = store_of(redis)
    assert await store.ask(claim()) is NotCached.LEAD
    assert await store.ask(claim(asker="another")) is NotCached.WAIT
    assert await store.ask(claim(asker="another", lane=Lane.BATCH)) is NotCached.LEAD
    await store.release(claim(asker="another"))  # not its own
    assert await store.ask(claim(asker="another")) is NotCached.WAIT
    await store.release(claim())
    assert await store.ask(claim(asker="another")) is NotCached.LEAD


async def test_a_dead_leaders_lease_lapses_a_living_ones_is_renewed(redis: Redis) -> None:
    store = store_of(redis, heartbeat_s=0.3)
    dead, living = claim("dead"), claim("living")
    for each in (dead, living):
        assert await store.ask(each) is NotCached.LEAD
    async with asyncio.timeout(5):
        while await store.ask(claim("dead", asker="another")) is not NotCached.LEAD:
            await store.renew([living, claim("dead", asker="a third")])
            await asyncio.sleep(0.02)
    assert await store.ask(claim("living", asker="another")) is NotCached.WAIT


async def test_the_least_recently_used_makes_room(redis: Redis) -> None:
    store = store_of(redis)
    for digest in "abc":
        await store.keep(claim(digest), chunk(280))
    assert isinstance(await store.ask(claim("a")), CachedChunk)
    assert await store.keep(claim("d"), chunk(280)) == 1
    assert set(await there(redis)) == {"a", "c", "d"}


async def test_what_is_larger_than_all_may_be_pushes_nothing_out(redis: Redis) -> None:
    store = store_of(redis)
    await store.keep(claim("a"), chunk())
    assert await store.keep(claim("b"), chunk(MAX_BYTES)) is None
    assert set(await there(redis)) == {"a"}


@pytest.mark.parametrize("value", [b"", b"\xc1", b"\x01", b"\x94\x02\x01\x90\xc4\x00", b"\x94\x01\x01\x90\xa1x"])
async def test_what_cannot_be_read_is_thrown_away(redis: Redis, value: bytes) -> None:
    store = store_of(redis)
    await store.keep(claim(), chunk())
    await redis.set("tts:cache:of:a", value, px=60_000)
    assert await store.ask(claim()) is NotCached.UNREADABLE
    assert await store.ask(claim()) is NotCached.LEAD
    assert await store.num_bytes() == 0


async def test_a_full_memory_still_gives_what_is_there(redis: Redis) -> None:
    store = store_of(redis)
    await store.keep(claim(), chunk())
    await redis.config_set("maxmemory", 1)
    try:
        assert await store.ask(claim()) == chunk()
    finally:
        await redis.config_set("maxmemory", 0)


async def test_a_chunk_nobody_asks_for_lapses_and_is_struck_off(redis: Redis) -> None:
    store = store_of(redis, ttl_s=0.05)
    await store.keep(claim(), chunk())
    async with asyncio.timeout(5):
        while await there(redis):
            await asyncio.sleep(0.01)
    await store_of(redis).keep(claim("b"), chunk(10))
    assert await store.ask(claim()) is NotCached.LEAD
    assert await store.num_bytes() == sum((await there(redis)).values())


# -- whatever happens, what is counted is what is there ----------------------------------------------------------------

DIGESTS = st.sampled_from("abcdefgh")
STEPS = st.one_of(
    st.tuples(st.just("keep"), DIGESTS, st.integers(0, 1200)),
    st.tuples(st.just("ask"), DIGESTS, st.just(0)),
    st.tuples(st.just("spoil"), DIGESTS, st.just(0)),
    st.tuples(st.just("evicted by Redis"), DIGESTS, st.just(0)),
    st.tuples(st.just("half the ledger lost"), st.just(""), st.just(0)),
)


@pytest.mark.parametrize("half", ["used", "sizes"])
@settings(max_examples=30, deadline=None)
@given(steps=st.lists(STEPS, max_size=25))
def test_after_any_sequence_the_account_is_exact_and_within_the_bound(
    valkey: Valkey, half: str, steps: list[tuple[str, str, int]]
) -> None:
    asyncio.run(_account_is_exact(valkey, half, steps))


async def _account_is_exact(valkey: Valkey, half: str, steps: list[tuple[str, str, int]]) -> None:
    redis = connect(valkey.url)
    await redis.flushall()
    store = store_of(redis)
    try:
        for kind, what, size in steps:
            await _do(redis, store, kind, what or half, size)
        await store.keep(claim("last"), chunk(1))  # a write strikes off what went by itself
        for digest in "abcdefgh":
            await store.ask(claim(digest, asker=digest))  # and so does asking for it
        sizes = await there(redis)
        assert await store.num_bytes() == sum(sizes.values()) <= MAX_BYTES
        assert await redis.zcard("tts:cache:used") == len(sizes)
    finally:
        await redis.aclose()


async def _do(redis: Redis, store: ChunkStore, kind: str, what: str, size: int) -> None:
    match kind:
        case "keep":
            await store.keep(claim(what), chunk(size))
        case "ask":
            await store.ask(claim(what))
        case "spoil":
            await redis.set(f"tts:cache:of:{what}", b"", xx=True, px=60_000)
            await store.ask(claim(what))
        case "evicted by Redis":
            await redis.delete(f"tts:cache:of:{what}")
        case "half the ledger lost":
            await redis.delete(f"tts:cache:{what}")
