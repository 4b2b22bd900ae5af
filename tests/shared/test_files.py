"""What is known of stored files: by whom they are found, until when, and that no bytes stay behind."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.batch.errors import FileTooLarge, UnknownFile
from gateway.batch.files import BATCH_INPUT, BATCH_OUTPUT, FileCard, Files
from gateway.storage import Storage
from shared.errors import QuotaExhausted
from shared.streams.files import FileStore
from shared.streams.pages import READ_AT_ONCE, Page
from shared.tenants import Tenant, TenantLimits


@pytest.fixture
def files(redis: Redis, tmp_path: Path) -> Files:
    return Files(FileStore(redis), Storage.at(str(tmp_path)))


def card(tenant: str = "ada", purpose: str = BATCH_INPUT, life_s: int = 3600) -> FileCard:
    return FileCard(tenant, purpose, "a.jsonl", "application/jsonl", life_s)


async def once(content: bytes = b"{}") -> AsyncGenerator[bytes, None]:
    yield content


async def added(files: Files, about: FileCard) -> str:
    record = await files.write(about, once())
    await files.enter(record, Tenant(about.tenant_id))
    return record.id


async def found_until_it_expires(files: Files, file_id: str) -> None:
    async with asyncio.timeout(10):
        while await files.get(file_id, "ada"):
            await asyncio.sleep(0.02)


async def counted(redis: Redis, tenant: str = "ada") -> int:
    return await FileStore(redis).stored_bytes(tenant)


def stored(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("files/*")}


async def test_a_file_is_its_tenants_alone(files: Files) -> None:
    file_id = await added(files, card("ada"))
    assert (await files.get(file_id, "ada")).id == file_id
    with pytest.raises(UnknownFile):
        await files.get(file_id, "bob")
    assert await files.page("bob", Page(10)) == ([], False)


async def test_what_was_written_is_not_known_before_it_is_entered(files: Files, tmp_path: Path) -> None:
    record = await files.write(card(), once())
    with pytest.raises(UnknownFile):
        await files.get(record.id, "ada")
    await files.discard(record)
    assert stored(tmp_path) == set()


async def test_what_is_too_large_is_not_kept(files: Files, tmp_path: Path) -> None:
    with pytest.raises(FileTooLarge):
        await files.write(card(), once(b"x" * 11), max_bytes=10)
    assert stored(tmp_path) == set()


async def test_a_file_that_has_expired_is_gone_and_then_its_bytes_are(files: Files, tmp_path: Path) -> None:
    kept, short = await added(files, card()), await added(files, card(life_s=2))
    assert await files.sweep() == 0
    assert stored(tmp_path) == {kept, short}
    with pytest.raises(UnknownFile):
        await found_until_it_expires(files, short)
    assert [found.id for found in (await files.page("ada", Page(10)))[0]] == [kept]
    assert await files.sweep() == 1
    assert stored(tmp_path) == {kept}
    assert await files.sweep() == 0


async def test_a_file_that_is_deleted_is_swept_though_who_did_it_died(
    files: Files, redis: Redis, tmp_path: Path
) -> None:
    file_id = await added(files, card())
    assert await FileStore(redis).forget(await files.get(file_id, "ada"))  # and no more
    assert stored(tmp_path) == {file_id}
    assert await files.sweep() == 1
    assert stored(tmp_path) == set()


async def test_strays_go_when_no_file_can_be_as_old(files: Files, tmp_path: Path) -> None:
    known = await added(files, card())
    stray = await files.write(card(), once())
    assert await files.sweep_strays(time.time()) == 0
    long_ago = time.time() - 32 * 86_400
    os.utime(tmp_path / "files" / stray.id, (long_ago, long_ago))
    assert await files.sweep_strays(time.time()) == 1
    assert stored(tmp_path) == {known}


async def test_pages_are_of_the_purposes_that_are_wanted_however_far_apart(files: Files, redis: Redis) -> None:
    wanted = [await added(files, card())]
    member = f"{BATCH_OUTPUT} file-"
    await redis.zadd("tts:files:of:ada", {f"{member}{number}": time.time() * 1e6 for number in range(READ_AT_ONCE + 5)})
    wanted.append(await added(files, card()))
    for ascending in (True, False):
        found, has_more = await files.page("ada", Page(2, ascending=ascending), frozenset({BATCH_INPUT}))
        assert [record.id for record in found] == (wanted if ascending else wanted[::-1])
        assert not has_more


async def test_a_tenants_bytes_are_counted_until_they_are_gone(files: Files, redis: Redis) -> None:
    kept, deleted = await added(files, card()), await added(files, card())
    short = await added(files, card(life_s=2))
    await added(files, card("bob"))
    assert (await counted(redis), await counted(redis, "bob")) == (6, 2)
    await files.delete(await files.get(deleted, "ada"))
    assert await counted(redis) == 4
    with pytest.raises(UnknownFile):
        await found_until_it_expires(files, short)
    assert await counted(redis) == 4  # its bytes are there
    await files.sweep()
    await files.sweep()
    assert await counted(redis) == 2
    await files.delete(await files.get(kept, "ada"))
    assert await counted(redis) == 0
    assert not await redis.exists("tts:files:bytes:ada")


async def test_no_more_is_kept_than_a_tenant_may_have(files: Files, redis: Redis, tmp_path: Path) -> None:
    ada = Tenant("ada", limits=TenantLimits(stored_bytes=5))
    for content in (b"{}", b"{ }"):
        await files.require_room(ada)
        await files.enter(await files.write(card(), once(content)), ada)
    with pytest.raises(QuotaExhausted, match="5 bytes stored"):
        await files.require_room(ada)
    before = stored(tmp_path)
    one_more = await files.write(card(), once(b"1"))
    with pytest.raises(QuotaExhausted):
        await files.enter(one_more, ada)
    assert stored(tmp_path) == before
    assert await counted(redis) == 5
    await files.require_room(Tenant("bob", limits=ada.limits))
