"""The gateway's side of the streams."""

from __future__ import annotations

from redis.asyncio import Redis

from shared.contract import ChunkJob, Lane, Reply, UnreadableMessage, decode_reply, encode
from shared.streams.keys import (
    WorkerRecord,
    cancel_key,
    consumers,
    jobs_key,
    reaching_redis,
    record_of,
    reply_key,
    worker_key,
)

READ_REPLIES_AT_ONCE = 32
"""Frames a gateway takes in one read; bounds what one read can bring into memory."""


class GatewayStreams:
    """The gateway's side: publish jobs, read replies, cancel, see who works."""

    def __init__(self, redis: Redis, gateway_id: str, heartbeat_s: float) -> None:
        self._redis = redis
        self._ttl_ms = int(60 * heartbeat_s * 1000)
        self._read_ids: list[bytes] = []
        self.reply_stream = reply_key(gateway_id)

    async def heartbeat(self) -> bool:
        """Keep the reply stream. False: it was missing and is new, as at the start or after Redis lost its memory."""
        async with reaching_redis():
            if await self._redis.pexpire(self.reply_stream, self._ttl_ms):
                return True
            # An entry trimmed at once leaves an empty stream: workers only write to one that is there.
            await self._redis.xadd(self.reply_stream, {"open": ""}, maxlen=0, approximate=False)
            await self._redis.pexpire(self.reply_stream, self._ttl_ms)
            return False

    async def leave(self) -> None:
        """Take the reply stream away: frames still under way vanish instead of leaking."""
        async with reaching_redis():
            await self._redis.delete(self.reply_stream)

    async def publish(self, job: ChunkJob) -> None:
        async with reaching_redis():
            await self._redis.xadd(jobs_key(job.lane), {"job": encode(job)})

    async def cancel(self, request_id: str, ttl_s: float) -> None:
        """Tell all workers that nobody waits for this request any more."""
        async with reaching_redis():
            await self._redis.set(cancel_key(request_id), "1", px=max(1, int(ttl_s * 1000)))

    async def read_replies(self, block_ms: int) -> list[Reply | UnreadableMessage]:
        """Wait for replies. They are taken off the stream by the next call, so that a broken connection loses none:
        after one, some may come twice.
        """
        async with reaching_redis(), self._redis.pipeline(transaction=False) as pipe:
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
