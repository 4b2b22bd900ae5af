"""What tenants have used: by day, API key and voice.

A gateway writes its counts in numbered portions. Redis remembers the last number of each gateway and takes no portion
twice, so one whose answer was lost is simply sent again: nothing is counted twice, and only what a gateway had not yet
sent is lost with it. Work of a batch, which another runner may begin again, has an id, and is counted once under it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple, cast

import msgpack
from redis.asyncio import Redis

from shared.streams.keys import reaching_redis, text
from shared.streams.limits import WORK_KNOWN_MS, month_key, work_key

MAX_ROWS_A_DAY = 2000
"""Of one tenant: mixes of voices are without number. Further ones are counted under ``OTHER_VOICES``."""

OTHER_VOICES = "others"

MARK_KEPT_MS = 86_400_000
"""How long the number of a gateway's last portion is kept: longer than any gateway tries to send one."""

DAYS_AT_ONCE = 50
"""Read in one call: Redis serves others between two of them."""

_ADD = """
local gateway, number, mark_ms, ttl_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local max_rows, others = tonumber(ARGV[5]), ARGV[6]
local mark = 'tts:usage:mark:' .. gateway
if tonumber(redis.call('GET', mark) or '0') >= number then return 0 end
local usage, refunds, of_work = unpack(cmsgpack.unpack(ARGV[7]))
local work_ms = ARGV[8]

local function add(row)
  local day, tenant, api_key, voice, counts = unpack(row)
  local of_day, tenants = 'tts:usage:of:' .. day .. ':' .. tenant, 'tts:usage:tenants:' .. day
  local name = api_key .. '|' .. voice
  if redis.call('HEXISTS', of_day, '1|' .. name) == 0 and redis.call('HLEN', of_day) >= 4 * max_rows then
    name = api_key .. '|' .. others
  end
  for i, count in ipairs(counts) do redis.call('HINCRBY', of_day, i .. '|' .. name, count) end
  redis.call('SADD', tenants, tenant)
  redis.call('PEXPIRE', of_day, ttl_ms)
  redis.call('PEXPIRE', tenants, ttl_ms)
end

for _, row in ipairs(usage) do add(row) end
for _, work in ipairs(of_work) do
  if redis.call('SET', 'tts:usage:mark:' .. work[1], 0, 'NX', 'PX', work_ms) then
    for _, row in ipairs(work[2]) do add(row) end
  end
end
for _, row in ipairs(refunds) do
  local of_month, characters, taken = unpack(row)
  -- A month that is over and forgotten has nothing to be given back to, nor has work whose characters are back already.
  if redis.call('EXISTS', of_month) == 1 and (taken == '' or redis.call('DEL', taken) == 1) then
    redis.call('DECRBY', of_month, characters)
  end
end
redis.call('SET', mark, number, 'PX', mark_ms)
return 1
"""


class Counts(NamedTuple):
    """What was used."""

    characters: int = 0
    """Of input, as it was given."""
    audio_ms: int = 0
    """Of audio made, pauses included."""
    requests: int = 0
    failed: int = 0
    """Of the requests."""

    def plus(self, other: Counts) -> Counts:
        return Counts(*(ours + theirs for ours, theirs in zip(self, other, strict=True)))


class Account(NamedTuple):
    """What counts are kept for."""

    day: date
    """In UTC."""
    tenant_id: str
    key_id: str
    """Empty: there was no API key."""
    voice: str
    """A voice, or a mix as ``shared.voices.mix_name`` writes it."""


class Refund(NamedTuple):
    """Characters to be given back to a month's budget."""

    tenant_id: str
    month: str
    """As ``shared.streams.limits.month_of`` writes it."""
    work_id: str = ""
    """Of the work that had taken them, where that could take them only once."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What a gateway counted since its last portion."""

    usage: Mapping[Account, Counts]
    refunds: Mapping[Refund, int]
    of_work: Mapping[str, Mapping[Account, Counts]] = field(default_factory=dict)
    """What work has used that may be begun again, by its id: of each only the first is counted."""


class UsageStore:
    """Raises QueueUnavailable. ``kept_days``: how long a day's counts are kept."""

    def __init__(self, redis: Redis, *, kept_days: int) -> None:
        self._redis = redis
        self._ttl_ms = (kept_days + 1) * 86_400_000
        self._add = redis.register_script(_ADD)

    async def add(self, gateway_id: str, number: int, portion: Portion) -> bool:
        """Add a gateway's portion, numbered from 1 on; False: it was added before."""
        of_work = [[work_id, _rows(usage)] for work_id, usage in portion.of_work.items()]
        packed: bytes = msgpack.packb(
            [_rows(portion.usage), [_row(*each) for each in portion.refunds.items()], of_work]
        )
        bounds: list[str | int] = [MARK_KEPT_MS, self._ttl_ms, MAX_ROWS_A_DAY, OTHER_VOICES]
        async with reaching_redis():
            return bool(await self._add(args=[gateway_id, number, *bounds, packed, WORK_KNOWN_MS]))

    async def of_tenant(self, tenant_id: str, days: Iterable[date]) -> dict[Account, Counts]:
        """What one tenant has used on each of these days."""
        return await self._read([(day, tenant_id) for day in days])

    async def of_all(self, days: Iterable[date]) -> dict[Account, Counts]:
        """What all tenants have used."""
        found: dict[Account, Counts] = {}
        for day in days:
            async with reaching_redis():
                members = await cast("Awaitable[set[bytes]]", self._redis.smembers(f"tts:usage:tenants:{day}"))
            found |= await self._read([(day, tenant_id) for tenant_id in sorted(map(text, members))])
        return found

    async def _read(self, wanted: list[tuple[date, str]]) -> dict[Account, Counts]:
        found: dict[Account, Counts] = {}
        for start in range(0, len(wanted), DAYS_AT_ONCE):
            part = wanted[start : start + DAYS_AT_ONCE]
            async with reaching_redis(), self._redis.pipeline(transaction=False) as pipe:
                for day, tenant_id in part:
                    pipe.hgetall(f"tts:usage:of:{day}:{tenant_id}")
                hashes = await pipe.execute()
            for (day, tenant_id), fields in zip(part, hashes, strict=True):
                found |= _accounts(day, tenant_id, fields)
        return found


def _rows(usage: Mapping[Account, Counts]) -> list[list[Any]]:
    return [[f"{day}", tenant, key, voice, counts] for (day, tenant, key, voice), counts in usage.items()]


def _row(refund: Refund, characters: int) -> list[str | int]:
    tenant_id, month, work_id = refund
    return [month_key(tenant_id, month), characters, work_key(tenant_id, month, work_id) if work_id else ""]


def days_from(first: date, end: date) -> list[date]:
    """Every day from ``first`` on, ``end`` not among them."""
    return [first + timedelta(days=number) for number in range((end - first).days)]


def _accounts(day: date, tenant_id: str, fields: Mapping[bytes, bytes]) -> dict[Account, Counts]:
    counted: dict[Account, list[int]] = {}
    for name, count in sorted(fields.items()):
        place, key_id, voice = text(name).split("|", 2)
        account = Account(day, tenant_id, key_id, voice)
        counted.setdefault(account, [0] * len(Counts._fields))[int(place) - 1] = int(count)
    return {account: Counts(*counts) for account, counts in counted.items()}
