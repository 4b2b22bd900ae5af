"""Saved voices and voice files, against a real Valkey."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis

from shared.contract import VoiceMix
from shared.errors import NoWorkers, SynthesisFailed
from shared.streams.voices import PackRequests, VoiceStore
from worker.engine.fake import FakeVoicePacks
from worker.model.torch_file import read_torch_tensor
from worker.packs import serve_packs
from worker.voices import StyleSource, VoicePacks

MIX: VoiceMix = (("af_bella", 1.5), ("af_sky", -0.5))


@contextlib.asynccontextmanager
async def serving(redis: Redis, packs: StyleSource) -> AsyncIterator[None]:
    task = asyncio.create_task(serve_packs(PackRequests(redis), packs))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_saved_is_there_until_it_is_deleted(redis: Redis) -> None:
    one, other = VoiceStore(redis), VoiceStore(redis)
    assert await one.saved() == {"": {}}
    await one.save("mine", MIX)
    assert await other.saved() == {"": {"mine": MIX}}
    await other.save("mine", MIX[:1])
    assert await one.saved() == {"": {"mine": MIX[:1]}}
    assert await one.delete("mine")
    assert not await other.delete("mine")
    assert await other.saved() == {"": {}}


async def test_each_tenant_has_its_own(redis: Redis) -> None:
    store = VoiceStore(redis)
    await store.save("mine", MIX)
    await store.save("mine", MIX[:1], "acme")
    assert await store.saved(["", "acme", "globex"]) == {"": {"mine": MIX}, "acme": {"mine": MIX[:1]}, "globex": {}}
    assert not await store.delete("mine", "globex")
    assert await store.delete("mine", "acme")
    assert await store.saved(["", "acme"]) == {"": {"mine": MIX}, "acme": {}}


async def test_a_worker_makes_the_file_that_a_gateway_asks_for(redis: Redis, tmp_path: Path) -> None:
    packs = FakeVoicePacks(["af_bella", "af_sky"])
    async with serving(redis, packs):
        files = await asyncio.gather(*(VoiceStore(redis).pack(mix) for mix in (MIX, MIX[:1])))
    for mix, file in zip((MIX, MIX[:1]), files, strict=True):
        path = tmp_path / "voice.pt"
        path.write_bytes(file)
        np.testing.assert_array_equal(read_torch_tensor(path)[:, 0], packs.pack(mix))
    assert await redis.keys("tts:pack*") == []


async def test_a_voice_that_cannot_be_read_is_a_clear_error(redis: Redis, tmp_path: Path) -> None:
    async with serving(redis, VoicePacks(tmp_path)):
        with pytest.raises(SynthesisFailed, match="no voice 'af_bella'") as caught:
            await VoiceStore(redis).pack(MIX)
    assert caught.value.code == "voice_unavailable"


async def test_without_a_worker_it_says_so_and_leaves_nothing_for_good(redis: Redis) -> None:
    with pytest.raises(NoWorkers):
        await VoiceStore(redis, answer_s=1).pack(MIX)
    # A worker that comes later does not work for nobody.
    assert await PackRequests(redis).next(1) is None
    assert await redis.keys("tts:pack*") == []
