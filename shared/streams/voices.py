"""Saved voice mixes, and voice packs that a gateway asks of whichever worker is first.

A gateway has no voice files. It puts what it wants into one list, a worker takes it out, and puts the file into another
list that only that request knows: no disk is shared, and nothing is left when either of them dies.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgpack
from redis.asyncio import Redis

from shared.contract import VoiceMix
from shared.errors import NoWorkers, SynthesisFailed
from shared.streams.connection import blocking_reads
from shared.streams.keys import reaching_redis, text

WANTED_KEY = "tts:packs"

ANSWER_S = 4
"""How long a gateway waits for a worker: less than a call to Redis may take at all."""

KEEP_MS = 10_000
"""How long a request or an answer is kept that nobody takes."""


@dataclass(frozen=True, slots=True)
class PackRequest:
    """A mix whose voice pack somebody waits for."""

    id: str
    mix: VoiceMix


class VoiceStore:
    """The gateway's side. Raises QueueUnavailable."""

    def __init__(self, redis: Redis, answer_s: int = ANSWER_S) -> None:
        self._redis = redis
        self._reads = blocking_reads(redis)
        self._answer_s = answer_s

    async def saved(self, tenant_ids: Collection[str] = ("",)) -> dict[str, dict[str, VoiceMix]]:
        """The saved mixes of each of these tenants by name; those of ``""`` are the operator's."""
        async with reaching_redis(), self._redis.pipeline(transaction=False) as pipe:
            for tenant_id in tenant_ids:
                pipe.hgetall(_saved_key(tenant_id))
            found: list[dict[bytes, bytes]] = await pipe.execute()
        return {tenant_id: _mixes(entries) for tenant_id, entries in zip(tenant_ids, found, strict=True)}

    async def save(self, name: str, mix: VoiceMix, tenant_id: str = "") -> None:
        """Save a mix, in place of one of that name."""
        async with reaching_redis():
            await cast("Awaitable[int]", self._redis.hset(_saved_key(tenant_id), mapping={name: msgpack.packb(mix)}))

    async def delete(self, name: str, tenant_id: str = "") -> bool:
        """Whether there was one of that name."""
        async with reaching_redis():
            return bool(await cast("Awaitable[int]", self._redis.hdel(_saved_key(tenant_id), name)))

    async def pack(self, mix: VoiceMix) -> bytes:
        """The mix as a voice file, made by a worker. Raises NoWorkers if none answers, SynthesisFailed if it cannot."""
        request_id = uuid.uuid4().hex
        wanted = {"id": request_id, "mix": mix, "until_ms": _now_ms() + 1000 * self._answer_s}
        async with reaching_redis():
            async with self._redis.pipeline() as pipe:
                pipe.rpush(WANTED_KEY, msgpack.packb(wanted))
                pipe.pexpire(WANTED_KEY, KEEP_MS)
                await pipe.execute()
            found = await cast("Awaitable[Any]", self._reads.blpop([_pack_key(request_id)], self._answer_s))
        if found is None:
            raise NoWorkers("No worker had the voice pack ready in time.")
        answer = msgpack.unpackb(found[1])
        if "error" in answer:
            raise SynthesisFailed(answer["error"], code="voice_unavailable")
        pack: bytes = answer["pack"]
        return pack


class PackRequests:
    """The worker's side. Raises QueueUnavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reads = blocking_reads(redis)

    async def next(self, block_s: int) -> PackRequest | None:
        """Wait for a request; None where there was none, or nobody waits for it any more."""
        async with reaching_redis():
            found = await cast("Awaitable[Any]", self._reads.blpop([WANTED_KEY], block_s))
        if found is None:
            return None
        wanted = msgpack.unpackb(found[1])
        return PackRequest(wanted["id"], _mix(wanted["mix"])) if _now_ms() < wanted["until_ms"] else None

    async def answer(self, request: PackRequest, pack: bytes) -> None:
        """Hand over a voice file."""
        await self._put(request, {"pack": pack})

    async def refuse(self, request: PackRequest, reason: str) -> None:
        """Say why there is none."""
        await self._put(request, {"error": reason})

    async def _put(self, request: PackRequest, answer: dict[str, bytes | str]) -> None:
        async with reaching_redis(), self._redis.pipeline() as pipe:
            pipe.rpush(_pack_key(request.id), msgpack.packb(answer))
            pipe.pexpire(_pack_key(request.id), KEEP_MS)
            await pipe.execute()


def _saved_key(tenant_id: str) -> str:
    return f"tts:voices:{tenant_id}" if tenant_id else "tts:voices"


def _mixes(entries: Mapping[bytes, bytes]) -> dict[str, VoiceMix]:
    return {text(name): _mix(msgpack.unpackb(packed)) for name, packed in sorted(entries.items())}


def _pack_key(request_id: str) -> str:
    return f"tts:pack:{request_id}"


def _mix(parts: Any) -> VoiceMix:
    return tuple((str(name), float(weight)) for name, weight in parts)


def _now_ms() -> int:
    return int(time.time() * 1000)
