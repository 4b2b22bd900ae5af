"""The fleet at one moment, for whoever watches it. However much is queued, a look costs Redis about the same."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from redis.asyncio import Redis

from shared.contract import Lane
from shared.streams.batches import BatchRecord, BatchStore
from shared.streams.gateway import GatewayStreams
from shared.streams.keys import DEAD_KEY, Ahead, WorkerRecord, reaching_redis
from shared.streams.operator import LaneState, OperatorStreams
from shared.streams.usage import Counts, UsageStore


@dataclass(frozen=True, slots=True)
class ServerState:
    """Redis, or Valkey, itself."""

    used_memory_bytes: int
    max_memory_bytes: int
    """0: no limit is set."""
    clients: int
    answer_s: float
    """How long this whole look took."""


@dataclass(frozen=True, slots=True)
class TenantState:
    """What a tenant has under way, and has had today."""

    id: str
    """Empty: requests of nobody in particular."""
    open_streams: int
    """As far as its limits make them be counted."""
    held_characters: int
    """Of open requests and unfinished batch work; the same."""
    today: Counts


@dataclass(frozen=True, slots=True)
class FleetState:
    """What waits, who works, and what both mean for a new request."""

    lanes: tuple[LaneState, ...]
    """Every lane, highest first."""
    ahead: Mapping[Lane, Ahead]
    """What a new flow finds in each lane."""
    workers: tuple[WorkerRecord, ...]
    num_dead: int
    """Jobs that were given up and are kept for an operator to see."""
    batches: tuple[BatchRecord, ...]
    """Those that are not finished, at most MAX_BATCHES of them."""
    server: ServerState

    @property
    def capacity(self) -> float:
        """Audio seconds per second of all workers that have measured themselves."""
        return sum(worker.capacity for worker in self.workers)

    def queued_s(self, lane: Lane) -> float:
        """Audio seconds that are not yet answered in a lane: waiting and claimed."""
        return self.ahead[lane].waiting_s + self.ahead[lane].held_s

    @property
    def predicted_wait_s(self) -> float | None:
        """Seconds until a new request's chunks get their turns, as ``gateway.fleet`` predicts it; None: not known."""
        if not self.workers or not all(worker.capacity for worker in self.workers):
            return None
        held_s = sum(ahead.held_s for ahead in self.ahead.values())
        before_s = self.ahead[Lane.URGENT].before_s + self.ahead[Lane.STANDARD].before_s
        return min(worker.load_s for worker in self.workers) + (held_s + before_s) / self.capacity


MAX_BATCHES = 100
MAX_TENANTS = 200
"""Looked at in one look."""


class Lookout:
    """Looks at everything at once. Raises QueueUnavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._batches = BatchStore(redis, heartbeat_s=1.0)
        self._usage = UsageStore(redis, kept_days=1)
        self._gateway = GatewayStreams(redis, "lookout", heartbeat_s=1.0)
        self._operator = OperatorStreams(redis)

    async def look(self) -> FleetState:
        """The fleet now."""
        started = time.perf_counter()
        ahead = (await self._gateway.ahead("", "")).lanes
        lanes = await self._operator.lanes()
        workers = await self._operator.workers()
        batches = [await self._batches.get(batch_id) for batch_id in islice(await self._batches.open(), MAX_BATCHES)]
        async with reaching_redis(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xlen(DEAD_KEY)
            pipe.info("memory")
            pipe.info("clients")
            num_dead, memory, clients = await pipe.execute()
        server = ServerState(
            used_memory_bytes=int(memory["used_memory"]),
            max_memory_bytes=int(memory["maxmemory"]),
            clients=int(clients["connected_clients"]),
            answer_s=time.perf_counter() - started,
        )
        return FleetState(
            lanes=tuple(lanes),
            ahead=ahead,
            workers=tuple(workers),
            num_dead=int(num_dead),
            batches=tuple(batch for batch in batches if batch),
            server=server,
        )

    async def tenants(self) -> list[TenantState]:
        """Tenants that used something today, in UTC: those who used most first, at most MAX_TENANTS."""
        today: dict[str, Counts] = {}
        for account, counts in (await self._usage.of_all([datetime.now(UTC).date()])).items():
            today[account.tenant_id] = today.get(account.tenant_id, Counts()).plus(counts)
        ids = sorted(today, key=lambda tenant_id: -today[tenant_id].audio_ms)[:MAX_TENANTS]
        async with reaching_redis(), self._redis.pipeline(transaction=False) as pipe:
            for tenant_id in ids:
                pipe.hmget(f"tts:limit:{tenant_id}:held", [":streams", ":characters"])
            held = await pipe.execute()
        return [
            TenantState(tenant_id, int(streams or 0), int(characters or 0), today[tenant_id])
            for tenant_id, (streams, characters) in zip(ids, held, strict=True)
        ]
