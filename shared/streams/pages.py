"""Lists of what a tenant has, a page at a time.

A list is a zset, its members ``{kind} {id}`` by when they were made, in microseconds. Members may outlive what they
name: who reads a page looks each up and passes over what is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from shared.streams.keys import reaching_redis, text

READ_AT_ONCE = 1000

OUTLIVE = """
-- A TTL that only ever grows: the key goes with the last of what is in it.
local function outlive(key, until_ms)
  if redis.call('PEXPIRETIME', key) < until_ms then redis.call('PEXPIREAT', key, until_ms) end
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int
    after: str | None = None
    """The member before the first one."""
    ascending: bool = False


async def members(redis: Redis, key: str, page: Page, kinds: frozenset[str] | None = None) -> tuple[list[str], bool]:
    """The page's members, of those kinds alone, and whether there are more. ``after`` must be in the list."""
    found: list[str] = []
    rank = 0 if page.after is None else await _rank(redis, key, page.after, page.ascending) + 1
    while len(found) <= page.limit:
        async with reaching_redis():
            row = await redis.zrange(key, rank, rank + READ_AT_ONCE - 1, desc=not page.ascending)
        if not row:
            break
        rank += len(row)
        names = (text(member) for member in row)
        found += [name for name in names if kinds is None or name.partition(" ")[0] in kinds]
    return found[: page.limit], len(found) > page.limit


async def _rank(redis: Redis, key: str, member: str, ascending: bool) -> int:
    async with reaching_redis():
        rank = await (redis.zrank if ascending else redis.zrevrank)(key, member)
    return -1 if rank is None else int(rank)
