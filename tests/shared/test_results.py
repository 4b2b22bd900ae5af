"""Results of keyed requests against a real Valkey: who leads, what is kept, and within what bound."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from shared.streams.results import Piece, ResultLost, ResultStore, Run, Verdict

BEAT_S = 5.0


def store_of(redis: Redis, *, max_bytes: int = 10_000, heartbeat_s: float = BEAT_S, ttl_s: float = 60) -> ResultStore:
    return ResultStore(redis, heartbeat_s=heartbeat_s, ttl_s=ttl_s, max_bytes=max_bytes)


async def led(store: ResultStore, digest: str = "a", fingerprint: str = "f") -> Run:
    verdict, run = await store.claim(digest, fingerprint)
    assert verdict is Verdict.LEAD
    return run


async def kept(store: ResultStore, digest: str, *sizes: int) -> Run:
    """A whole result of pieces of those sizes."""
    run = await led(store, digest)
    for number, size in enumerate(sizes, 1):
        assert await store.append(run, number, b"." * size, None)
    assert await store.finish(run, len(sizes) + 1)
    return run


async def accounted(redis: Redis) -> int:
    script = redis.register_script("return redis.call('HGET', 'tts:idem:sizes', '') or 0")
    return int(await script())


async def test_one_leads_the_same_follow_others_are_refused(redis: Redis) -> None:
    store = store_of(redis)
    run = await led(store)
    assert await store.claim("a", "f") == (Verdict.FOLLOW, run)
    assert (await store.claim("a", "g"))[0] is Verdict.REUSED
    assert (await store.claim("b", "g"))[0] is Verdict.LEAD


async def test_pieces_are_read_as_they_come_and_again_when_all_are_there(redis: Redis) -> None:
    store = store_of(redis)
    run = await led(store)
    await store.append(run, 1, b"one", 6)
    assert await store.read(run, 0) == ([Piece(b"one", 6)], False)
    await store.append(run, 2, b"two", None)
    await store.finish(run, 3)
    assert await store.read(run, 1) == ([Piece(b"two", None)], True)
    assert await store.read(run, 0) == ([Piece(b"one", 6), Piece(b"two", None)], True)
    assert await store.piece(run, 2) == b"two"
    assert await store.claim("a", "f") == (Verdict.FOLLOW, run)
    assert 55_000 < await redis.pttl("tts:idem:of:a") <= 60_000


async def test_a_dropped_run_frees_its_key_and_its_followers_hear_of_it(redis: Redis) -> None:
    store = store_of(redis)
    run = await led(store)
    await store.append(run, 1, b"one", None)
    await store.drop(run)
    with pytest.raises(ResultLost):
        await store.read(run, 1)
    assert await accounted(redis) == 0
    await led(store, fingerprint="another")


async def test_a_run_that_lost_its_lease_neither_writes_nor_is_read_into_the_next(redis: Redis) -> None:
    store = store_of(redis)
    run = await led(store)
    await store.append(run, 1, b"old", None)
    await redis.delete("tts:idem:of:a")  # as when its gateway hung for longer than its lease
    following = await led(store)
    await store.append(following, 1, b"new", None)
    assert not await store.append(run, 2, b"old", None)
    assert not await store.finish(run, 2)
    assert await store.renew(run) == (False, False)
    await store.drop(run)
    with pytest.raises(ResultLost):
        await store.read(run, 1)
    assert await store.read(following, 0) == ([Piece(b"new", None)], False)


async def test_a_gateways_death_frees_the_key_within_three_beats(redis: Redis) -> None:
    store = store_of(redis, heartbeat_s=0.3)
    run = await led(store)
    assert 0 < await redis.pttl("tts:idem:of:a") <= 900
    await store.append(run, 1, b"one", None)
    assert 0 < await redis.pttl("tts:idem:of:a") <= 900
    async with asyncio.timeout(5):
        while (await store.claim("a", "f"))[0] is not Verdict.LEAD:
            await asyncio.sleep(0.01)
    with pytest.raises(ResultLost):
        await store.read(run, 1)


async def test_followers_are_known_to_who_leads(redis: Redis) -> None:
    store = store_of(redis)
    run = await led(store)
    assert await store.renew(run) == (True, False)
    await store.say_followed(run)
    assert await store.renew(run) == (True, True)


async def test_the_results_longest_not_asked_for_make_room(redis: Redis) -> None:
    store = store_of(redis, max_bytes=1000)
    for digest in "abcd":
        await kept(store, digest, 100, 100)
    assert await accounted(redis) == 800
    await kept(store, "e", 150, 100)
    assert await accounted(redis) == 850
    assert await redis.exists("tts:idem:of:a") == 0
    assert await redis.exists("tts:idem:of:b") == 1


async def test_a_result_over_a_quarter_of_the_bound_is_not_kept(redis: Redis) -> None:
    store = store_of(redis, max_bytes=1000)
    run = await led(store)
    assert await store.append(run, 1, b"." * 200, None)
    assert not await store.append(run, 2, b"." * 100, None)
    assert await accounted(redis) == 0
    await led(store)


async def test_what_a_killed_gateway_left_is_struck_off_when_room_is_needed(redis: Redis) -> None:
    store = store_of(redis, max_bytes=1000)
    for digest in "abcd":
        await kept(store, digest, 250)
        await redis.delete(f"tts:idem:of:{digest}")
    await kept(store, "e", 250)
    assert await accounted(redis) <= 1000
