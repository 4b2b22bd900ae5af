"""Batches in Redis: who may claim what, and that nothing is done twice or lost."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis.asyncio import Redis

from shared.streams.batches import BatchRecord, BatchStore, Claim, Settled
from shared.streams.files import FileRecord, FileStore
from shared.streams.pages import Page

HEARTBEAT_S = 0.05
LEASE_S = 3 * HEARTBEAT_S


@pytest.fixture
def store(redis: Redis) -> BatchStore:
    return BatchStore(redis, heartbeat_s=HEARTBEAT_S)


def record(number: int = 1, *, tenant: str = "", window_s: int = 60) -> BatchRecord:
    now = int(time.time())
    return BatchRecord(
        id=f"batch_{number}",
        kind="lines",
        tenant={"id": tenant},
        request={"from": "file-1"},
        created_at=now,
        expires_at=now + window_s,
        kept_until_ms=(now + 120) * 1000,
    )


async def begun(store: BatchStore, total: int, batch: BatchRecord | None = None) -> BatchRecord:
    """A batch of so many items that is checked."""
    batch = batch or record()
    await store.create(batch)
    check = await store.claim(batch.id, "me")
    assert check is not None
    assert (check.member, check.tries) == ("check", 1)
    await store.put_items(batch, 0, [f"item {number}".encode() for number in range(total)])
    assert await store.begin(check, total, 10 * total)
    return batch


async def claimed(store: BatchStore, batch: BatchRecord, owner: str = "me") -> Claim:
    claim = await store.claim(batch.id, owner)
    assert claim is not None
    return claim


def done(claim: Claim, *files: FileRecord) -> Settled:
    return Settled(True, f"result of {claim.member}".encode(), 10, 0.5, files)


async def seen(store: BatchStore, batch: BatchRecord) -> BatchRecord:
    found = await store.get(batch.id)
    assert found is not None
    return found


async def next_claim(store: BatchStore, batch: BatchRecord, owner: str) -> Claim:
    """Whatever comes free within a few leases."""
    async with asyncio.timeout(20 * LEASE_S):
        while (claim := await store.claim(batch.id, owner)) is None:
            await asyncio.sleep(HEARTBEAT_S / 5)
    return claim


async def test_a_batch_from_its_check_to_its_end(store: BatchStore) -> None:
    batch = await begun(store, 2)
    assert (await seen(store, batch)).status == "in_progress"
    first, second = await claimed(store, batch), await claimed(store, batch)
    assert [(claim.number, claim.item) for claim in (first, second)] == [(0, b"item 0"), (1, b"item 1")]
    assert await store.claim(batch.id, "me") is None
    assert await store.settle(second, done(second))
    assert await store.settle(first, Settled(False, b"no"))
    now = await seen(store, batch)
    assert (now.status, now.total, now.done, now.failed) == ("finalizing", 2, 1, 1)
    assert (now.total_characters, now.characters, now.audio_s) == (20, 10, 0.5)
    assert await store.results(batch.id, 0, 3) == [b"no", b"result of 1", None]
    finish = await claimed(store, batch)
    assert finish.member == "finish"
    assert await store.close(finish, "completed", {"output": "file-2"})
    ended = await seen(store, batch)
    assert (ended.status, ended.outcome, await store.open()) == ("completed", {"output": "file-2"}, {})
    assert {"in_progress", "finalizing", "completed"} == set(ended.times)
    assert await store.claim(batch.id, "me") is None


async def test_an_item_is_claimed_by_one(store: BatchStore) -> None:
    batch = await begun(store, 50)
    claims = await asyncio.gather(*(store.claim(batch.id, f"runner {number % 4}") for number in range(60)))
    assert sorted(claim.number for claim in claims if claim) == list(range(50))


async def test_a_lease_that_lapses_makes_it_anybodys_and_one_that_is_renewed_does_not(store: BatchStore) -> None:
    batch = await begun(store, 2)
    dead, living = await claimed(store, batch, "dead"), await claimed(store, batch, "living")
    taken: Claim | None = None
    async with asyncio.timeout(5):
        while taken is None:
            assert await store.renew("living", [living]) == []
            taken = await store.claim(batch.id, "heir")
            await asyncio.sleep(HEARTBEAT_S / 5)
    assert (taken.member, taken.tries) == (dead.member, 2)
    assert await store.renew("dead", [dead]) == [dead]


async def test_the_first_result_is_the_only_one(store: BatchStore) -> None:
    batch = await begun(store, 2)
    slow = await claimed(store, batch, "slow")
    await claimed(store, batch, "other")
    heir = await next_claim(store, batch, "heir")
    assert heir.member == slow.member
    assert await store.settle(slow, done(slow))  # slow, but first
    assert not await store.settle(heir, Settled(False, b"late"))
    assert await store.renew("heir", [heir]) == [heir]
    now = await seen(store, batch)
    assert (now.done, now.failed, now.characters) == (1, 0, 10)


async def test_what_is_given_back_waits_its_time(store: BatchStore) -> None:
    batch = await begun(store, 1)
    claim = await claimed(store, batch)
    assert await store.give_back(claim, 4 * HEARTBEAT_S)
    assert await store.claim(batch.id, "me") is None
    again = await next_claim(store, batch, "me")
    assert again.tries == 2
    assert await store.give_back(again, is_a_try=False)
    assert (await claimed(store, batch)).tries == 2
    assert not await store.give_back(Claim(batch.id, "0", "somebody", b"", 1))


async def test_a_cancelled_batch_takes_no_more_results(store: BatchStore) -> None:
    batch = await begun(store, 3)
    first, second = await claimed(store, batch), await claimed(store, batch)
    assert await store.settle(first, done(first))
    assert await store.cancel(batch.id)
    assert not await store.cancel(batch.id)
    assert (await seen(store, batch)).status == "cancelling"
    assert await store.renew("me", [second]) == [second]
    assert not await store.settle(second, done(second))
    finish = await claimed(store, batch)
    assert await store.close(finish, (await seen(store, batch)).ending, {})
    assert (await seen(store, batch)).status == "cancelled"


async def test_a_batch_expires_when_its_window_ends(store: BatchStore) -> None:
    batch = await begun(store, 3, record(window_s=1))
    first = await claimed(store, batch)
    async with asyncio.timeout(5):
        while (await next_claim(store, batch, "me")).member != "finish":
            assert time.time() < batch.expires_at + 1
    assert not await store.settle(first, done(first))
    now = await seen(store, batch)
    assert (now.status, now.ending) == ("finalizing", "expired")


async def test_without_workers_only_steps_are_claimed(store: BatchStore) -> None:
    batch = await begun(store, 1)
    assert await store.claim(batch.id, "me", with_items=False) is None
    assert await store.cancel(batch.id)
    finish = await store.claim(batch.id, "me", with_items=False)
    assert finish is not None
    assert finish.member == "finish"


async def test_only_the_owner_ends_a_step(store: BatchStore) -> None:
    batch = record()
    await store.create(batch)
    stale = await claimed(store, batch, "stale")
    heir = await next_claim(store, batch, "heir")
    assert not await store.begin(stale, 5, 5)
    assert not await store.close(stale, "failed", {})
    assert await store.close(heir, "failed", {"errors": [1]})
    assert (await seen(store, batch)).status == "failed"


async def test_files_become_known_with_the_result_or_not_at_all(store: BatchStore, redis: Redis) -> None:
    files = FileStore(redis)
    batch = await begun(store, 1, record(tenant="ada"))
    claim = await claimed(store, batch)
    spoken, timed, late, told = (file(number, "ada") for number in range(4))
    assert await store.settle(claim, done(claim, spoken, timed))
    assert not await store.settle(claim, done(claim, late))
    assert [await files.get(each.id, "ada") for each in (spoken, timed, late)] == [spoken, timed, None]
    assert await files.stored_bytes("ada") == 10
    assert await store.close(await claimed(store, batch), "completed", {}, files=[told, late])
    assert [await files.get(each.id, "ada") for each in (told, late)] == [told, late]
    assert await files.stored_bytes("ada") == 20


async def test_a_tenant_sees_its_own(store: BatchStore) -> None:
    for number in range(5):
        await store.create(record(number, tenant="ada"))
    await store.create(record(9, tenant="bob"))
    found, has_more = await store.page("ada", "lines", Page(3))
    assert ([batch.id for batch in found], has_more) == (["batch_4", "batch_3", "batch_2"], True)
    found, has_more = await store.page("ada", "lines", Page(3, after="lines batch_2"))
    assert ([batch.id for batch in found], has_more) == (["batch_1", "batch_0"], False)
    assert await store.page("ada", "others", Page(3)) == ([], False)
    assert await store.get("batch_1", "bob") is None
    assert (await store.open())["batch_9"] == "bob"


async def test_eta(store: BatchStore) -> None:
    batch = await begun(store, 4)
    assert (await seen(store, batch)).eta_s(time.time()) is None
    claim = await claimed(store, batch)
    assert await store.settle(claim, done(claim))
    now = await seen(store, batch)
    assert now.eta_s(now.times["in_progress"] + 10) == pytest.approx(30)


def file(number: int, tenant: str, purpose: str = "batch") -> FileRecord:
    now = int(time.time())
    return FileRecord(f"file-{number}", tenant, purpose, "a.jsonl", 5, "application/jsonl", now, now + 60)
