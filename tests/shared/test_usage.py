"""What tenants have used, in a real Valkey."""

from __future__ import annotations

from datetime import date

import pytest
from redis.asyncio import Redis

from shared.streams import usage
from shared.streams.limits import Claim, LimitStore, month_key
from shared.streams.usage import Account, Counts, Portion, Refund, UsageStore, days_from
from shared.tenants import TenantLimits

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def portion(characters: int, tenant: str = "a", voice: str = "af_heart", day: date = MONDAY) -> Portion:
    return Portion({Account(day, tenant, "key_1", voice): Counts(characters, 1500, 1, 0)}, {})


async def test_counts_add_up_by_day_key_and_voice(redis: Redis) -> None:
    store = UsageStore(redis, kept_days=90)
    for number, each in enumerate([portion(5), portion(7), portion(3, voice="af_bella"), portion(1, day=TUESDAY)], 1):
        assert await store.add("gw", number, each)
    assert await store.of_tenant("a", days_from(MONDAY, TUESDAY)) == {
        Account(MONDAY, "a", "key_1", "af_heart"): Counts(12, 3000, 2, 0),
        Account(MONDAY, "a", "key_1", "af_bella"): Counts(3, 1500, 1, 0),
    }
    assert await store.of_tenant("b", [MONDAY]) == {}
    assert 90 * 86_400_000 < await redis.pttl("tts:usage:of:2026-11-23:a") <= 91 * 86_400_000


async def test_a_portion_that_is_sent_again_is_counted_once(redis: Redis) -> None:
    store = UsageStore(redis, kept_days=1)
    assert [await store.add("gw", number, portion(5)) for number in (1, 1, 2, 2, 1)] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert await store.add("other", 1, portion(5))
    assert [counts.characters for counts in (await store.of_tenant("a", [MONDAY])).values()] == [15]


async def test_all_tenants_and_nobody_in_particular(redis: Redis) -> None:
    store = UsageStore(redis, kept_days=1)
    for number, tenant in enumerate(("a", "", "with:colon")):
        await store.add("gw", number + 1, portion(number, tenant))
    found = await store.of_all([MONDAY, TUESDAY])
    assert {account.tenant_id: counts.characters for account, counts in found.items()} == {
        "": 1,
        "a": 0,
        "with:colon": 2,
    }


async def test_voices_without_end_become_one(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "MAX_ROWS_A_DAY", 3)
    store = UsageStore(redis, kept_days=1)
    for number in range(1, 11):
        await store.add("gw", number, portion(1, voice=f"af_heart({number})+af_bella(1)|odd"))
    found = await store.of_tenant("a", [MONDAY])
    assert len(found) == 4
    assert found[Account(MONDAY, "a", "key_1", usage.OTHER_VOICES)].requests == 7


async def test_a_refund_is_given_back_once_and_to_a_month_that_there_is(redis: Redis) -> None:
    limits, store = LimitStore(redis), UsageStore(redis, kept_days=1)
    await limits.take("a", TenantLimits(monthly_characters=100), Claim(budget=80), lease_s=1, month="2026-11")
    back = Portion({}, {Refund("a", "2026-11"): 30, Refund("a", "1999-01"): 30})
    for _ in range(2):
        await store.add("gw", 1, back)
    assert await redis.get(month_key("a", "2026-11")) == b"50"
    assert await redis.exists(month_key("a", "1999-01")) == 0
