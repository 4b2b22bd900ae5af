"""The meter that all requests go through, against a real Valkey: what is held meanwhile, and what is written down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from gateway.metering import Charge, Journal, Meter, Standing
from shared.errors import FleetError, LimitReached, QueueUnavailable, QuotaExhausted, UnspeakableText
from shared.streams import connect
from shared.streams.limits import LimitStore, month_key, month_of
from shared.streams.usage import Counts, UsageStore
from shared.tenants import EVERYBODY, Tenant, TenantLimits
from tests.conftest import running_valkey

BEAT_S = 0.1
LIMITS = TenantLimits(100, 10_000, 2, 1000, 5000)
TENANT = Tenant("a", "key_1", limits=LIMITS)
CHARGE = Charge("req_1", TENANT, "af_heart", {"af_heart": 300, "af_bella": 100})


@contextlib.asynccontextmanager
async def meter_of(redis: Redis) -> AsyncIterator[Meter]:
    meter = Meter(LimitStore(redis), Journal(UsageStore(redis, kept_days=1)), heartbeat_s=BEAT_S)
    meter.start()
    try:
        yield meter
    finally:
        await meter.close()


@pytest.fixture
async def meter(redis: Redis) -> AsyncIterator[Meter]:
    async with meter_of(redis) as meter:
        yield meter


async def used(redis: Redis, tenant_id: str = "a") -> dict[str, Counts]:
    """By voice, today."""
    found = await UsageStore(redis, kept_days=1).of_tenant(tenant_id, [datetime.now(UTC).date()])
    return {account.voice: counts for account, counts in found.items()}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)


async def settled(meter: Meter, redis: Redis) -> dict[str, Counts]:
    """What is counted once all that was written down is in Redis."""
    await meter.close()
    return await used(redis)


async def budget(redis: Redis) -> int:
    return int(await redis.get(month_key("a", month_of(datetime.now(UTC)))) or 0)


async def test_a_request_is_counted_once_under_its_voices(meter: Meter, redis: Redis) -> None:
    async with meter.visit(CHARGE) as tally:
        assert await redis.zcard("tts:limit:a:leases") == 1
        for voice, seconds in (("af_heart", 1.5), ("af_bella", 0.5), ("af_heart", 2.0)):
            tally.add(voice, seconds)
    assert await redis.exists("tts:limit:a:leases", "tts:limit:a:held") == 0
    assert await budget(redis) == 400
    assert await settled(meter, redis) == {
        "af_heart": Counts(300, 3500, 1, 0),
        "af_bella": Counts(100, 500, 0, 0),
    }


async def broken(meter: Meter, charge: Charge, error: BaseException, seconds: float) -> None:
    """A visit that ends with ``error`` after so much audio."""
    async with meter.visit(charge) as tally:
        tally.add("af_heart", seconds)
        raise error


@pytest.mark.parametrize(
    ("error", "seconds", "expected"),
    [
        (UnspeakableText("nothing"), 0, Counts(0, 0, 1, 1)),
        (asyncio.CancelledError(), 0, Counts(0, 0, 1, 0)),
        (FleetError("broken"), 2, Counts(300, 2000, 1, 1)),
        (asyncio.CancelledError(), 2, Counts(300, 2000, 1, 0)),
    ],
)
async def test_however_it_ends_all_is_given_back_and_who_heard_nothing_pays_nothing(
    redis: Redis, error: BaseException, seconds: float, expected: Counts
) -> None:
    async with meter_of(redis) as meter:
        with pytest.raises(type(error)):
            await broken(meter, CHARGE, error, seconds)
        assert await redis.exists("tts:limit:a:leases", "tts:limit:a:held") == 0
    assert (await used(redis))["af_heart"] == expected
    assert await budget(redis) == (400 if seconds else 0)


async def test_a_limit_that_is_reached_says_so_in_openais_words(meter: Meter) -> None:
    async with meter.visit(CHARGE), meter.visit(replace(CHARGE, id="req_2")):
        with pytest.raises(LimitReached) as refused:
            async with meter.visit(replace(CHARGE, id="req_3")):
                pass
    assert (refused.value.code, refused.value.kind) == ("rate_limit_exceeded", "requests")
    assert refused.value.retry_after_s == 1
    async with meter.visit(replace(CHARGE, id="req_3")):
        pass


async def test_what_can_never_fit_is_told_not_to_come_again(meter: Meter, redis: Redis) -> None:
    for characters in (1001, 10_001):
        with pytest.raises(LimitReached, match="never") as refused:
            async with meter.visit(replace(CHARGE, characters={"af_heart": characters})):
                pass
        assert (refused.value.kind, refused.value.retry_after_s) == ("tokens", None)
    assert await redis.keys("tts:limit:*") == []


async def test_a_month_that_is_used_up_is_no_matter_of_waiting(meter: Meter) -> None:
    tenant = replace(TENANT, limits=TenantLimits(monthly_characters=500))
    async with meter.visit(replace(CHARGE, tenant=tenant)) as tally:
        tally.add("af_heart", 1)
    with pytest.raises(QuotaExhausted) as refused:
        async with meter.visit(replace(CHARGE, id="req_2", tenant=tenant)):
            pass
    assert (refused.value.code, refused.value.kind) == ("insufficient_quota", "insufficient_quota")
    assert refused.value.retry_after_s is None


async def test_where_a_tenant_stands_is_told_whether_it_is_let_in_or_not(meter: Meter) -> None:
    told: list[Standing] = []
    tenant = replace(TENANT, limits=TenantLimits(requests_per_minute=2, characters_per_minute=1000))
    for number in range(3):
        with contextlib.suppress(LimitReached):
            async with meter.visit(replace(CHARGE, id=f"req_{number}", tenant=tenant, notice=told.append)):
                pass
    assert [standing.requests and standing.requests.remaining for standing in told] == [1, 0, 0]
    assert [standing.characters and standing.characters.remaining for standing in told] == [600, 200, 200]


async def test_a_part_of_a_request_is_neither_a_request_nor_a_stream(meter: Meter, redis: Redis) -> None:
    context = replace(CHARGE, id="context", characters={})
    async with meter.visit(context), meter.visit(replace(context, id="other")):
        for number in range(3):
            async with meter.visit(replace(CHARGE, id=f"part_{number}", requests=0)) as tally:
                tally.add("af_heart", 1)
    assert (await settled(meter, redis))["af_heart"] == Counts(900, 3000, 2, 0)
    assert await budget(redis) == 1200


async def test_batch_work_is_counted_when_it_succeeds_or_never_can(meter: Meter, redis: Redis) -> None:
    lines = [replace(CHARGE, id=f"line_{number}", is_batch=True) for number in range(4)]
    for line, error in zip(lines, (FleetError("worker gone"), UnspeakableText("no words"), None), strict=False):
        with contextlib.suppress(FleetError):
            if error:
                await broken(meter, line, error, 1)
            async with meter.visit(line) as tally:
                tally.add("af_heart", 1)
    assert await redis.exists("tts:limit:a:rate", "tts:limit:a:leases") == 0
    assert (await settled(meter, redis))["af_heart"] == Counts(300, 1000, 2, 1)
    assert await budget(redis) == 400


async def test_queued_batch_work_takes_room_until_it_is_done(meter: Meter) -> None:
    await meter.queue(TENANT, "batch_1", 900, lasts_s=60)
    with pytest.raises(LimitReached, match="queued"):
        async with meter.visit(CHARGE):
            pass
    await meter.unqueue("a", "batch_1", 400)
    async with meter.visit(CHARGE):
        with pytest.raises(LimitReached):
            await meter.queue(TENANT, "batch_2", 200, lasts_s=60)
    await meter.unqueue("a", "batch_1")
    await meter.queue(TENANT, "batch_2", 1000, lasts_s=60)
    with pytest.raises(LimitReached, match="never"):
        await meter.queue(TENANT, "batch_3", 1001, lasts_s=60)


async def test_whoever_is_nobody_in_particular_is_counted_and_never_asked_about(meter: Meter, redis: Redis) -> None:
    async with meter.visit(replace(CHARGE, tenant=EVERYBODY)) as tally:
        tally.add("af_heart", 1)
        assert await redis.keys("*") == []
    await meter.close()
    assert (await used(redis, ""))["af_heart"] == Counts(300, 1000, 1, 0)


async def test_an_open_requests_lease_outlives_its_time_and_a_dead_gateways_does_not(
    meter: Meter, redis: Redis
) -> None:
    async with meter.visit(CHARGE):
        async with meter_of(redis) as dying:
            dead = dying.visit(replace(CHARGE, id="req_2"))
            await dead.__aenter__()
        # Its process is gone, with nobody to give back what it held.
        began = asyncio.get_running_loop().time()

        async def is_let_in() -> bool:
            with contextlib.suppress(LimitReached):
                async with meter.visit(replace(CHARGE, id="req_3")):
                    return True
            return False

        assert not await is_let_in()
        await until(is_let_in)
        assert asyncio.get_running_loop().time() - began < 15 * BEAT_S
        assert await redis.zcard("tts:limit:a:leases") == 1


async def test_whoever_leaves_while_redis_decides_holds_nothing(meter: Meter, redis: Redis) -> None:
    await redis.client_pause(300)

    async def go_in() -> None:
        async with meter.visit(CHARGE):
            pytest.fail("it had left")

    going = asyncio.create_task(go_in())
    await asyncio.sleep(0.1)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert await redis.exists("tts:limit:a:rate") == 1
    assert await redis.exists("tts:limit:a:leases", "tts:limit:a:held") == 0
    assert (await settled(meter, redis))["af_heart"] == Counts(requests=1)
    assert await budget(redis) == 0


async def test_counts_wait_for_a_queue_that_is_away_and_none_is_lost_or_doubled() -> None:
    with running_valkey(durable=True) as server:
        redis = connect(server.url)
        async with meter_of(redis) as meter:
            everybody = replace(CHARGE, tenant=Tenant("a", "key_1"))
            for number in range(30):
                async with meter.visit(everybody) as tally:
                    tally.add("af_heart", 1)
                if number == 10:
                    server.stop()
                if number == 20:
                    with pytest.raises(QueueUnavailable):
                        async with meter.visit(CHARGE):
                            pass
                    server.start()
                await asyncio.sleep(0.02)

            async def is_written() -> bool:
                with contextlib.suppress(QueueUnavailable, KeyError):
                    return (await used(redis))["af_heart"].requests >= 30
                return False

            await until(is_written)
        assert (await used(redis))["af_heart"] == Counts(9000, 30_000, 30, 0)
        await redis.aclose()


async def test_batch_work_that_is_begun_again_is_counted_once(redis: Redis) -> None:
    item = replace(CHARGE, id="req_1", requests=1, is_batch=True, work_id="batch_1:7")
    async with meter_of(redis) as meter:
        for attempt in ("killed before it could be settled", "of another runner"):
            async with meter.visit(replace(item, id=attempt)) as tally:
                tally.add("af_heart", 1.5)
        async with meter.visit(replace(item, id="another item", work_id="batch_1:8")) as tally:
            tally.add("af_heart", 2.0)
    assert await used(redis) == {"af_heart": Counts(600, 3500, 2, 0), "af_bella": Counts(200, 0, 0, 0)}
    assert await budget(redis) == 800


async def test_batch_work_that_failed_takes_from_the_budget_anew(redis: Redis) -> None:
    item = replace(CHARGE, is_batch=True, work_id="batch_1:7")
    for _ in range(2):
        async with meter_of(redis) as meter:
            with pytest.raises(FleetError):
                await broken(meter, item, FleetError("broken"), 2)
        assert await budget(redis) == 0
    async with meter_of(redis) as meter, meter.visit(item):
        assert await budget(redis) == 400
    assert await budget(redis) == 400


async def test_a_runner_killed_in_the_middle_leaves_a_budget_that_is_taken_once(redis: Redis) -> None:
    item = replace(CHARGE, is_batch=True, work_id="batch_1:7")
    async with meter_of(redis) as meter:
        await meter.visit(item).__aenter__()  # and nobody is left to go out
    async with meter_of(redis) as meter, meter.visit(item):
        pass
    assert await budget(redis) == 400
