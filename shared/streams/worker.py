"""The worker's side of the streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from shared.contract import Addressee, ChunkFailed, Lane, Reply, UnreadableMessage, decode_job, encode
from shared.errors import QueueFull
from shared.streams.connection import blocking_reads
from shared.streams.keys import (
    DEAD_KEY,
    DEAD_MAX_JOBS,
    GROUP,
    MISSED_HEARTBEATS,
    Claimed,
    Reader,
    WorkerRecord,
    cancel_key,
    consumers,
    jobs_key,
    leases_key,
    reaching_redis,
    reply_key,
    running_key,
    text,
    worker_key,
)
from shared.streams.lanes import CLAIM, waiting_id

RESUME_MAX_JOBS = 1000
"""More than any worker holds at once."""

MAX_ORPHANS_AT_ONCE = 300
"""Waiting jobs of dead gateways dropped in one claim: some tens of milliseconds in which Redis serves nobody else."""

RUNNING_TTL_MS = 3_600_000
"""How long it is known which jobs a dead worker was running; far longer than any job's deadline."""

_TAKE = """
local stream, heartbeat, running = unpack(KEYS)
local group, worker, holder, most = unpack(ARGV)
if redis.call('EXISTS', heartbeat) == 1 then return {} end
local taken = {}
for _, pending in ipairs(redis.call('XPENDING', stream, group, '-', '+', most, holder)) do
  local id, deaths = pending[1], pending[4] - 1
  if redis.call('SISMEMBER', running, stream .. ' ' .. id) == 1 then deaths = deaths + 1 end
  local found = redis.call('XCLAIM', stream, group, worker, 0, id, 'RETRYCOUNT', deaths + 1)
  if found[1] then taken[#taken + 1] = {id, deaths, found[1][2]} end
end
return taken
"""
# Redis' count of deliveries carries our count of deaths, for it lives and goes with the pending job: a delivery is one
# more than the deaths so far. One step, so that of several workers who see the same death each job goes to one.

