"""What is known of stored files. Their bytes are in object storage, under ``FileRecord.key``.

A file ends in two steps, so that no death between them leaves bytes that nobody knows of: its record goes, by itself
when its time is over; then whoever sweeps finds it among those that are due, deletes the bytes, and strikes it off.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import astuple, dataclass
from typing import cast

import msgpack
from redis.asyncio import Redis

from shared.streams.keys import reaching_redis, text
from shared.streams.pages import OUTLIVE, Page, members

DUE_KEY = "tts:files:due"
FOLDER = "files"
"""Of all files' bytes in object storage."""

ENTER_FILE = (
    OUTLIVE
    + """
local function enter_file(tenant, purpose, id, expires_at_ms, packed, num_bytes)
  local expires_ms = tonumber(expires_at_ms)
  local member, listed = purpose .. ' ' .. id, 'tts:files:of:' .. tenant
  redis.call('SET', 'tts:file:' .. id, packed, 'PXAT', expires_ms)
  redis.call('ZADD', listed, now_us(), member)
  redis.call('ZADD', 'tts:files:due', expires_ms, member .. ' ' .. tenant)
  local sizes = 'tts:files:bytes:' .. tenant
  if redis.call('HSETNX', sizes, id, num_bytes) == 1 then redis.call('HINCRBY', sizes, 'all', num_bytes) end
  -- A month longer: what is due must be found by whoever sweeps, even where nobody did for a while.
  outlive(listed, expires_ms)
  outlive('tts:files:due', expires_ms + 30 * 86400000)
  outlive(sizes, expires_ms + 30 * 86400000)
end
"""
)
"""``enter_file`` for scripts that make a file known together with something else; its arguments: ``enter_args``."""

_ENTER = (
    ENTER_FILE
    + """
local tenant, num_bytes, limit = ARGV[1], ARGV[6], ARGV[7]
local stored = redis.call('HGET', 'tts:files:bytes:' .. tenant, 'all') or 0
if limit ~= '' and stored + num_bytes > tonumber(limit) then return 0 end
enter_file(unpack(ARGV, 1, 6))
return 1
"""
)

_FORGET = """
redis.call('ZADD', 'tts:files:due', 'XX', 0, ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[1])
redis.call('ZREM', 'tts:files:of:' .. ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
return redis.call('DEL', 'tts:file:' .. ARGV[3])
"""

_STRIKE = """
local tenant, purpose, id = unpack(ARGV)
redis.call('ZREM', 'tts:files:of:' .. tenant, purpose .. ' ' .. id)
redis.call('ZREM', 'tts:files:due', purpose .. ' ' .. id .. ' ' .. tenant)
local sizes = 'tts:files:bytes:' .. tenant
local num_bytes = redis.call('HGET', sizes, id)
if num_bytes then
  redis.call('HDEL', sizes, id)
  redis.call('HINCRBY', sizes, 'all', -num_bytes)
  if redis.call('HLEN', sizes) == 1 then redis.call('DEL', sizes) end
end
"""


def object_key(file_id: str) -> str:
    """Where a file's bytes are in object storage."""
    return f"{FOLDER}/{file_id}"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A stored file. Times are unix seconds."""

    id: str
    tenant_id: str
    purpose: str
    filename: str
    """As its owner calls it; never a path of ours."""
    num_bytes: int
    content_type: str
    created_at: int
    expires_at: int

    @property
    def key(self) -> str:
        return object_key(self.id)

    @property
    def enter_args(self) -> list[str | int | bytes]:
        """What ``enter_file`` of ENTER_FILE takes."""
        packed: bytes = msgpack.packb(astuple(self))
        return [self.tenant_id, self.purpose, self.id, self.expires_at * 1000, packed, self.num_bytes]


@dataclass(frozen=True, slots=True)
class DueFile:
    """A file whose bytes are to be deleted."""

    id: str
    purpose: str
    tenant_id: str


class FileStore:
    """The records. Raises QueueUnavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._enter = redis.register_script(_ENTER)
        self._forget = redis.register_script(_FORGET)
        self._strike = redis.register_script(_STRIKE)

    async def enter(self, record: FileRecord, limit: int | None = None) -> bool:
        """Make a file known. False: its tenant would then have more than ``limit`` bytes stored."""
        async with reaching_redis():
            return bool(await self._enter(args=[*record.enter_args, "" if limit is None else limit]))

    async def stored_bytes(self, tenant_id: str) -> int:
        """Of all of a tenant's files, those included that are due but not yet deleted."""
        async with reaching_redis():
            stored = await cast("Awaitable[bytes | None]", self._redis.hget(f"tts:files:bytes:{tenant_id}", "all"))
        return int(stored or 0)

    async def get(self, file_id: str, tenant_id: str) -> FileRecord | None:
        """The record; None where there is none, not any more, or it is another tenant's."""
        async with reaching_redis():
            packed = await self._redis.get(f"tts:file:{file_id}")
        record = _record(packed)
        return record if record and record.tenant_id == tenant_id else None

    async def page(
        self, tenant_id: str, page: Page, purposes: frozenset[str] | None = None
    ) -> tuple[list[FileRecord], bool]:
        """A tenant's files by when they were made, and whether there are more."""
        names, has_more = await members(self._redis, f"tts:files:of:{tenant_id}", page, purposes)
        if not names:
            return [], has_more
        async with reaching_redis():
            rows = await self._redis.mget([f"tts:file:{name.rpartition(' ')[2]}" for name in names])
        return [record for row in rows if (record := _record(row))], has_more

    async def forget(self, record: FileRecord) -> bool:
        """Nobody finds the file any more; its bytes are due. False: somebody else was first."""
        async with reaching_redis():
            return bool(await self._forget(args=[record.tenant_id, record.purpose, record.id]))

    async def due(self, now: float, limit: int) -> list[DueFile]:
        """Files that nobody finds any more and whose bytes are still there, or may be."""
        async with reaching_redis():
            found = await self._redis.zrangebyscore(DUE_KEY, "-inf", now * 1000, start=0, num=limit)
        return [DueFile(file_id, purpose, tenant) for purpose, file_id, tenant in map(_split, found)]

    async def strike(self, due: DueFile) -> None:
        """The bytes are gone."""
        async with reaching_redis():
            await self._strike(args=[due.tenant_id, due.purpose, due.id])


def _split(member: bytes) -> tuple[str, str, str]:
    purpose, file_id, tenant = text(member).split(" ", 2)
    return purpose, file_id, tenant


def _record(packed: bytes | None) -> FileRecord | None:
    return FileRecord(*msgpack.unpackb(packed)) if packed else None
