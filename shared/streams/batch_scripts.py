"""The steps of a batch's life in Redis; each is one script, so that nobody ever sees half of one.

All that is known of a batch is under ``tts:batch:{id}``: the record itself (hash), and beside it ``:items`` (hash: what
each item is, by its number), ``:leases`` (zset: claimed work by when others may claim it), ``:owners`` and ``:tries``
(hashes, of claimed work), ``:results`` (hash: what became of each item). Items are claimed in order, ``cursor`` being
the first that nobody has claimed yet; so a batch of a million items is no larger a change than one of ten. Work that is
no item is claimed in the same way under a name: ``check`` before the first item, ``finish`` after the last.
"""

from __future__ import annotations

from shared.streams.files import ENTER_FILE
from shared.streams.pages import OUTLIVE

_RECORD = """
local function of(id) return 'tts:batch:' .. id end
local function field(id, name) return redis.call('HGET', of(id), name) end
local function number(id, name) return tonumber(field(id, name) or '0') end
local function keep(id, part) redis.call('PEXPIREAT', of(id) .. part, number(id, 'kept_until_ms')) end

local function enter_status(id, status)
  redis.call('HSET', of(id), 'status', status, status .. '_at', math.floor(now_ms() / 1000))
end

local function lease(id, member, until_ms)
  redis.call('ZADD', of(id) .. ':leases', until_ms, member)
  keep(id, ':leases')
end

local function disown(id, member)
  redis.call('HDEL', of(id) .. ':owners', member)
end

-- No item is claimed any more, what is being worked on is taken from its owners; what is there is to be finished.
local function wind_up(id, status, ending)
  redis.call('DEL', of(id) .. ':leases', of(id) .. ':owners', of(id) .. ':tries')
  enter_status(id, status)
  redis.call('HSET', of(id), 'ending', ending)
  lease(id, 'finish', 0)
end
"""

_BATCH = OUTLIVE + _RECORD

CREATE = (
    _BATCH
    + """
local id, tenant, kind, kept_until_ms, digest = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
if digest ~= '' then
  local made = redis.call('GET', 'tts:made:' .. digest)
  if made and redis.call('EXISTS', of(made)) == 1 then return made end
  redis.call('SET', 'tts:made:' .. digest, id, 'PXAT', kept_until_ms)
end
redis.call('DEL', of(id) .. ':results')  -- of one that had this id and was forgotten
redis.call('HSET', of(id), unpack(ARGV, 6))
redis.call('HSET', of(id), 'kind', kind, 'kept_until_ms', kept_until_ms, 'status', 'validating')
redis.call('PEXPIREAT', of(id), kept_until_ms)
lease(id, 'check', 0)
redis.call('ZADD', 'tts:batches:of:' .. tenant, now_us(), kind .. ' ' .. id)
redis.call('HSET', 'tts:batches:open', id, tenant)
outlive('tts:batches:of:' .. tenant, kept_until_ms)
outlive('tts:batches:open', kept_until_ms)
return id
"""
)

CLAIM = (
    _BATCH
    + """
local id, owner, lease_ms, with_items = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local status, now = field(id, 'status'), now_ms()

local function due()
  if with_items then return redis.call('ZRANGEBYSCORE', of(id) .. ':leases', '-inf', now, 'LIMIT', 0, 1)[1] end
  for _, step in ipairs({'check', 'finish'}) do
    local at = redis.call('ZSCORE', of(id) .. ':leases', step)
    if at and tonumber(at) <= now then return step end
  end
end

if not status then
  redis.call('HDEL', 'tts:batches:open', id)
  return {}
end
if (status == 'validating' or status == 'in_progress') and now >= number(id, 'expires_at') * 1000 then
  wind_up(id, 'finalizing', 'expired')
  status = 'finalizing'
end
local member = due()
if not member then
  local cursor = number(id, 'cursor')
  if not with_items or status ~= 'in_progress' or cursor >= number(id, 'total') then return {} end
  member = string.format('%d', cursor)
  redis.call('HSET', of(id), 'cursor', cursor + 1)
end
lease(id, member, now + lease_ms)
redis.call('HSET', of(id) .. ':owners', member, owner)
local tries = redis.call('HINCRBY', of(id) .. ':tries', member, 1)
keep(id, ':owners')
keep(id, ':tries')
return {member, redis.call('HGET', of(id) .. ':items', member) or '', tries}
"""
)

