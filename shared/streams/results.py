"""Results of requests that carry a key, so that a retry gets what the first try made.

A result is a stream of its own: the claim that opened it, the pieces of the answer, the end. The ids of its entries are
``{epoch}-{n}``; the epoch is when it was claimed, in microseconds, and names the run: whoever reads or writes a run
never mixes it with another under the same key. While it grows it lives for three heartbeats at a time, so that a
gateway's death frees the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from redis.asyncio import Redis

from shared.streams.keys import MISSED_HEARTBEATS, reaching_redis, text
from shared.streams.ledger import LEDGER

LEDGER_NAME = "tts:idem"

READ_PIECES_AT_ONCE = 4
"""Bounds what one read brings into memory."""

SHARE_OF_ONE = 4
"""One result may take a quarter of what all may: it never pushes out all others."""

_RUN = (
    LEDGER
    + """
local name = 'tts:idem'
local digest = ARGV[1]
local key = name .. ':of:' .. digest

local function opening()
  return redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
end

local function epoch_of(entry)
  return string.match(entry[1], '^%d+')
end

local function is_of(epoch)
  local entry = opening()
  return entry and epoch_of(entry) == epoch
end
"""
)

_CLAIM = (
    _RUN
    + """
local fingerprint, lease_ms = ARGV[2], ARGV[3]
local entry = opening()
if entry then
  return {entry[2][2] == fingerprint and 'follow' or 'reused', epoch_of(entry)}
end
local epoch = string.format('%.0f', now_us())
redis.call('XADD', key, epoch .. '-0', 'fingerprint', fingerprint)
redis.call('PEXPIRE', key, lease_ms)
return {'lead', epoch}
"""
)

_APPEND = (
    _RUN
    + """
local epoch, number, length, piece, lease_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local most_of_one, most, ttl_ms = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
if not is_of(epoch) then return 0 end
if size_of(name, digest) + #piece > most_of_one then
  remove(name, digest)
  return 0
end
if size_of(name, digest) > 0 then touch(name, digest, ttl_ms) end
if not make_room(name, #piece, most, ttl_ms) or not is_of(epoch) then return 0 end
redis.call('XADD', key, epoch .. '-' .. number, 'piece', piece, 'length', length)
redis.call('PEXPIRE', key, lease_ms)
enter(name, digest, #piece, ttl_ms)
return 1
"""
)

_FINISH = (
    _RUN
    + """
local epoch, number, ttl_ms = ARGV[2], ARGV[3], tonumber(ARGV[4])
if not is_of(epoch) then return 0 end
redis.call('XADD', key, epoch .. '-' .. number, 'end', '')
redis.call('PEXPIRE', key, ttl_ms)
if size_of(name, digest) > 0 then touch(name, digest, ttl_ms) end
return 1
"""
)

_RENEW = (
    _RUN
    + """
if not is_of(ARGV[2]) then return {0, 0} end
redis.call('PEXPIRE', key, ARGV[3])
return {1, redis.call('EXISTS', 'tts:idem:followed:' .. digest)}
"""
)

_DROP = (
    _RUN
    + """
if is_of(ARGV[2]) then remove(name, digest) end
"""
)


class Verdict(StrEnum):
    """What a claim came to."""

    LEAD = "lead"
    """The key was free; the request is the claimant's to run."""
    FOLLOW = "follow"
    """The same request runs, or ran."""
    REUSED = "reused"
    """Another request has the key."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a request with a key."""

    digest: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer, and how long the whole is where that was known at its start."""

    content: bytes
    length: int | None


class ResultLost(Exception):
    """The run ended without a result, its gateway died, or it had to make room."""


class ResultStore:
    """Keeps results within ``max_bytes`` for ``ttl_s``; the least recently used make room. Raises QueueUnavailable."""

    def __init__(self, redis: Redis, *, heartbeat_s: float, ttl_s: float, max_bytes: int) -> None:
        self._redis = redis
        self._lease_ms = int(MISSED_HEARTBEATS * heartbeat_s * 1000)
        self._ttl_ms = int(ttl_s * 1000)
        self._max_bytes = max_bytes
        self._claim = redis.register_script(_CLAIM)
        self._append = redis.register_script(_APPEND)
        self._finish = redis.register_script(_FINISH)
        self._renew = redis.register_script(_RENEW)
        self._drop = redis.register_script(_DROP)

    async def claim(self, digest: str, fingerprint: str) -> tuple[Verdict, Run]:
        """Take the key named by ``digest`` for the request of that fingerprint, or find who has it."""
        async with reaching_redis():
            verdict, epoch = await self._claim(args=[digest, fingerprint, self._lease_ms])
        return Verdict(text(verdict)), Run(digest, text(epoch))

    async def append(self, run: Run, number: int, piece: bytes, length: int | None) -> bool:
        """Add the piece of that number, from 1. False: the run is not kept, now or any more."""
        about: list[str | int] = [run.digest, run.epoch, number, "" if length is None else length]
        bounds = [self._max_bytes // SHARE_OF_ONE, self._max_bytes, self._ttl_ms]
        async with reaching_redis():
            return bool(await self._append(args=[*about, piece, self._lease_ms, *bounds]))

    async def finish(self, run: Run, number: int) -> bool:
        """The run is whole. ``number``: after that of the last piece."""
        async with reaching_redis():
            return bool(await self._finish(args=[run.digest, run.epoch, number, self._ttl_ms]))

    async def renew(self, run: Run) -> tuple[bool, bool]:
        """Say with each heartbeat that the run goes on. Returns whether it is kept, and whether others follow it."""
        async with reaching_redis():
            is_kept, is_followed = await self._renew(args=[run.digest, run.epoch, self._lease_ms])
        return bool(is_kept), bool(is_followed)

    async def drop(self, run: Run) -> None:
        """Free the key."""
        async with reaching_redis():
            await self._drop(args=[run.digest, run.epoch])

    async def say_followed(self, run: Run) -> None:
        """Tell who leads the run that somebody waits for it, as with each heartbeat."""
        async with reaching_redis():
            await self._redis.set(f"{LEDGER_NAME}:followed:{run.digest}", "1", px=self._lease_ms)

    async def piece(self, run: Run, number: int) -> bytes | None:
        """One piece, if it is kept."""
        entry_id = f"{run.epoch}-{number}"
        async with reaching_redis():
            found = await self._redis.xrange(self._key(run), entry_id, entry_id)
        return found[0][1].get(b"piece") if found else None

    async def read(self, run: Run, after: int) -> tuple[list[Piece], bool]:
        """The pieces that are there after that of number ``after``, a few at a time, and whether they are the last.

        Raises ResultLost.
        """
        async with reaching_redis(), self._redis.pipeline() as pipe:
            pipe.xrange(self._key(run), f"({run.epoch}-{after}", count=READ_PIECES_AT_ONCE)
            pipe.exists(self._key(run))
            found, is_there = await pipe.execute()
        if not is_there:
            raise ResultLost
        return _pieces(run, found)

    def _key(self, run: Run) -> str:
        return f"{LEDGER_NAME}:of:{run.digest}"


def _pieces(run: Run, entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> tuple[list[Piece], bool]:
    pieces: list[Piece] = []
    for entry_id, entry in entries:
        if text(entry_id).partition("-")[0] != run.epoch:
            raise ResultLost
        if b"end" in entry:
            return pieces, True
        pieces.append(Piece(entry[b"piece"], int(entry[b"length"]) if entry[b"length"] else None))
    return pieces, False
