"""The gateway's side of the streams."""

from __future__ import annotations

import time
from collections.abc import Iterable
from enum import Enum, auto

from redis.asyncio import Redis

from shared.contract import ChunkJob, Lane, Reply, UnreadableMessage, decode_reply, encode
from shared.streams.connection import blocking_reads
from shared.streams.keys import (
    GATEWAY_MISSED_HEARTBEATS,
    GROUP,
    Ahead,
    Prospect,
    WorkerRecord,
    cancel_key,
    consumers,
    leases_key,
    promised_key,
    reaching_redis,
    record_of,
    reply_key,
    worker_key,
)
from shared.streams.lanes import AHEAD, PROMISE, PUBLISH, WITHDRAW, audio_ms, flow_of, time_to_keep_ms, waiting_id

READ_REPLIES_AT_ONCE = 32
"""Frames a gateway takes in one read; bounds what one read can bring into memory."""


class Beat(Enum):
    """What a heartbeat found of the reply stream."""

    KEPT = auto()
    MOVED = auto()
    """Redis was started again, or failed over to a replica: its last moments may be forgotten, jobs among them."""
    NEW = auto()
    """It was missing: at the start, after too many missed heartbeats, or since Redis lost its memory."""


class GatewayStreams:
    """The gateway's side: publish jobs, read replies, cancel, see who works."""

    def __init__(self, redis: Redis, gateway_id: str, heartbeat_s: float) -> None:
        self._redis = redis
        self._reads = blocking_reads(redis)
        self._ttl_ms = int(GATEWAY_MISSED_HEARTBEATS * heartbeat_s * 1000)
        self._read_ids: list[bytes] = []
        self._server = ""
        self._publish = redis.register_script(PUBLISH)
        self._withdraw = redis.register_script(WITHDRAW)
        self._ahead = redis.register_script(AHEAD)
        self._promise = redis.register_script(PROMISE)
        self.reply_stream = reply_key(gateway_id)

    async def heartbeat(self) -> Beat:
        """Keep the reply stream, by which workers know that this gateway lives: without it they drop its jobs."""
        async with reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.pexpire(self.reply_stream, self._ttl_ms)
                pipe.info("server")
                kept, server = await pipe.execute()
            before, self._server = self._server, str(server["run_id"])
            if kept:
                return Beat.KEPT if self._server == before else Beat.MOVED
            # An entry trimmed at once leaves an empty stream: workers only write to one that is there.
            async with self._redis.pipeline() as pipe:
                pipe.xadd(self.reply_stream, {"open": ""}, maxlen=0, approximate=False)
                pipe.pexpire(self.reply_stream, self._ttl_ms)
                await pipe.execute()
            return Beat.NEW

    async def leave(self) -> None:
        """Take the reply stream away: frames still under way vanish instead of leaking."""
        async with reaching_redis():
            await self._redis.delete(self.reply_stream)

    async def publish(self, job: ChunkJob, tenant_max_chunks: int | None = None, weight: float = 1.0) -> bool:
        """Queue a job behind those of its flow; one that still waits there stays as it is. False, and nothing is done:
        its tenant has as many queued and running as ``tenant_max_chunks`` says. What is queued counts as an expiring
        lease, until its worker acks it. ``weight``: its tenant's share of a crowded lane is in proportion to it.
        """
        now_ms = int(time.time() * 1000)
        leases = leases_key(job.tenant_id) if job.tenant_id and tenant_max_chunks else ""
        args = [
            job.lane.value,
            waiting_id(job.request_id, job.seq),
            flow_of(job.tenant_id, job.request_id),
            audio_ms(job),
            time_to_keep_ms(job, now_ms),
            encode(job),
            leases,
            tenant_max_chunks or 0,
            f"{weight:g}",
        ]
        async with reaching_redis():
            return bool(await self._publish(args=args))

    async def ahead(self, tenant_id: str, request_id: str) -> Prospect:
        """What a new job of this tenant, or of this request if it has none, would wait for in each lane."""
        about = [GROUP, flow_of(tenant_id, request_id), promised_key(tenant_id)]
        async with reaching_redis():
            promised, *rows = await self._ahead(args=[*about, *(lane.value for lane in Lane)])
        lanes = {
            lane: Ahead(held / 1000, before / 1000, waiting / 1000, flows)
            for lane, (held, before, waiting, flows) in zip(Lane, rows, strict=True)
        }
        return Prospect(lanes, promised / 1000)

    async def promise(self, tenant_id: str, *, earliest_s: float, cost_s: float, most_s: float) -> float:
        """Give somebody who is refused a turn ``cost_s`` long, behind all that were promised before.

        Returns in how many seconds it is: ``earliest_s`` or later, and ``most_s`` where that would be later still.
        """
        times_ms = [round(1000 * seconds) for seconds in (earliest_s, cost_s, most_s)]
        async with reaching_redis():
            return int(await self._promise(args=[promised_key(tenant_id), *times_ms])) / 1000

    async def cancel(self, request_id: str, ttl_s: float, seqs: Iterable[int] = (), tenant_id: str = "") -> None:
        """Tell all workers that nobody waits for this request any more; those of its jobs ``seqs`` that still wait are
        taken out.
        """
        ids = [waiting_id(request_id, seq) for seq in seqs]
        async with reaching_redis():
            if ids:  # first what gives back memory: the other may be refused for want of it
                leases = leases_key(tenant_id) if tenant_id else ""
                await self._withdraw(args=[flow_of(tenant_id, request_id), leases, *ids])
            await self._redis.set(cancel_key(request_id), "1", px=max(1, int(ttl_s * 1000)))

    async def read_replies(self, block_ms: int) -> list[Reply | UnreadableMessage]:
        """Wait for replies. They are taken off the stream by the next call, so that a broken connection loses none:
        after one, some may come twice.
        """
        async with reaching_redis(), self._reads.pipeline(transaction=False) as pipe:
            if self._read_ids:
                pipe.xdel(self.reply_stream, *self._read_ids)
            pipe.xread({self.reply_stream: "0-0"}, READ_REPLIES_AT_ONCE, block_ms)
            found = (await pipe.execute())[-1]
        entries = found[0][1] if found else []
        self._read_ids = [entry_id for entry_id, _ in entries]
        return [_reply_or_error(entry[b"reply"]) for _, entry in entries]

    async def workers(self) -> list[WorkerRecord]:
        """All live workers."""
        async with reaching_redis():
            names = await consumers(self._redis, Lane.STANDARD)
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hgetall(worker_key(name))
                hashes = await pipe.execute()
        return [record_of(name, fields) for name, fields in zip(names, hashes, strict=True) if fields]


def _reply_or_error(packed: bytes) -> Reply | UnreadableMessage:
    try:
        return decode_reply(packed)
    except UnreadableMessage as error:
        return error
