"""Which way of counting keeps "N a minute" true? Libraries' algorithms and ours, against a Valkey of its own.

    python -m bench.rate_algorithms

Needs the extra `bench`. For each way: a steady flood, and the worst that a caller can do to a window
that begins with its first request (one at the start, the rest of the limit at the window's end, then all it can get).
A "minute" is 2 s here, at which libraries whose windows are whole seconds are at their best. Prints the most that any
window of that length, wherever it begins, admitted as a share of the limit; whether all of a limit may come at once;
milliseconds for a call, Redis' own microseconds for it, and bytes kept after a flood and after one hit of a million.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter
from redis.asyncio import Redis
from throttled.asyncio import RateLimiterType, Throttled, per_duration
from throttled.asyncio.store import RedisStore

from cli.embedded import embedded_queue
from shared.streams import connect
from shared.streams.limits import Claim, LimitStore
from shared.tenants import TenantLimits

WINDOW_S = 2
LIMIT = 200
FLOOD_S = 3 * WINDOW_S
PAUSE_S = 0.002
TIMED_CALLS = 2000
MILLION = 1_000_000


class Way(ABC):
    """One way of counting."""

    name: str

    @abstractmethod
    async def take(self, key: str, limit: int, cost: int = 1) -> bool:
        """Whether so much more is within the limit."""


class OfLimits(Way):
    """Of the library limits."""

    def __init__(self, name: str, url: str, kind: Callable[[RedisStorage], RateLimiter]) -> None:
        self.name = f"limits {name}"
        self._limiter = kind(RedisStorage(f"async+redis+{url}", implementation="redispy"))

    async def take(self, key: str, limit: int, cost: int = 1) -> bool:
        return bool(await self._limiter.hit(RateLimitItemPerSecond(limit, WINDOW_S), key, cost=cost))


class OfThrottled(Way):
    """Of throttled-py."""

    def __init__(self, name: str, url: str, kind: RateLimiterType) -> None:
        self.name = f"throttled-py {name}"
        self._kind, self._store = kind, RedisStore(server=url)
        self._made: dict[int, Throttled] = {}

    async def take(self, key: str, limit: int, cost: int = 1) -> bool:
        if limit not in self._made:
            quota = per_duration(timedelta(seconds=WINDOW_S), limit, burst=limit)
            self._made[limit] = Throttled(using=self._kind.value, quota=quota, store=self._store)
        return not (await self._made[limit].limit(key, cost=cost)).limited


class Ours(Way):
    """``shared.streams.limits``, which checks five limits in that one call."""

    name = "ours, sliced window"

    def __init__(self, redis: Redis) -> None:
        self._store = LimitStore(redis, window_s=WINDOW_S)

    async def take(self, key: str, limit: int, cost: int = 1) -> bool:
        claim, limits = Claim(characters=cost), TenantLimits(characters_per_minute=limit)
        return (await self._store.take(key, limits, claim, lease_s=1)).refused_by is None


def fullest_window(times: list[float]) -> int:
    """The most of ``times`` that lie within any WINDOW_S."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - WINDOW_S:
            first += 1
        most = max(most, last - first + 1)
    return most


async def flood(way: Way, key: str, seconds: float) -> list[float]:
    """When requests were admitted, of as many as can be made one after the other."""
    admitted, ends = [], time.monotonic() + seconds
    while (now := time.monotonic()) < ends:
        if await way.take(key, LIMIT):
            admitted.append(now)
        else:
            await asyncio.sleep(PAUSE_S)
    return admitted


async def worst(way: Way, key: str) -> list[float]:
    """One at the start, as many as can be just before the window that it began ends, and then all there is."""
    began = time.monotonic()
    admitted = [began] if await way.take(key, LIMIT) else []
    await asyncio.sleep(WINDOW_S * 0.92)
    return admitted + await flood(way, key, 1.5 * WINDOW_S)


async def cost_of(way: Way, redis: Redis) -> tuple[float, float]:
    """Milliseconds for a call at the median, and Redis' own microseconds, of a flood mostly refused."""
    await redis.config_resetstat()
    took_ms = []
    for _ in range(TIMED_CALLS):
        began = time.perf_counter()
        await way.take("timed", LIMIT)
        took_ms.append(1000 * (time.perf_counter() - began))
    stats = await redis.info("commandstats")
    scripts = stats.get("cmdstat_evalsha", {"usec": 0})
    return statistics.median(took_ms), float(scripts["usec"]) / TIMED_CALLS


async def bytes_kept(redis: Redis) -> int:
    return sum([await redis.memory_usage(key) or 0 for key in await redis.keys()])


async def judge(way: Way, redis: Redis) -> None:
    """Print a line of the table."""
    await redis.flushall()
    steady = fullest_window(await flood(way, "steady", FLOOD_S)) / LIMIT
    kept = await bytes_kept(redis)
    await redis.flushall()
    at_once = sum([await way.take("burst", LIMIT) for _ in range(LIMIT)])
    bursting = fullest_window(await worst(way, "worst")) / LIMIT
    call_ms, redis_us = await cost_of(way, redis)
    await redis.flushall()
    began = time.perf_counter()
    await way.take("million", 2 * MILLION, MILLION)
    million_ms = 1000 * (time.perf_counter() - began)
    print(
        f"{way.name:<32} {steady:>7.2f} {bursting:>7.2f} {at_once:>8} {call_ms:>8.2f} {redis_us:>8.0f} "
        f"{kept:>8} {million_ms:>10.1f} {await bytes_kept(redis):>11}"
    )


async def main() -> None:
    with embedded_queue() as url:
        redis = connect(url)
        ways: list[Way] = [
            OfLimits("moving window", url, MovingWindowRateLimiter),
            OfLimits("sliding window counter", url, SlidingWindowCounterRateLimiter),
            OfThrottled("GCRA", url, RateLimiterType.GCRA),
            OfThrottled("sliding window", url, RateLimiterType.SLIDING_WINDOW),
            OfThrottled("token bucket", url, RateLimiterType.TOKEN_BUCKET),
            Ours(redis),
        ]
        print(f"limit {LIMIT} in {WINDOW_S} s; fullest window as a share of the limit")
        print(
            f"{'':<32} {'steady':>7} {'worst':>7} {'at once':>8} {'ms':>8} {'redis us':>8} "
            f"{'bytes':>8} {'million ms':>10} {'its bytes':>11}"
        )
        for way in ways:
            await judge(way, redis)
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main())
