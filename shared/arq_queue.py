"""arq's queue as this fleet uses it: its jobs and their results are msgpack, never pickle."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgpack
from arq.connections import ArqRedis
from redis.asyncio import Redis

RESULT_LIFE = timedelta(days=1)
"""How long arq keeps what became of a job."""


def packed(job: dict[str, Any]) -> bytes:
    """arq's ``job_serializer``. An exception, the result of a job that failed, is kept as what it says."""
    body: bytes = msgpack.packb(job, default=str)
    return body


def unpacked(body: bytes) -> dict[str, Any]:
    """arq's ``job_deserializer``."""
    job: dict[str, Any] = msgpack.unpackb(body)
    return job


def arq_queue(redis: Redis) -> ArqRedis:
    """The queue on the connections that ``redis`` has."""
    return ArqRedis(redis.connection_pool, job_serializer=packed, job_deserializer=unpacked)
