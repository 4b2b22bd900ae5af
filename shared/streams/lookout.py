"""The fleet at one moment, for whoever watches it. However much is queued, a look costs Redis about the same."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from shared.contract import Lane
from shared.streams.gateway import GatewayStreams
from shared.streams.keys import DEAD_KEY, Ahead, WorkerRecord, reaching_redis
from shared.streams.operator import LaneState, OperatorStreams


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
class FleetState:
    """What waits, who works, and what both mean for a new request."""

    lanes: tuple[LaneState, ...]
    """Every lane, highest first."""
    ahead: Mapping[Lane, Ahead]
    """What a new flow finds in each lane."""
    workers: tuple[WorkerRecord, ...]
    num_dead: int
    """Jobs that were given up and are kept for an operator to see."""
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


class Lookout:
    """Looks at everything at once. Raises QueueUnavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._gateway = GatewayStreams(redis, "lookout", heartbeat_s=1.0)
        self._operator = OperatorStreams(redis)

    async def look(self) -> FleetState:
        """The fleet now."""
        started = time.perf_counter()
        ahead = (await self._gateway.ahead("", "")).lanes
        lanes = await self._operator.lanes()
        workers = await self._operator.workers()
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
        return FleetState(tuple(lanes), ahead, tuple(workers), int(num_dead), server)
