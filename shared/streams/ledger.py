"""What is kept in Redis within a bound: the least recently used of it makes room for what is new.

A ledger is two keys: ``{name}:used`` (zset: when each member was last used, in microseconds) and ``{name}:sizes``
(hash: the bytes of each, and under the empty name their sum). A member's own key is ``{name}:of:{member}``, with a TTL
of its own that is never longer than the ledger's knowledge of it, so ``sum >= what is there``, always; what lapsed is
struck off with the next write. All of it changes in scripts, so that no two writers ever see half a change.
"""

from __future__ import annotations

LEDGER = """
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function size_of(name, member)
  return tonumber(redis.call('HGET', name .. ':sizes', member) or '0')
end

local function strike(name, member)
  if redis.call('HEXISTS', name .. ':sizes', member) == 0 then return end
  redis.call('HINCRBY', name .. ':sizes', '', -size_of(name, member))
  redis.call('HDEL', name .. ':sizes', member)
  redis.call('ZREM', name .. ':used', member)
end

local function remove(name, member)
  redis.call('DEL', name .. ':of:' .. member)
  strike(name, member)
end

local function touch(name, member, ttl_ms)
  redis.call('ZADD', name .. ':used', now_us(), member)
  redis.call('PEXPIRE', name .. ':used', ttl_ms + 60000)
  redis.call('PEXPIRE', name .. ':sizes', ttl_ms + 60000)
end

-- Strikes off what lapsed, then removes what was used longest ago until so many bytes more are within the bound.
-- Returns how many were removed, or nil where they never would be.
local function make_room(name, bytes, most, ttl_ms)
  if bytes > most then return nil end
  -- One of the two keys gone, as where Redis itself evicts: nothing is known of what is there, all may go.
  if redis.call('ZCARD', name .. ':used') ~= math.max(0, redis.call('HLEN', name .. ':sizes') - 1) then
    for _, members in ipairs({redis.call('ZRANGE', name .. ':used', 0, -1), redis.call('HKEYS', name .. ':sizes')}) do
      for _, member in ipairs(members) do redis.call('DEL', name .. ':of:' .. member) end
    end
    redis.call('DEL', name .. ':used', name .. ':sizes')
  end
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', name .. ':used', '-inf', now_us() - ttl_ms * 1000)) do
    remove(name, member)
  end
  local removed = 0
  while size_of(name, '') + bytes > most do
    remove(name, redis.call('ZRANGE', name .. ':used', 0, 0)[1])
    removed = removed + 1
  end
  return removed
end

local function enter(name, member, bytes, ttl_ms)
  redis.call('HINCRBY', name .. ':sizes', member, bytes)
  redis.call('HINCRBY', name .. ':sizes', '', bytes)
  touch(name, member, ttl_ms)
end
"""
"""``make_room`` first, then the write that a full memory may refuse, then ``enter``: Redis refuses a script's first
write or none, so nothing is done by halves."""
