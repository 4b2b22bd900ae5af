"""The scripts of ``limits``: what each takes and gives is said below it."""

from __future__ import annotations

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

TAKE = (
    _LIMITS
    + """
local tenant, month, id, window_ms, num_slices = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local lease_ms, month_ms, not_known_ms = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local requests, characters, budget = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local streams, held = tonumber(ARGV[12]), tonumber(ARGV[13])
local most = {}
for i, name in ipairs({'requests', 'characters', 'streams', 'held', 'month'}) do most[name] = tonumber(ARGV[13 + i]) end
local work = ARGV[19]

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
if work ~= '' then
  work = of_month .. ':' .. work
  if redis.call('EXISTS', work) == 1 then budget = 0 end
end
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
    if work ~= '' then redis.call('SET', work, '', 'PX', ARGV[20]) end
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
"""tenant, month, lease or '', the window in ms, its slices, for how long the lease and a month are kept in ms, the wait
in ms that is told where none is known; then the costs: requests, characters, characters of the month, streams and
characters held; then the limits of requests, characters, streams, characters held, characters of the month, -1: none;
the id of work that takes from the month only once, or '', and how long that is known in ms →
the limit that refuses, or '', and the ms after which it would not; requests that count and the ms until none of them
does, characters that count and theirs. Takes everything, or nothing."""

GIVE_BACK = _LIMITS + "give_back(keys_of(ARGV[1]), ARGV[2])"
"""tenant, lease."""

RENEW = (
    _LIMITS
    + """
local key, now, lease_ms = keys_of(ARGV[1]), now_ms(), tonumber(ARGV[2])
for i = 3, #ARGV do redis.call('ZADD', key.leases, 'XX', now + lease_ms, ARGV[i]) end
keep(key.leases, lease_ms)
keep(key.held, lease_ms)
"""
)
"""tenant, ms from now, leases: those that there still are are held for so long."""

LESSEN = (
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
"""tenant, lease, characters: it holds so many less."""
