"""Fair lanes: who goes next inside a lane, decided in Redis for all gateways and workers at once.

Jobs wait in a sorted set, by the *finish tag* of self-clocked fair queueing (Golestani, INFOCOM 1994): a job of cost
c gets ``max(virtual time, last tag of its flow) + c``, and the virtual time is the tag of the job that went last. So
every flow with work gets an equal share of the audio made, whatever it has queued, or one in proportion to its weight,
by which its costs are divided; a new flow goes ahead of all but the
heads of the others; and since each job that goes moves the virtual time on, none waits for ever. A flow is a tenant,
or, for whoever has none, a request.

Workers claim from the lane's stream, as blocking reads and pending lists are there. ``fill`` moves jobs to it just
before they are claimed, plus one, which is what wakes the next worker. It keeps this: *where a job waits, the stream
has one that nobody has claimed*. A worker that blocks on the streams thus misses nothing.

The scripts name their keys themselves, which a Redis Cluster would not allow; a fleet larger than one Redis is cells.
"""

from __future__ import annotations

from shared.contract import ChunkJob

AUDIO_MS_PER_TOKEN = 56
CHUNK_AUDIO_MS = 1000
"""A chunk's audio at speed 1, as ``gateway.text.pacing`` measured it: so much for each token, and so much besides."""

LINGER_MS = 60_000
"""What waits is kept so long past its deadline, for a worker to say that it expired."""

_LANE = """
local function keep(key, ttl_ms)
  if redis.call('PTTL', key) < ttl_ms then redis.call('PEXPIRE', key, ttl_ms) end
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function keys_of(lane)
  return {
    stream = 'tts:jobs:' .. lane,
    waiting = 'tts:wait:' .. lane,
    jobs = 'tts:wait:' .. lane .. ':jobs',
    flows = 'tts:wait:' .. lane .. ':flows',
    weights = 'tts:wait:' .. lane .. ':weights',
    state = 'tts:wait:' .. lane .. ':state',
  }
end

local function number_at(key, field)
  return tonumber(redis.call('HGET', key, field) or '0')
end

-- What a job of that cost moves its flow's tag on by: who weighs more is further ahead with the same work.
local function share(key, flow, cost)
  return cost / tonumber(redis.call('HGET', key.weights, flow) or '1')
end

local function unclaimed(stream, most)
  local after = '0-0'
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if not groups.err and groups[1] then
    for i = 1, #groups[1], 2 do
      if groups[1][i] == 'last-delivered-id' then after = groups[1][i + 1] end
    end
  end
  return #redis.call('XRANGE', stream, '(' .. after, '+', 'COUNT', most)
end

local function tidy(key)
  if redis.call('EXISTS', key.waiting) == 0 then
    redis.call('DEL', key.flows, key.jobs, key.weights)
    redis.call('HDEL', key.state, 'virtual', 'audio_ms')
  else
    redis.call('ZREMRANGEBYSCORE', key.flows, '-inf', number_at(key.state, 'virtual'))
  end
end

local function withdraw(key, id, flow, leases)
  local kept = redis.call('HGET', key.jobs, id)
  if not kept then return end
  local cost = string.match(kept, '^%d+:(%d+):')
  redis.call('HDEL', key.jobs, id)
  redis.call('ZREM', key.waiting, id)
  redis.call('HINCRBY', key.state, 'audio_ms', -cost)
  -- What was never spoken is not held against the flow.
  if redis.call('ZSCORE', key.flows, flow) then redis.call('ZINCRBY', key.flows, -share(key, flow, cost), flow) end
  if leases ~= '' then redis.call('ZREM', leases, id) end
end

-- True once the job's gateway is gone and the job with it; anything strange about a job is for its worker to tell.
local function drop_orphan(key, id, job)
  local read, body = pcall(cmsgpack.unpack, job)
  if not read or type(body) ~= 'table' or type(body.reply_stream) ~= 'string' then return false end
  if body.reply_stream == '' or redis.call('EXISTS', body.reply_stream) == 1 then return false end
  local tenant = body.tenant_id or ''
  local flow = tenant ~= '' and 'tenant:' .. tenant or 'request:' .. tostring(body.request_id)
  withdraw(key, id, flow, tenant ~= '' and 'tts:tenant:' .. tenant or '')
  return true
end

local function fill(key, target, max_orphans)
  local ready, orphans = unclaimed(key.stream, target), 0
  while ready < target do
    local head = redis.call('ZRANGE', key.waiting, 0, 0, 'WITHSCORES')
    if #head == 0 then break end
    local kept = redis.call('HGET', key.jobs, head[1])
    local at, cost, job
    if kept then at, cost, job = string.match(kept, '^(%d+):(%d+):(.*)$') end
    if kept and orphans < max_orphans and drop_orphan(key, head[1], job) then
      orphans = orphans + 1
    else
      if kept then
        -- First what a full memory refuses: then the job stays where it is.
        local added = redis.pcall('XADD', key.stream, '*', 'job', job, 'at', at)
        if type(added) == 'table' then break end
        redis.call('HINCRBY', key.state, 'audio_ms', -cost)
        redis.call('HDEL', key.jobs, head[1])
        ready = ready + 1
      end
      redis.call('ZREM', key.waiting, head[1])
      redis.call('HSET', key.state, 'virtual', head[2])
    end
  end
  tidy(key)
  return orphans
end
"""

