"""Keys, the records kept under them, and the way every call to Redis goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from shared.contract import ChunkJob, Lane
from shared.errors import QueueFull, QueueUnavailable

GROUP = "workers"
DEAD_KEY = "tts:dead"
DEAD_MAX_JOBS = 10_000
MISSED_HEARTBEATS = 3
"""After so many a worker counts as dead."""
GATEWAY_MISSED_HEARTBEATS = 10
"""And a gateway. It is given longer: a worker taken for dead by mistake costs a chunk spoken twice, a gateway all its
streams. As long as requests under way wait for a queue that is gone, by default."""
ANSWER_TIMEOUT_S = 5
"""Longer than any blocking read; a Redis that takes longer counts as gone. So long may a caller wait for its 503."""


def jobs_key(lane: Lane) -> str:
    return f"tts:jobs:{lane.value}"


def reply_key(gateway_id: str) -> str:
    return f"tts:reply:{gateway_id}"


def cancel_key(request_id: str) -> str:
    return f"tts:cancel:{request_id}"


def worker_key(worker_id: str) -> str:
    return f"tts:worker:{worker_id}"


def running_key(worker_id: str) -> str:
    return f"tts:running:{worker_id}"


def leases_key(tenant_id: str) -> str:
    return f"tts:tenant:{tenant_id}"


def promised_key(tenant_id: str) -> str:
    return f"tts:promised:{tenant_id}"


class Reader(NamedTuple):
    """Who waits for a job's audio."""

    request_id: str
    reply_stream: str
    """Empty where nobody does and it shall be spoken all the same, as after an operator's requeue."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job in a worker's hands, still pending in Redis."""

    entry_id: str
    lane: Lane
    job: ChunkJob
    at_ms: int = 0
    """When it was published, unless that is when it came to the stream."""
    deaths: int = 0
    """Workers that died while it ran: it may have been what killed them."""
    interruptions: int = 0
    """How often this worker has begun and not finished it."""

    @property
    def reader(self) -> Reader:
        return Reader(self.job.request_id, self.job.reply_stream)

    @property
    def published_ms(self) -> int:
        """Unix time at which it was published, by Redis' clock."""
        return self.at_ms or int(self.entry_id.partition("-")[0])


@dataclass(frozen=True, slots=True)
class Ahead:
    """Audio seconds in a lane, as one flow sees them; estimates from the jobs' lengths."""

    held_s: float
    """In workers' hands, or next in them."""
    before_s: float
    """Waiting, and to go before the flow's next job."""
    waiting_s: float
    """Waiting in all."""
    flows: int
    """How many take turns in it."""


class Prospect(NamedTuple):
    """What a flow's next job would find."""

    lanes: Mapping[Lane, Ahead]
    promised_s: float
    """Until the last turn is over that was promised to callers who were refused; 0: none is."""


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """What a worker says of itself with each heartbeat."""

    id: str
    engine: str
    voices: tuple[str, ...]
    capacity: float
    """Audio seconds per second of all jobs together, measured before the first one and then smoothed; 0: unknown."""
    jobs_done: int = 0
    jobs_cancelled: int = 0
    jobs_expired: int = 0
    jobs_failed: int = 0
    audio_s: float = 0.0
    realtime_factor: float = 0.0
    """A job of ``a`` seconds of audio, alone, takes ``fixed_cost_s + a / realtime_factor``; 0: not known, as from a
    worker of an older release."""
    fixed_cost_s: float = 0.0
    load_s: float = 0.0
    """Seconds that its next job waits until the model is loaded; 0: it is loaded."""
    model: str = ""
    """Names all that its samples depend on; workers of one name speak alike. Empty: not known, as from a worker of an
    older release."""
    jobs_interrupted: int = 0
    """Begun and given up: for somebody who cannot wait, and then begun anew, or since nobody waited any more."""


@asynccontextmanager
async def reaching_redis() -> AsyncIterator[None]:
    """Bounds what is asked of Redis in time, the wait for a connection included.

    Raises QueueFull where it has no memory left, QueueUnavailable for any other trouble with it.
    """
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            yield
    except OutOfMemoryError as error:
        raise QueueFull("The queue has no memory left.") from error
    except (RedisError, OSError) as error:
        raise QueueUnavailable(f"The queue cannot be reached: {str(error) or type(error).__name__}") from error


async def consumers(redis: Redis, lane: Lane) -> list[str]:
    try:
        rows = await redis.xinfo_consumers(jobs_key(lane), GROUP)
    except ResponseError as error:
        if "no such key" in str(error).lower() or str(error).startswith("NOGROUP"):
            return []  # no worker has ever joined
        raise
    return [text(row["name"]) for row in rows]


def record_of(worker_id: str, fields: dict[bytes, bytes]) -> WorkerRecord:
    said = {text(key): text(value) for key, value in fields.items()}
    return WorkerRecord(
        id=worker_id,
        engine=said.get("engine", ""),
        voices=tuple(said.get("voices", "").split()),
        capacity=float(said.get("capacity", 0)),
        jobs_done=int(said.get("jobs_done", 0)),
        jobs_cancelled=int(said.get("jobs_cancelled", 0)),
        jobs_expired=int(said.get("jobs_expired", 0)),
        jobs_failed=int(said.get("jobs_failed", 0)),
        jobs_interrupted=int(said.get("jobs_interrupted", 0)),
        audio_s=float(said.get("audio_s", 0)),
        realtime_factor=float(said.get("realtime_factor", 0)),
        fixed_cost_s=float(said.get("fixed_cost_s", 0)),
        load_s=float(said.get("load_s", 0)),
        model=said.get("model", ""),
    )


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