_DELETE_IDLE_CONSUMER = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return -1
"""
# Deleting a consumer deletes its pending entries too: check and delete are one step, or a job could get lost between.


class WorkerStreams:
    """The worker's side: claim, answer, bury; take over from the dead."""

    def __init__(self, redis: Redis, worker_id: str, heartbeat_s: float, max_deliveries: int) -> None:
        self._redis = redis
        self._reads = blocking_reads(redis)
        self._id = worker_id
        self._heartbeat_ms = int(heartbeat_s * 1000)
        self._max_deliveries = max_deliveries
        self._delete_idle = redis.register_script(_DELETE_IDLE_CONSUMER)
        self._claim = redis.register_script(CLAIM)
        self._take = redis.register_script(_TAKE)
        self.num_orphans = 0
        """Jobs that this worker's claims have dropped while they waited, since their gateway was gone."""

    async def heartbeat(self, record: WorkerRecord) -> None:
        """Say that this worker lives; must come before the first claim, or others take its jobs. Where Redis has no
        memory for what it says, that it lives is still heard.
        """
        fields = {**asdict(record), "voices": " ".join(record.voices)}
        ttl_ms = MISSED_HEARTBEATS * self._heartbeat_ms
        try:
            async with reaching_redis(), self._redis.pipeline() as pipe:
                pipe.hset(worker_key(self._id), mapping=fields)
                pipe.pexpire(worker_key(self._id), ttl_ms)
                await pipe.execute()
        except QueueFull:
            async with reaching_redis():
                if not await self._redis.pexpire(worker_key(self._id), ttl_ms):
                    raise

    async def join(self) -> None:
        """Make the lanes and this worker's place in their group, where missing."""
        async with reaching_redis():
            for lane in Lane:
                try:
                    await self._redis.xgroup_create(jobs_key(lane), GROUP, id="0", mkstream=True)
                except ResponseError as error:
                    if not str(error).startswith("BUSYGROUP"):
                        raise
                await self._redis.xgroup_createconsumer(jobs_key(lane), GROUP, self._id)

    async def leave(self) -> None:
        """Take this worker out of the group; call with all claimed jobs acked."""
        async with reaching_redis():
            for lane in Lane:
                await self._delete_consumer(lane, self._id)
            await self._redis.delete(worker_key(self._id), running_key(self._id))

    async def claim(self, room: int, block_ms: int, wishes: Sequence[tuple[Lane, int]] | None = None) -> list[Claimed]:
        """Take up to ``room`` jobs, in the order of ``wishes``: lanes, each with how many to take of it at the most;
        without them highest lane first. When there are none at all, wait up to ``block_ms`` for any; 0: do not.
        """
        asked = [(lane, room) for lane in Lane] if wishes is None else wishes
        wished = [word for lane, most in asked for word in (lane.value, most)]
        async with reaching_redis():
            try:
                orphans, rows = await self._claim(args=[GROUP, self._id, room, MAX_ORPHANS_AT_ONCE, *wished])
                self.num_orphans += orphans
                claimed = [job for lane, *entry in rows for job in await self._open_row(Lane(text(lane)), *entry)]
                if claimed or not block_ms:
                    return claimed
                return await self._wait(block_ms)
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
        await self.join()  # Redis came back without its memory
        return []

    async def begin(self, batch: Iterable[Claimed]) -> None:
        """Say what runs next: should this worker die over it, these jobs are the suspects, and no others."""
        names = [f"{jobs_key(claimed.lane)} {claimed.entry_id}" for claimed in batch]
        key = running_key(self._id)
        async with reaching_redis(), self._redis.pipeline() as pipe:
            pipe.delete(key)
            pipe.sadd(key, *names)
            pipe.pexpire(key, RUNNING_TTL_MS)
            await pipe.execute()

    async def resume(self) -> list[Claimed]:
        """Jobs claimed under this worker's name and never answered, as after the connection broke."""
        claimed: list[Claimed] = []
        async with reaching_redis():
            for lane in Lane:
                keys = [jobs_key(lane), "", ""]  # nobody has died
                rows = await self._take(keys=keys, args=[GROUP, self._id, self._id, RESUME_MAX_JOBS])
                claimed += [job for row in rows for job in await self._open_taken(lane, *row)]
        return claimed

    async def reclaim(self, room: int) -> list[Claimed]:
        """Take over jobs of workers whose heartbeat has gone; bury those over which too many have died."""
        claimed: list[Claimed] = []
        dead: set[str] = set()
        async with reaching_redis():
            for lane in Lane:
                for name in await self._dead_consumers(lane):
                    if len(claimed) < room:
                        claimed += await self._take_over(lane, name, room - len(claimed))
                    await self._delete_consumer(lane, name)
                    dead.add(name)
            await self._forget(dead)
        return claimed

    async def answer(self, claimed: Claimed, replies: Iterable[Reply]) -> None:
        """Write a job's frames, or its failure, and ack it: one transaction."""
        async with reaching_redis(), self._redis.pipeline() as pipe:
            for reply in replies:
                pipe.xadd(claimed.job.reply_stream, {"reply": encode(reply)}, nomkstream=True)
            pipe.xack(jobs_key(claimed.lane), GROUP, claimed.entry_id)
            if tenant_id := claimed.job.tenant_id:
                pipe.zrem(leases_key(tenant_id), waiting_id(claimed.job.request_id, claimed.job.seq))
            await pipe.execute()

    async def gone(self, readers: Iterable[Reader]) -> set[Reader]:
        """Those of them who wait no more: the request was cancelled, or its gateway is gone."""
        asked = sorted({reader for reader in readers if reader.reply_stream})
        if not asked:
            return set()
        async with reaching_redis(), self._redis.pipeline(transaction=False) as pipe:
            pipe.mget([cancel_key(reader.request_id) for reader in asked])
            for reader in asked:
                pipe.exists(reader.reply_stream)
            cancelled, *there = await pipe.execute()
        return {reader for reader, flag, lives in zip(asked, cancelled, there, strict=True) if flag or not lives}

    async def trim(self) -> None:
        """Drop acked jobs from the lanes, up to the oldest one still pending."""
        async with reaching_redis():
            for lane in Lane:
                pending = await self._redis.xpending(jobs_key(lane), GROUP)
                oldest = pending["min"]
                if oldest is None:
                    groups = await self._redis.xinfo_groups(jobs_key(lane))
                    oldest = groups[0]["last-delivered-id"]
                await self._redis.xtrim(jobs_key(lane), minid=text(oldest), approximate=False)

    async def _wait(self, block_ms: int) -> list[Claimed]:
        lane_of = {jobs_key(lane): lane for lane in Lane}
        asked: dict[Any, Any] = dict.fromkeys(lane_of, ">")
        found = await self._reads.xreadgroup(GROUP, self._id, asked, 1, block_ms)
        claimed = []
        for key, entries in found:
            for entry_id, entry in entries:
                claimed += await self._open(lane_of[text(key)], text(entry_id), entry or {})
        return claimed

    async def _open_row(self, lane: Lane, entry_id: bytes, entry: list[bytes]) -> list[Claimed]:
        return await self._open(lane, text(entry_id), dict(zip(entry[::2], entry[1::2], strict=True)))

    async def _open(self, lane: Lane, entry_id: str, entry: dict[bytes, bytes]) -> list[Claimed]:
        packed = entry.get(b"job", b"")
        try:
            return [Claimed(entry_id, lane, decode_job(packed), int(entry.get(b"at", 0)))]
        except UnreadableMessage as error:
            failure = ChunkFailed(error.addressee.request_id, error.addressee.seq, error.code, error.message)
            await self._bury(lane, entry_id, packed, failure, error.addressee)
            return []

    async def _dead_consumers(self, lane: Lane) -> list[str]:
        names = [name for name in await consumers(self._redis, lane) if name != self._id]
        if not names:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.exists(worker_key(name))
            alive = await pipe.execute()
        return [name for name, lives in zip(names, alive, strict=True) if not lives]

    async def _take_over(self, lane: Lane, dead: str, room: int) -> list[Claimed]:
        keys = [jobs_key(lane), worker_key(dead), running_key(dead)]
        rows = await self._take(keys=keys, args=[GROUP, self._id, dead, room])
        taken = [claimed for row in rows for claimed in await self._open_taken(lane, *row)]
        for claimed in taken:
            if claimed.deaths >= self._max_deliveries:
                await self._bury_poison(claimed)
        return [claimed for claimed in taken if claimed.deaths < self._max_deliveries]

    async def _open_taken(self, lane: Lane, entry_id: bytes, deaths: int, entry: list[bytes]) -> list[Claimed]:
        return [replace(claimed, deaths=deaths) for claimed in await self._open_row(lane, entry_id, entry)]

    async def _bury_poison(self, claimed: Claimed) -> None:
        job = claimed.job
        reason = f"This part of the text was given up: {claimed.deaths} workers died over it."
        failure = ChunkFailed(job.request_id, job.seq, "job_undeliverable", reason)
        addressee = Addressee(job.request_id, job.seq, job.reply_stream)
        await self._bury(claimed.lane, claimed.entry_id, encode(job), failure, addressee)

    async def _bury(self, lane: Lane, entry_id: str, packed: bytes, failure: ChunkFailed, addressee: Addressee) -> None:
        async with self._redis.pipeline() as pipe:
            grave: dict[Any, Any] = {"job": packed, "lane": lane.value, "code": failure.code}
            grave["reason"] = failure.message
            pipe.xadd(DEAD_KEY, grave, maxlen=DEAD_MAX_JOBS)
            _tell(pipe, addressee, failure)
            pipe.xack(jobs_key(lane), GROUP, entry_id)
            await pipe.execute()

    async def _forget(self, dead: set[str]) -> None:
        """Of whom no job is left in any lane, nobody asks any more what ran when they died."""
        if dead and (over := dead.difference(*[await consumers(self._redis, lane) for lane in Lane])):
            await self._redis.delete(*map(running_key, over))

    async def _delete_consumer(self, lane: Lane, name: str) -> None:
        await self._delete_idle(keys=[jobs_key(lane)], args=[GROUP, name])


def _tell(pipe: Pipeline, addressee: Addressee, failure: ChunkFailed) -> None:
    if addressee.reply_stream.startswith(reply_key("")):
        pipe.xadd(addressee.reply_stream, {"reply": encode(failure)}, nomkstream=True)