RENEW = (
    _BATCH
    + """
local owner, until_ms, kept = ARGV[1], now_ms() + ARGV[2], {}
for i = 3, #ARGV, 2 do
  local id, member = ARGV[i], ARGV[i + 1]
  kept[#kept + 1] = 0
  if redis.call('HGET', of(id) .. ':owners', member) == owner then
    redis.call('ZADD', of(id) .. ':leases', until_ms, member)
    kept[#kept] = 1
  end
end
return kept
"""
)

GIVE_BACK = (
    _BATCH
    + """
local id, member, owner, delay_ms, is_a_try = unpack(ARGV)
if redis.call('HGET', of(id) .. ':owners', member) ~= owner then return 0 end
lease(id, member, now_ms() + delay_ms)
disown(id, member)
if is_a_try == '0' then redis.call('HINCRBY', of(id) .. ':tries', member, -1) end
return 1
"""
)

BEGIN = (
    _BATCH
    + """
local id, owner, total, characters = unpack(ARGV)
if redis.call('HGET', of(id) .. ':owners', 'check') ~= owner then return 0 end
redis.call('DEL', of(id) .. ':leases', of(id) .. ':owners', of(id) .. ':tries')
enter_status(id, 'in_progress')
redis.call('HSET', of(id), 'total', total, 'total_characters', characters)
return 1
"""
)

SETTLE = (
    ENTER_FILE
    + _RECORD
    + """
local id, member, count, result, characters, audio_ms, ends_all = unpack(ARGV)
if field(id, 'status') ~= 'in_progress' then return 0 end
if redis.call('HSETNX', of(id) .. ':results', member, result) == 0 then return 0 end
keep(id, ':results')
redis.call('ZREM', of(id) .. ':leases', member)
redis.call('HDEL', of(id) .. ':tries', member)
disown(id, member)
redis.call('HINCRBY', of(id), count, 1)
redis.call('HINCRBY', of(id), 'characters', characters)
redis.call('HINCRBY', of(id), 'audio_ms', audio_ms)
for i = 8, #ARGV, 6 do enter_file(unpack(ARGV, i, i + 5)) end
if ends_all == '1' or number(id, 'done') + number(id, 'failed') >= number(id, 'total') then
  wind_up(id, 'finalizing', 'completed')
end
return 1
"""
)

CLOSE = (
    ENTER_FILE
    + _RECORD
    + """
local id, step, owner, status, outcome, keeps_results = unpack(ARGV)
if redis.call('HGET', of(id) .. ':owners', step) ~= owner then return 0 end
enter_status(id, status)
redis.call('HSET', of(id), 'outcome', outcome)
redis.call('HDEL', 'tts:batches:open', id)
redis.call('DEL', of(id) .. ':leases', of(id) .. ':owners', of(id) .. ':tries', of(id) .. ':items')
if keeps_results == '0' then redis.call('DEL', of(id) .. ':results') end
for i = 7, #ARGV, 6 do enter_file(unpack(ARGV, i, i + 5)) end
return 1
"""
)

CANCEL = (
    _BATCH
    + """
local status = field(ARGV[1], 'status')
if status ~= 'validating' and status ~= 'in_progress' then return 0 end
wind_up(ARGV[1], 'cancelling', 'cancelled')
return 1
"""
)

FORGET = (
    _BATCH
    + """
local id, tenant, kind = unpack(ARGV)
if redis.call('HEXISTS', 'tts:batches:open', id) == 1 then return 0 end
-- Whoever ended it may still be deleting what its results name.
redis.call('PEXPIRE', of(id) .. ':results', 3600000)
redis.call('ZREM', 'tts:batches:of:' .. tenant, kind .. ' ' .. id)
return redis.call('DEL', of(id))
"""
)
