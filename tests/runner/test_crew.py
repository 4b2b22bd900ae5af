"""The crew that works on batches, with a kind of work that does as it is told; Redis and files are real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.metering import Journal, Meter
from shared.streams.limits import LimitStore
from shared.streams.tenants import TenantRecord
from shared.streams.usage import UsageStore
from shared.tenants import Tenant, TenantLimits
from tests.runner.yard import BEAT_S, MAX_TRIES, Yard, until


@pytest.fixture
async def yard(redis: Redis, tmp_path: Path) -> AsyncIterator[Yard]:
    meter = Meter(LimitStore(redis), Journal(UsageStore(redis, kept_days=1)), heartbeat_s=BEAT_S)
    meter.start()
    try:
        yield Yard(redis, tmp_path, meter)
    finally:
        await meter.close()


async def test_what_can_be_done_is_and_what_cannot_is_told(yard: Yard) -> None:
    toy, batch_id = yard.toy(), await yard.begin("good", "bad", "flaky", "hopeless", "good")
    async with yard.crew(toy):
        batch = await yard.ended(batch_id)
    assert (batch.status, batch.done, batch.failed, batch.outcome) == ("completed", 3, 2, {"done": 3})
    results = await yard.results(batch_id)
    assert results == ["good 0", "invalid_value", "flaky 2", "synthesis_failed", "good 4"]
    assert toy.tried == {"good 0": 1, "bad 1": 1, "flaky 2": 3, "hopeless 3": MAX_TRIES, "good 4": 1}
    assert toy.ends == yard.announced == [batch_id]
    assert yard.stored == 3


async def test_a_fault_of_ours_is_tried_again_and_then_told(yard: Yard) -> None:
    toy, batch_id = yard.toy(), await yard.begin("buggy", "good")
    async with yard.crew(toy):
        batch = await yard.ended(batch_id)
    assert (batch.status, await yard.results(batch_id)) == ("completed", ["batch_item_given_up", "good 1"])
    assert toy.tried["buggy 0"] == MAX_TRIES


async def test_a_batch_that_its_check_refuses(yard: Yard) -> None:
    toy, batch_id = yard.toy(), await yard.begin()
    async with yard.crew(toy):
        batch = await yard.ended(batch_id)
    assert batch.status == "failed"
    assert batch.outcome["errors"][0]["code"] == "empty_file"
    assert toy.ends == [batch_id]


@pytest.mark.parametrize("words", [(), ("good",)], ids=["refused", "finished"])
async def test_what_is_over_is_tidied_up_however_long_that_takes(yard: Yard, words: tuple[str, ...]) -> None:
    toy, batch_id = yard.toy(), await yard.begin(*words)
    toy.tidying_s = 6 * BEAT_S

    async def is_tidy() -> bool:
        return toy.ends == [batch_id]

    async with yard.crew(toy):
        await until(is_tidy)


async def test_two_crews_share_a_batch(yard: Yard) -> None:
    ours, theirs = yard.toy(), yard.toy()
    batch_id = await yard.begin(*["good"] * 60)
    async with yard.crew(ours, "ours"), yard.crew(theirs, "theirs"):
        await yard.ended(batch_id)
    assert max((ours.tried + theirs.tried).values()) == 1
    assert ours.tried
    assert theirs.tried
    assert yard.stored == 60


async def test_what_is_under_way_is_cut_off_when_it_is_cancelled(yard: Yard) -> None:
    toy, batch_id = yard.toy(), await yard.begin("good", "slow", "slow", "slow", "slow", "good")
    async with yard.crew(toy):

        async def is_full() -> bool:
            return toy.tried.total() == 5

        await until(is_full)
        assert await yard.store.cancel(batch_id)
        batch = await yard.ended(batch_id)
        await until(lambda: _true(len(toy.cut_off) == 4))
    assert (batch.status, batch.done) == ("cancelled", 1)
    assert toy.tried["good 5"] == 0


async def _true(value: bool) -> bool:
    return value


async def test_what_is_not_done_in_its_window_is_not_done(yard: Yard) -> None:
    toy, batch_id = yard.toy(), await yard.begin("good", "slow", window_s=1)
    async with yard.crew(toy):
        batch = await yard.ended(batch_id)
    assert (batch.status, batch.done, toy.cut_off) == ("expired", 1, ["slow 1"])


async def test_who_stops_gives_back_and_it_is_no_try(yard: Yard) -> None:
    leaver, heir, batch_id = yard.toy(), yard.toy(), await yard.begin("slow")
    heir.open.set()
    async with yard.crew(leaver, "leaver"):
        await until(lambda: _true(leaver.tried.total() == 1))
    assert leaver.cut_off == ["slow 0"]
    claim = await yard.store.claim(batch_id, "heir")  # at once, no lease has to lapse
    assert claim is not None
    assert claim.tries == 1
    await yard.store.give_back(claim)
    async with yard.crew(heir, "heir"):
        assert (await yard.ended(batch_id)).status == "completed"


async def test_who_stops_may_end_what_it_has_begun(yard: Yard) -> None:
    toy, batch_id = yard.toy(), await yard.begin("slow")
    async with yard.crew(toy, grace_s=10) as crew:
        await until(lambda: _true(toy.tried.total() == 1))
        crew.stop()
        toy.open.set()
    assert (await yard.now(batch_id)).done == 1


async def test_a_batch_is_checked_and_ended_though_all_hands_are_full(yard: Yard) -> None:
    toy, _ = yard.toy(), await yard.begin("slow", "slow")
    async with yard.crew(toy, hands=2):
        await until(lambda: _true(toy.tried.total() == 2))
        later = await yard.begin("good")

        async def has_begun() -> bool:
            return (await yard.now(later)).status == "in_progress"

        await until(has_begun)
        assert await yard.store.cancel(later)
        assert (await yard.ended(later)).status == "cancelled"
    assert toy.tried["good 0"] == 0


async def test_without_workers_nothing_is_tried(yard: Yard) -> None:
    yard.has_workers = False
    toy, batch_id = yard.toy(), await yard.begin("good")
    async with yard.crew(toy):

        async def has_begun() -> bool:
            return (await yard.now(batch_id)).status == "in_progress"

        await until(has_begun)
        await asyncio.sleep(4 * BEAT_S)
        assert not toy.tried
        yard.has_workers = True
        assert (await yard.ended(batch_id)).done == 1


async def test_a_large_batch_leaves_hands_for_another_tenants(yard: Yard) -> None:
    for tenant_id in ("ada", "bob"):
        await yard.tenants.add(TenantRecord(tenant_id))
    toy = yard.toy()
    large = await yard.begin(*["slow"] * 50, tenant=Tenant("ada"))
    async with yard.crew(toy, hands=2):
        await until(lambda: _true(toy.tried.total() == 2))
        small = await yard.begin("good", tenant=Tenant("bob"))
        toy.open.set()
        assert (await yard.ended(small)).done == 1
        assert (await yard.now(large)).done < 40


async def test_characters_that_a_tenant_may_not_queue_fail_the_batch(yard: Yard) -> None:
    limits = TenantLimits(queued_characters=25)
    await yard.tenants.add(TenantRecord("ada", limits=limits))
    ada = Tenant("ada", limits=limits)
    toy, words = yard.toy(), ("slow", "slow")
    first = await yard.begin(*words, tenant=ada)
    async with yard.crew(toy):
        await until(lambda: _true(toy.tried.total() == 2))
        refused = await yard.ended(await yard.begin(*words, tenant=ada))
        assert refused.status == "failed"
        assert refused.outcome["errors"][0]["code"] == "rate_limit_exceeded"
        toy.open.set()
        assert (await yard.ended(first)).status == "completed"
        assert (await yard.ended(await yard.begin(*words, tenant=ada))).status == "completed"  # there is room again


async def test_a_tenant_that_is_disabled_meanwhile_gets_no_more(yard: Yard) -> None:
    await yard.tenants.add(TenantRecord("ada"))
    toy, batch_id = yard.toy(), await yard.begin("slow", *["good"] * 3, tenant=Tenant("ada"))
    async with yard.crew(toy, hands=1):
        await until(lambda: _true(toy.tried.total() == 1))
        await yard.tenants.remove("ada")
        toy.open.set()
        batch = await yard.ended(batch_id)
    assert (batch.done, batch.failed) == (1, 3)
    assert set((await yard.results(batch_id))[1:]) == {"tenant_not_found"}
