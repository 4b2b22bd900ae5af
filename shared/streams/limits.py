"""What tenants may have, and how much of it they have now: counted in Redis, for all gateways at once.

One script asks for everything that a request needs and takes all of it or nothing. How many requests and characters a
minute may have is a window that slides in slices: each slice's count is forgotten a window after the slice has ended,
so no window of that length, wherever it begins, holds more than the limit, and all of the limit may come at once. See
docs/adr/0009. What is held only while a request is open, streams and characters, is held by a lease; so it comes back
though nobody is left to give it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

from redis.asyncio import Redis

from shared.streams.keys import reaching_redis
from shared.tenants import TenantLimits

MINUTE_S = 60.0

SLICES = 100
"""Of a window. A limit that is used up is free again up to one slice later than it might be: 1 %."""

NOT_KNOWN_MS = 1000
"""What to wait for streams and characters that others of the tenant hold: nobody knows when those end."""

MONTH_KEPT_MS = 40 * 86_400_000
"""How long a month's count outlives its last change: past the month's end."""

UNLIMITED = -1

_LIMITS = """
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function keep(key, ttl_ms)
  if redis.call('PTTL', key) < ttl_ms then redis.call('PEXPIRE', key, ttl_ms) end
end

local function keys_of(tenant)
  local name = 'tts:limit:' .. tenant
  return {rate = name .. ':rate', leases = name .. ':leases', held = name .. ':held', month = name .. ':month:'}
end

local function number_at(key, field)
  return tonumber(redis.call('HGET', key, field) or '0')
end

-- Streams and characters that a lease holds.
local function held_by(key, id)
  local streams, characters = string.match(redis.call('HGET', key.held, id) or '', '^(%d+):(%d+)$')
  return tonumber(streams or '0'), tonumber(characters or '0')
end

local function give_back(key, id)
  redis.call('ZREM', key.leases, id)
  if redis.call('HEXISTS', key.held, id) == 1 then
    local streams, characters = held_by(key, id)
    redis.call('HDEL', key.held, id)
    redis.call('HINCRBY', key.held, ':streams', -streams)
    redis.call('HINCRBY', key.held, ':characters', -characters)
  end
  if redis.call('EXISTS', key.leases) == 0 then redis.call('DEL', key.held) end
end

local function expire(key, now)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key.leases, '-inf', now)) do give_back(key, id) end
end
"""

_TAKE = (
    _LIMITS
    + """
local tenant, month, id, window_ms, num_slices = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local lease_ms, month_ms, not_known_ms = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local requests, characters, budget = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local streams, held = tonumber(ARGV[12]), tonumber(ARGV[13])
local most = {}
for i, name in ipairs({'requests', 'characters', 'streams', 'held', 'month'}) do most[name] = tonumber(ARGV[13 + i]) end

local key, now = keys_of(tenant), now_ms()
local slice_ms = window_ms / num_slices
local slice = math.floor(now / slice_ms)
local refused, longest_ms = '', 0

local function refuse(limit, wait_ms)
  if wait_ms > longest_ms then refused, longest_ms = limit, wait_ms end
end