PUBLISH = (
    _LANE
    + """
local lane, id, flow, cost, ttl_ms, job, leases, most, weight = unpack(ARGV)
local key, now = keys_of(lane), now_ms()
cost, ttl_ms = tonumber(cost), tonumber(ttl_ms)
if redis.call('HEXISTS', key.jobs, id) == 1 then return 1 end
if leases ~= '' then
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
  if redis.call('ZCARD', leases) >= tonumber(most) then return 0 end
end
redis.call('HSET', key.jobs, id, string.format('%d:%d:', now, cost) .. job)
if leases ~= '' then
  redis.call('ZADD', leases, now + ttl_ms, id)
  keep(leases, ttl_ms)
end
local last = tonumber(redis.call('ZSCORE', key.flows, flow) or '0')
if weight ~= '1' then
  redis.call('HSET', key.weights, flow, weight)
  keep(key.weights, ttl_ms)
elseif redis.call('EXISTS', key.weights) == 1 then
  redis.call('HDEL', key.weights, flow)
end
local tag = math.max(number_at(key.state, 'virtual'), last) + share(key, flow, cost)
redis.call('ZADD', key.flows, tag, flow)
redis.call('ZADD', key.waiting, tag, id)
redis.call('HINCRBY', key.state, 'audio_ms', cost)
local mean = number_at(key.state, 'mean_ms')
if mean == 0 then mean = cost end
redis.call('HSET', key.state, 'mean_ms', math.floor(mean + (cost - mean) / 8))
for _, name in ipairs({'waiting', 'jobs', 'flows', 'state'}) do keep(key[name], ttl_ms) end
fill(key, 1, 0)
return 1
"""
)
"""lane, id, flow, cost in ms, ttl in ms, job, key of the tenant's leases or '', their number at the most, weight of the
flow → 1, or 0: the tenant has no lease left and nothing was done."""

CLAIM = (
    _LANE
    + """
local group, worker, room, max_orphans = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local claimed, orphans = {}, 0
for i = 5, #ARGV, 2 do
  local count = math.min(tonumber(ARGV[i + 1]), room)
  if count > 0 then
    local key = keys_of(ARGV[i])
    orphans = orphans + fill(key, count + 1, max_orphans - orphans)
    local read = redis.call('XREADGROUP', 'GROUP', group, worker, 'COUNT', count, 'STREAMS', key.stream, '>')
    for _, entry in ipairs(read and read[1][2] or {}) do
      claimed[#claimed + 1] = {ARGV[i], entry[1], entry[2] or {}}
      room = room - 1
    end
  end
end
return {orphans, claimed}
"""
)
"""group, worker, room, orphans to drop at the most, then lanes in order, each with how many jobs to take of it at the
most → how many orphans were dropped, then {lane, id, entry} of each job."""

WITHDRAW = (
    _LANE
    + """
local flow, leases = ARGV[1], ARGV[2]
for _, lane in ipairs({'urgent', 'standard', 'batch'}) do
  local key = keys_of(lane)
  for i = 3, #ARGV do
    withdraw(key, ARGV[i], flow, leases)
  end
  tidy(key)
end
"""
)
"""flow, key of the tenant's leases or '', then ids: takes out those that still wait."""

AHEAD = (
    _LANE
    + """
local found = {math.max(redis.call('PTTL', ARGV[3]), 0)}
for i = 4, #ARGV do
  local key = keys_of(ARGV[i])
  local mean = number_at(key.state, 'mean_ms')
  local pending = redis.pcall('XPENDING', key.stream, ARGV[1])
  local held = (pending.err and 0 or pending[1]) + unclaimed(key.stream, 10)
  local num_waiting = redis.call('ZCARD', key.waiting)
  local first = 0
  if num_waiting > 0 then
    local last = tonumber(redis.call('ZSCORE', key.flows, ARGV[2]) or '0')
    local tag = math.max(number_at(key.state, 'virtual'), last) + share(key, ARGV[2], mean)
    first = redis.call('ZCOUNT', key.waiting, '-inf', tag) * number_at(key.state, 'audio_ms') / num_waiting
  end
  local flows = redis.call('ZCARD', key.flows)
  found[#found + 1] = {math.floor(held * mean), math.floor(first), number_at(key.state, 'audio_ms'), flows}
end
return found
"""
)
"""group, flow, key of the flow's promised turns, then lanes → ms until the last promised turn; for each lane, in ms of
audio: held by workers, waiting before the flow's next job, waiting in all; and how many flows have work that waits.
Derived, not counted: from the pending lists and the waiting jobs."""

PROMISE = """
local key, earliest, cost, most = unpack(ARGV)
local turn = math.min(math.max(redis.call('PTTL', key), tonumber(earliest)), tonumber(most))
redis.call('SET', key, '', 'PX', math.max(1, turn + tonumber(cost)))
return turn
"""
"""key of promised turns; in ms: the earliest that one can be, what it takes, the longest that may be said → ms until
the turn, behind all that were promised before. The key lives until it is over: its TTL is the time to the next turn."""


def audio_ms(job: ChunkJob) -> int:
    """About how many milliseconds of audio a job makes, at least 1: what it costs its flow."""
    return max(1, round((CHUNK_AUDIO_MS + AUDIO_MS_PER_TOKEN * len(job.token_ids)) / job.speed))


def flow_of(tenant_id: str, request_id: str) -> str:
    """What shares a lane evenly with others of its kind: a tenant, or a request of nobody in particular."""
    return f"tenant:{tenant_id}" if tenant_id else f"request:{request_id}"


def waiting_id(request_id: str, seq: int) -> str:
    """Names a job among those that wait and among its tenant's leases."""
    return f"{request_id}:{seq}"


def time_to_keep_ms(job: ChunkJob, now_ms: int) -> int:
    """How long what belongs to a job is kept in Redis if nobody takes it away."""
    return max(0, job.deadline_ms - now_ms) + LINGER_MS
