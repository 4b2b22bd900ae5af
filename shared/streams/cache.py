"""Chunks that were spoken before, and who is at it now.

A chunk is asked for by its digest. Who finds nothing and is first gets the lead: a lease of three heartbeats, renewed
while its job is under way, so that others wait for one synthesis instead of asking for their own. Leads are kept apart
by lane: who needs a chunk at once does not wait for somebody who has time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

import msgpack
from redis.asyncio import Redis

from shared.contract import Lane
from shared.streams.keys import MISSED_HEARTBEATS, reaching_redis
from shared.streams.ledger import LEDGER

FORMAT = 1
"""Of the cached values; those of another are not read."""

_CACHE = (
    LEDGER
    + """
local name = 'tts:cache'

local function release(lead, asker)
  if redis.call('GET', lead) == asker then redis.call('DEL', lead) end
end
"""
)

_ASK = (
    _CACHE
    + """
local digest, lead, asker, lease_ms, ttl_ms = ARGV[1], KEYS[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local key = name .. ':of:' .. digest
if redis.call('HEXISTS', name .. ':sizes', digest) == 1 then
  local chunk = redis.call('GET', key)
  if chunk then
    redis.call('PEXPIRE', key, ttl_ms)
    pcall(touch, name, digest, ttl_ms)  -- a full memory refuses to note the use, which is no reason to refuse the chunk
    return {'hit', chunk}
  end
  strike(name, digest)
end
if redis.call('SET', lead, asker, 'NX', 'PX', lease_ms) then return {'lead', ''} end
return {'wait', ''}
"""
)

_KEEP = (
    _CACHE
    + """
local digest, lead, asker, chunk = ARGV[1], KEYS[1], ARGV[2], ARGV[3]
local most, ttl_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
release(lead, asker)
remove(name, digest)
local removed = make_room(name, #chunk, most, ttl_ms)
if not removed then return -1 end
redis.call('SET', name .. ':of:' .. digest, chunk, 'PX', ttl_ms)
enter(name, digest, #chunk, ttl_ms)
return removed
"""
)

_RELEASE = _CACHE + "release(KEYS[1], ARGV[1])"

_RENEW = """
for i, lead in ipairs(KEYS) do
  if redis.call('GET', lead) == ARGV[i + 1] then redis.call('PEXPIRE', lead, ARGV[1]) end
end
"""

_DISCARD = _CACHE + "remove(name, ARGV[1])"


@dataclass(frozen=True, slots=True)
class CachedChunk:
    """What is kept of a chunk: pcm s16le mono, durations in units of 25 ms for each token, boundary tokens included."""

    pcm: bytes
    sample_rate: int
    durations: tuple[int, ...]


class Claim(NamedTuple):
    """A chunk on a lane, under the name of who asks for it."""

    digest: str
    lane: Lane
    asker: str

    @property
    def lead(self) -> str:
        """Key of the lead's lease."""
        return f"tts:cache:lead:{self.lane.value}:{self.digest}"


class NotCached(Enum):
    """Why there is no chunk."""

    LEAD = auto()
    """It is the asker's to make, and to keep or to release."""
    WAIT = auto()
    """Somebody is at it."""
    UNREADABLE = auto()
    """What was kept was none; it is thrown away."""


class ChunkStore:
    """Keeps chunks within ``max_bytes``; the least recently used make room. Raises QueueUnavailable."""

    def __init__(self, redis: Redis, *, heartbeat_s: float, ttl_s: float, max_bytes: int) -> None:
        self._redis = redis
        self._lease_ms = int(MISSED_HEARTBEATS * heartbeat_s * 1000)
        self._ttl_ms = int(ttl_s * 1000)
        self._max_bytes = max_bytes
        self._ask = redis.register_script(_ASK)
        self._keep = redis.register_script(_KEEP)
        self._release = redis.register_script(_RELEASE)
        self._renew = redis.register_script(_RENEW)
        self._discard = redis.register_script(_DISCARD)

    async def ask(self, claim: Claim) -> CachedChunk | NotCached:
        """The chunk; where it is not there, whether the asker is to make it."""
        args: list[str | int] = [claim.digest, claim.asker, self._lease_ms, self._ttl_ms]
        async with reaching_redis():
            verdict, packed = await self._ask(keys=[claim.lead], args=args)
            if verdict != b"hit":
                return NotCached.LEAD if verdict == b"lead" else NotCached.WAIT
            if (chunk := _unpack(packed)) is None:
                await self._discard(args=[claim.digest])
                return NotCached.UNREADABLE
        return chunk

    async def keep(self, claim: Claim, chunk: CachedChunk) -> int | None:
        """Keep a chunk, give the lead back. Returns how many others made room; None: it is larger than all may be."""
        packed: bytes = msgpack.packb([FORMAT, chunk.sample_rate, chunk.durations, chunk.pcm])
        args: list[str | bytes | int] = [claim.digest, claim.asker, packed, self._max_bytes, self._ttl_ms]
        async with reaching_redis():
            removed = int(await self._keep(keys=[claim.lead], args=args))
        return None if removed < 0 else removed

    async def release(self, claim: Claim) -> None:
        """Give the lead back; another may have it."""
        async with reaching_redis():
            await self._release(keys=[claim.lead], args=[claim.asker])

    async def renew(self, claims: Collection[Claim]) -> None:
        """Say that these are still being made, as with each heartbeat."""
        async with reaching_redis():
            leads = [claim.lead for claim in claims]
            await self._renew(keys=leads, args=[self._lease_ms, *(claim.asker for claim in claims)])

    async def num_bytes(self) -> int:
        """What the cache counts as kept."""
        async with reaching_redis(), self._redis.pipeline() as pipe:
            pipe.hget("tts:cache:sizes", "")
            return int((await pipe.execute())[0] or 0)


def _unpack(packed: bytes) -> CachedChunk | None:
    try:
        body: Any = msgpack.unpackb(packed)
        form, sample_rate, durations, pcm = body
        if form != FORMAT or not isinstance(pcm, bytes):
            return None
        return CachedChunk(pcm, int(sample_rate), tuple(int(units) for units in durations))
    except (ValueError, TypeError, msgpack.UnpackException):
        return None