-- The slices that count, oldest first, each {its number, requests, characters}.
local slices = {}
if most.requests >= 0 or most.characters >= 0 then
  local packed = redis.call('GET', key.rate)
  for _, each in ipairs(packed and cmsgpack.unpack(packed) or {}) do
    if each[1] >= slice - num_slices then slices[#slices + 1] = each end
  end
end

local function forgotten_in_ms(each)
  return math.ceil((each[1] + num_slices + 1) * slice_ms - now)
end

local function used(field)
  local sum, reset_ms = 0, 0
  for _, each in ipairs(slices) do
    sum = sum + each[field]
    if each[field] > 0 then reset_ms = forgotten_in_ms(each) end
  end
  return sum, reset_ms
end

local function fit(limit, field, sum, cost)
  local excess = sum + cost - most[limit]
  if most[limit] < 0 or cost == 0 or excess <= 0 then return end
  local wait_ms = window_ms
  for _, each in ipairs(slices) do
    excess = excess - each[field]
    if excess <= 0 then
      wait_ms = forgotten_in_ms(each)
      break
    end
  end
  refuse(limit, wait_ms)
end

local num_requests, requests_reset_ms = used(2)
local num_characters, characters_reset_ms = used(3)
fit('requests', 2, num_requests, requests)
fit('characters', 3, num_characters, characters)

-- Of a lease that there is already, as of batch work that is begun a second time, the difference is taken.
local more_streams, more_held = streams, held
if streams + held > 0 then
  expire(key, now)
  local streams_before, held_before = held_by(key, id)
  more_streams, more_held = streams - streams_before, held - held_before
  if most.streams >= 0 and more_streams > 0 and number_at(key.held, ':streams') + more_streams > most.streams then
    refuse('streams', not_known_ms)
  end
  if most.held >= 0 and more_held > 0 and number_at(key.held, ':characters') + more_held > most.held then
    refuse('held', not_known_ms)
  end
end

local of_month = key.month .. month
if most.month >= 0 and budget > 0 and tonumber(redis.call('GET', of_month) or '0') + budget > most.month then
  refuse('month', math.huge)
end

if refused == '' then
  if (most.requests >= 0 or most.characters >= 0) and requests + characters > 0 then
    local last = slices[#slices]
    if not last or last[1] ~= slice then
      last = {slice, 0, 0}
      slices[#slices + 1] = last
    end
    last[2], last[3] = last[2] + requests, last[3] + characters
    redis.call('SET', key.rate, cmsgpack.pack(slices), 'PX', math.ceil(window_ms + 2 * slice_ms))
    num_requests, requests_reset_ms = used(2)
    num_characters, characters_reset_ms = used(3)
  end
  if most.month >= 0 and budget > 0 then
    redis.call('INCRBY', of_month, budget)
    redis.call('PEXPIRE', of_month, month_ms)
  end
  if id ~= '' then
    redis.call('HSET', key.held, id, string.format('%d:%d', streams, held))
    redis.call('HINCRBY', key.held, ':streams', more_streams)
    redis.call('HINCRBY', key.held, ':characters', more_held)
    redis.call('ZADD', key.leases, now + lease_ms, id)
    keep(key.held, lease_ms)
    keep(key.leases, lease_ms)
  end
end
if longest_ms == math.huge then longest_ms = 0 end
return {refused, longest_ms, num_requests, requests_reset_ms, num_characters, characters_reset_ms}
"""
)

_GIVE_BACK = _LIMITS + "give_back(keys_of(ARGV[1]), ARGV[2])"

_RENEW = (
    _LIMITS
    + """
local key, now, lease_ms = keys_of(ARGV[1]), now_ms(), tonumber(ARGV[2])
for i = 3, #ARGV do redis.call('ZADD', key.leases, 'XX', now + lease_ms, ARGV[i]) end
keep(key.leases, lease_ms)
keep(key.held, lease_ms)
"""
)

_LESSEN = (
    _LIMITS
    + """
local key, id = keys_of(ARGV[1]), ARGV[2]
if redis.call('HEXISTS', key.held, id) == 0 then return end
local streams, characters = held_by(key, id)
local less = math.min(tonumber(ARGV[3]), characters)
redis.call('HSET', key.held, id, string.format('%d:%d', streams, characters - less))
redis.call('HINCRBY', key.held, ':characters', -less)
"""
)


class Limit(Enum):
    """Of a tenant; each the name of a field of ``TenantLimits``."""

    REQUESTS = "requests_per_minute"
    CHARACTERS = "characters_per_minute"
    STREAMS = "concurrent_streams"
    HELD = "queued_characters"
    MONTH = "monthly_characters"


_BY_NAME = {
    b"requests": Limit.REQUESTS,
    b"characters": Limit.CHARACTERS,
    b"streams": Limit.STREAMS,
    b"held": Limit.HELD,
    b"month": Limit.MONTH,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What one request asks of its tenant's limits."""

    lease_id: str = ""
    """Names what is held until it is given back; empty: nothing is."""
    requests: int = 0
    """Of the minute's."""
    characters: int = 0
    """Of the minute's."""
    budget: int = 0
    """Characters of the month's."""
    streams: int = 0
    """Held."""
    held: int = 0
    """Characters held."""


class Window(NamedTuple):
    """How much of a minute's limit is used."""

    used: int
    reset_s: float
    """Until none of it is, if nothing more comes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim was taken, whole; otherwise nothing of it was."""

    refused_by: Limit | None
    """The limit that takes longest to let it pass."""
    wait_s: float
    """Until it would be taken, if nobody else comes; 0: taken, or not this month."""
    requests: Window
    characters: Window


class LimitStore:
    """Raises QueueUnavailable. ``window_s``: what the limits mean by a minute."""

    def __init__(self, redis: Redis, *, window_s: float = MINUTE_S) -> None:
        self._window_ms = round(1000 * window_s)
        self._take = redis.register_script(_TAKE)
        self._give_back = redis.register_script(_GIVE_BACK)
        self._renew = redis.register_script(_RENEW)
        self._lessen = redis.register_script(_LESSEN)

    async def take(
        self, tenant_id: str, limits: TenantLimits, claim: Claim, *, lease_s: float, month: str = ""
    ) -> Verdict:
        """Take all that ``claim`` says, or nothing; what is held comes back after ``lease_s`` unless it is renewed.

        month: whose budget is meant, as ``month_of`` writes it; empty: this month's.
        """
        costs = (claim.requests, claim.characters, claim.budget, claim.streams, claim.held)
        most = [getattr(limits, limit.value) for limit in Limit]
        args: list[str | int] = [
            tenant_id,
            month or month_of(datetime.now(UTC)),
            claim.lease_id,
            self._window_ms,
            SLICES,
        ]
        args += [round(1000 * lease_s), MONTH_KEPT_MS, NOT_KNOWN_MS, *costs]
        args += [UNLIMITED if limit is None else limit for limit in most]
        async with reaching_redis():
            refused, wait_ms, requests, requests_ms, characters, characters_ms = await self._take(args=args)
        windows = Window(requests, requests_ms / 1000), Window(characters, characters_ms / 1000)
        return Verdict(_BY_NAME.get(refused), wait_ms / 1000, *windows)

    async def look(self, tenant_id: str, limits: TenantLimits) -> Verdict:
        """How much of the minute's limits is used; nothing is taken."""
        return await self.take(tenant_id, limits, Claim(), lease_s=0)

    async def give_back(self, tenant_id: str, lease_id: str) -> None:
        """What this lease holds; nothing if it has lapsed."""
        async with reaching_redis():
            await self._give_back(args=[tenant_id, lease_id])

    async def renew(self, tenant_id: str, lease_ids: Iterable[str], *, lease_s: float) -> None:
        """Hold what these leases hold for so long from now; one that has lapsed, or was given back, stays so."""
        async with reaching_redis():
            await self._renew(args=[tenant_id, round(1000 * lease_s), *lease_ids])

    async def lessen(self, tenant_id: str, lease_id: str, characters: int) -> None:
        """Give back part of the characters that a lease holds."""
        async with reaching_redis():
            await self._lessen(args=[tenant_id, lease_id, characters])


def month_of(moment: datetime) -> str:
    """The month whose budget a request at that moment, in UTC, takes from: "2026-11"."""
    return f"{moment:%Y-%m}"


def month_key(tenant_id: str, month: str) -> str:
    """Where the characters are counted that a tenant has had of a month's budget."""
    return f"tts:limit:{tenant_id}:month:{month}"
