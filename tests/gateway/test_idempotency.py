"""Keyed requests: one gateway leads, others follow, over a real Valkey; what is spoken is counted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from gateway.idempotency import Idempotency, Key
from gateway.pipeline import Audio
from shared.errors import IdempotencyKeyReused, SynthesisFailed
from shared.streams.results import ResultStore

BEAT_S = 0.05
LEASE_BEAT_S = 1.0
"""A busy machine may be late by some beats; the leases here are not to lapse of that."""

KEY = Key("digest", "fingerprint")


class Speaker:
    """Something to be asked once: says ``packets``, each as soon as ``go`` allows it; counts how often, and how far."""

    def __init__(self, packets: list[bytes], *, fails: bool = False) -> None:
        self._packets = packets
        self._fails = fails
        self.go = asyncio.Semaphore(0)
        self.times_opened = 0
        self.times_closed = 0
        self.num_said = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Audio]:
        self.times_opened += 1
        try:
            yield Audio(self._say(), 42)
        finally:
            self.times_closed += 1

    async def _say(self) -> AsyncGenerator[bytes, None]:
        for packet in self._packets:
            await self.go.acquire()
            self.num_said += 1
            yield packet
        if self._fails:
            raise SynthesisFailed("broken")

    def allow(self, number: int) -> None:
        for _ in range(number):
            self.go.release()


def speaker(num_packets: int = 6, *, fails: bool = False) -> Speaker:
    return Speaker([f"packet {number} ".encode() for number in range(num_packets)], fails=fails)


WHOLE = b"".join(f"packet {number} ".encode() for number in range(6))


def gateway(redis: Redis, *, grace_s: float = 10.0, max_bytes: int = 10_000) -> Idempotency:
    results = ResultStore(redis, heartbeat_s=LEASE_BEAT_S, ttl_s=60, max_bytes=max_bytes)
    return Idempotency(results, heartbeat_s=BEAT_S, grace_s=grace_s)


@pytest.fixture
async def gateways(redis: Redis) -> AsyncIterator[list[Idempotency]]:
    """Two of them on one Valkey."""
    both = [gateway(redis), gateway(redis)]
    yield both
    for one in both:
        await one.close()


async def heard(at: Idempotency, of: Speaker, key: Key = KEY) -> tuple[bytes, bool]:
    """All of the answer, and whether it is said to be a replay."""
    async with at.once(key, of.open()) as audio:
        assert audio.length == 42
        return b"".join([packet async for packet in audio.packets]), audio.is_replayed


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_second_time_the_same_comes_and_nothing_is_spoken(gateways: list[Idempotency]) -> None:
    once = speaker()
    once.allow(6)
    assert await heard(gateways[0], once) == (WHOLE, False)
    for at in gateways:
        assert await heard(at, once) == (WHOLE, True)
    assert once.times_opened == once.times_closed == 1


async def test_another_body_under_the_same_key_is_refused(gateways: list[Idempotency]) -> None:
    once = speaker()
    once.allow(6)
    await heard(gateways[0], once)
    with pytest.raises(IdempotencyKeyReused):
        await heard(gateways[1], speaker(), Key("digest", "another"))


async def test_two_at_once_hear_the_same_from_one_speaker(gateways: list[Idempotency]) -> None:
    once = speaker()
    both = asyncio.gather(*(heard(at, once) for at in [*gateways, *gateways]))
    once.allow(6)
    answers = await both
    assert [audio for audio, _ in answers] == [WHOLE] * 4
    assert sorted(replayed for _, replayed in answers) == [False, True, True, True]
    assert once.times_opened == 1


async def leave_early(at: Idempotency, of: Speaker) -> None:
    """A client that leaves after the first packet."""
    of.allow(1)
    async with at.once(KEY, of.open()) as audio:
        await anext(aiter(audio.packets))


async def test_the_first_callers_leaving_does_not_stop_the_second(gateways: list[Idempotency]) -> None:
    once = speaker()
    await leave_early(gateways[0], once)
    second = asyncio.create_task(heard(gateways[1], once))
    once.allow(5)
    assert await second == (WHOLE, True)
    assert once.times_opened == once.times_closed == 1


async def test_without_anyone_it_stops_after_the_grace_and_frees_the_key(redis: Redis) -> None:
    at, once, again = gateway(redis, grace_s=0.1), speaker(), speaker()
    await leave_early(at, once)
    await until(lambda: once.times_closed == 1)
    assert at.counters.abandoned == 1
    again.allow(6)
    assert await heard(at, again) == (WHOLE, False)
    await at.close()


async def test_a_follower_keeps_it_going_past_the_grace(redis: Redis) -> None:
    first, second, once = gateway(redis, grace_s=0.1), gateway(redis), speaker()
    await leave_early(first, once)
    following = asyncio.create_task(heard(second, once))
    await until(lambda: second.counters.followed == 1)
    _, pending = await asyncio.wait({following}, timeout=8 * BEAT_S)  # some beats longer than the grace
    assert pending
    once.allow(5)
    assert await following == (WHOLE, True)
    await first.close()


async def test_a_first_caller_who_stalls_does_not_hold_up_the_second_and_hears_all(gateways: list[Idempotency]) -> None:
    once = speaker()
    once.allow(6)
    async with gateways[0].once(KEY, once.open()) as audio:
        packets = aiter(audio.packets)
        slowly = await anext(packets)
        assert await heard(gateways[1], once) == (WHOLE, True)
        slowly += b"".join([packet async for packet in packets])
    assert slowly == WHOLE


async def test_alone_the_client_sets_the_pace(gateways: list[Idempotency]) -> None:
    once = speaker()
    once.allow(6)
    async with gateways[0].once(KEY, once.open()) as audio:
        packets = aiter(audio.packets)
        await anext(packets)
        with pytest.raises(TimeoutError):
            await until(lambda: once.num_said > 2, 4 * BEAT_S)
        assert len([packet async for packet in packets]) == 5


async def test_a_failure_is_not_kept_and_the_next_may_succeed(gateways: list[Idempotency]) -> None:
    bad, good = speaker(2, fails=True), speaker()
    bad.allow(2)
    good.allow(6)
    with pytest.raises(SynthesisFailed):
        await heard(gateways[0], bad)
    assert await heard(gateways[0], good) == (WHOLE, False)


async def test_a_follower_of_what_fails_before_its_first_audio_leads(gateways: list[Idempotency]) -> None:
    bad, good = speaker(0, fails=True), speaker()
    good.allow(6)
    async with contextlib.AsyncExitStack() as stack:
        leading = await stack.enter_async_context(gateways[0].once(KEY, bad.open()))
        following = asyncio.create_task(heard(gateways[1], good))
        with pytest.raises(SynthesisFailed):
            await anext(aiter(leading.packets))
        assert await following == (WHOLE, False)


class _Refusing:
    """What is refused before there is any audio, as when too much is queued."""

    async def __aenter__(self) -> Audio:
        raise SynthesisFailed("at once")

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_a_failure_before_it_is_open_is_the_callers_to_see(gateways: list[Idempotency]) -> None:
    once = speaker()
    with pytest.raises(SynthesisFailed, match="at once"):
        async with gateways[0].once(KEY, _Refusing()):
            pass
    once.allow(6)
    assert await heard(gateways[0], once) == (WHOLE, False)


async def test_what_is_too_large_is_heard_all_the_same_and_spoken_anew(redis: Redis) -> None:
    at, once = gateway(redis, max_bytes=100), speaker()
    for _ in range(2):
        once.allow(6)
        assert await heard(at, once) == (WHOLE, False)
    assert (once.times_opened, at.counters.not_kept) == (2, 2)


async def test_closing_the_gateway_frees_its_keys(gateways: list[Idempotency]) -> None:
    once, again = speaker(), speaker()
    await leave_early(gateways[0], once)
    await gateways[0].close()
    assert once.times_closed == 1
    again.allow(6)
    assert await heard(gateways[1], again) == (WHOLE, False)


async def test_a_full_memory_costs_the_result_and_not_the_answer(redis: Redis) -> None:
    at, once = gateway(redis), speaker()
    once.allow(1)
    async with at.once(KEY, once.open()) as audio:
        packets = aiter(audio.packets)
        got = await anext(packets)
        await redis.config_set("maxmemory", 1)
        try:
            once.allow(5)
            got += b"".join([packet async for packet in packets])
        finally:
            await redis.config_set("maxmemory", 0)
    assert got == WHOLE
    assert at.counters.not_kept == 1
    await at.close()
