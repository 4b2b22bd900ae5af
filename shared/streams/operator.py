"""The operator's side of the streams: what waits, who has it, what nobody could do, and another try for that."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.contract import ChunkJob, Lane, UnreadableMessage, decode_job
from shared.streams.gateway import GatewayStreams
from shared.streams.keys import DEAD_KEY, GROUP, WorkerRecord, jobs_key, reaching_redis, text

OLDEST_AMONG = 100
"""The oldest waiting job of a lane is looked for among so many that go next. All flows' turns come, each in its own
order, so that what has waited longest is among the first; a look then costs the same however much is queued."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane at one moment."""

    lane: Lane
    waiting: int
    """Jobs that no worker has claimed."""
    waiting_s: float
    """Audio seconds of those among them that are not next; an estimate from their lengths."""
    claimed: dict[str, int]
    """Jobs by the worker that has them."""
    oldest_s: float | None
    """Seconds since the oldest of these was published, as far as OLDEST_AMONG shows; None: there is none."""


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A job that was given up."""

    id: str
    age_s: float
    """Seconds since it was given up."""
    lane: str
    code: str
    reason: str
    job: ChunkJob | None
    """None: this release cannot read it."""


class OperatorStreams:
    """Looks without taking: nothing here but ``requeue`` changes anything. Raises QueueUnavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._gateway = GatewayStreams(redis, "operator", heartbeat_s=1.0)

    async def workers(self) -> list[WorkerRecord]:
        """All live workers."""
        return await self._gateway.workers()

    async def lanes(self) -> list[LaneState]:
        """Every lane, highest first."""
        async with reaching_redis():
            ahead = (await self._gateway.ahead("", "")).lanes
            return [await self._lane(lane, ahead[lane].waiting_s, await self._now_ms()) for lane in Lane]

    async def dead(self, limit: int) -> list[DeadJob]:
        """What was given up, newest first, at most ``limit``."""
        async with reaching_redis():
            now_ms = await self._now_ms()
            graves = await self._redis.xrevrange(DEAD_KEY, count=limit)
        return [_dead_job(text(grave_id), grave, now_ms) for grave_id, grave in graves]

    async def find_dead(self, grave_id: str) -> DeadJob | None:
        """The one of that id, if it is there."""
        async with reaching_redis():
            try:
                graves = await self._redis.xrange(DEAD_KEY, grave_id, grave_id)
            except ResponseError:
                return None  # not an id of any stream
            return next(iter([_dead_job(text(found), grave, await self._now_ms()) for found, grave in graves]), None)

    async def requeue(self, dead: DeadJob, timeout_s: float) -> bool:
        """Put a dead job back into its lane, with ``timeout_s`` to be done in. False: this release cannot read it.

        It is spoken to nobody, for its request has long been answered: what is learnt is whether it can be spoken. It
        leaves the dead only once it is queued: a crash between the two has it done twice rather than lost.
        """
        if dead.job is None:
            return False
        async with reaching_redis():
            deadline_ms = await self._now_ms() + int(timeout_s * 1000)
            await self._gateway.publish(replace(dead.job, deadline_ms=deadline_ms, reply_stream=""))
            await self._redis.xdel(DEAD_KEY, dead.id)
        return True

    async def _now_ms(self) -> int:
        """By Redis' clock, which all ages here are of."""
        seconds, microseconds = await self._redis.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def _lane(self, lane: Lane, waiting_s: float, now_ms: int) -> LaneState:
        claimed, oldest_ms = await self._claimed(lane)
        after = await self._last_delivered(lane)
        next_ones = await self._redis.xrange(jobs_key(lane), f"({after}") if after else []
        published = [_published_ms(entry_id, entry) for entry_id, entry in next_ones]
        waiting = f"tts:wait:{lane.value}"
        kept = [int(value.partition(b":")[0]) for value in await self._next_waiting(waiting)]
        oldest = min([*oldest_ms, *published, *kept], default=None)
        return LaneState(
            lane=lane,
            waiting=len(next_ones) + await self._redis.zcard(waiting),
            waiting_s=waiting_s,
            claimed=claimed,
            oldest_s=None if oldest is None else max(0.0, (now_ms - oldest) / 1000),
        )

    async def _claimed(self, lane: Lane) -> tuple[dict[str, int], list[int]]:
        """Jobs by worker, and when the oldest of them was published."""
        try:
            pending = await self._redis.xpending(jobs_key(lane), GROUP)
        except ResponseError as error:
            if str(error).startswith("NOGROUP"):
                return {}, []  # no worker has ever joined
            raise
        if not pending["pending"]:
            return {}, []
        found = await self._redis.xrange(jobs_key(lane), pending["min"], pending["min"])
        by_worker = {text(row["name"]): int(row["pending"]) for row in pending["consumers"]}
        return by_worker, [_published_ms(entry_id, entry) for entry_id, entry in found]

    async def _last_delivered(self, lane: Lane) -> str | None:
        """The newest entry that a worker has claimed; None where the lane does not exist."""
        try:
            groups = await self._redis.xinfo_groups(jobs_key(lane))
        except ResponseError as error:
            if "no such key" in str(error).lower():
                return None
            raise
        return text(groups[0]["last-delivered-id"]) if groups else "0-0"

    async def _next_waiting(self, waiting: str) -> list[bytes]:
        ids = await self._redis.zrange(waiting, 0, OLDEST_AMONG - 1)
        found = await cast("Awaitable[list[bytes | None]]", self._redis.hmget(f"{waiting}:jobs", ids)) if ids else []
        return [value for value in found if value]


def _published_ms(entry_id: bytes, entry: dict[bytes, bytes]) -> int:
    return int(entry.get(b"at", 0)) or int(text(entry_id).partition("-")[0])


def _dead_job(grave_id: str, grave: dict[bytes, bytes], now_ms: int) -> DeadJob:
    said = {name: text(grave.get(name.encode(), b"")) for name in ("lane", "code", "reason")}
    try:
        job = decode_job(grave.get(b"job", b""))
    except UnreadableMessage:
        job = None
    return DeadJob(grave_id, (now_ms - int(grave_id.partition("-")[0])) / 1000, job=job, **said)
