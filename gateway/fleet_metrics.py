"""The fleet's numbers, looked up in Redis when a gateway is scraped, and what the gateway's caches have counted.

Every gateway shows the same fleet: take the maximum over them, never the sum.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.chunk_cache import Counters as CacheCounters
from gateway.idempotency import Counters as KeyCounters
from shared.contract import Lane
from shared.errors import QueueUnavailable
from shared.streams.lookout import FleetState, Lookout

OPEN_STATUSES = ("validating", "in_progress", "finalizing", "cancelling")

MAX_AGE_S = 2.0
"""However many scrape, Redis is looked at no more often."""


class FleetCollector(Collector):
    """Shows the last look; ``refresh`` first. Where Redis is away it says so, and nothing else of the fleet."""

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout
        self._looking = asyncio.Lock()
        self._looked_at = -math.inf
        self._state: FleetState | None = None

    async def refresh(self) -> None:
        """Look, unless somebody just has. Never raises."""
        async with self._looking:
            if time.monotonic() - self._looked_at < MAX_AGE_S:
                return
            try:
                self._state = await self._lookout.look()
            except QueueUnavailable:
                self._state = None
            self._looked_at = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        state = self._state
        yield _gauge("kokoro_redis_up", "1 if Redis answered the last look.", float(state is not None))
        if state is not None:
            yield from _lanes(state)
            yield from _workers(state)
            yield from _batches(state)
            yield from _server(state)


def _lanes(state: FleetState) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("kokoro_queue_jobs", "Jobs not yet answered.", labels=["lane", "state"])
    audio = GaugeMetricFamily(
        "kokoro_queue_audio_seconds", "About how much audio the jobs not yet answered will make.", labels=["lane"]
    )
    oldest = GaugeMetricFamily(
        "kokoro_queue_oldest_job_seconds", "Since the oldest job not yet answered was published.", labels=["lane"]
    )
    flows = GaugeMetricFamily("kokoro_queue_flows", "Tenants or requests that take turns.", labels=["lane"])
    for lane in state.lanes:
        name = lane.lane.value
        jobs.add_metric([name, "waiting"], lane.waiting)
        jobs.add_metric([name, "claimed"], sum(lane.claimed.values()))
        audio.add_metric([name], state.queued_s(lane.lane))
        oldest.add_metric([name], lane.oldest_s or 0.0)
        flows.add_metric([name], state.ahead[Lane(lane.lane)].flows)
    yield from (jobs, audio, oldest, flows)
    yield _gauge("kokoro_dead_jobs", "Jobs that were given up and are kept to be looked at.", state.num_dead)
    if state.predicted_wait_s is not None:
        yield _gauge(
            "kokoro_predicted_wait_seconds", "What a new request would wait for its turn.", state.predicted_wait_s
        )


def _workers(state: FleetState) -> Iterator[Metric]:
    workers = GaugeMetricFamily("kokoro_workers", "Live workers.", labels=["engine"])
    engines = [worker.engine for worker in state.workers]
    for engine in sorted(set(engines)):
        workers.add_metric([engine], engines.count(engine))
    if not engines:
        workers.add_metric(["none"], 0)  # so that "no workers" is a number and no gap
    yield workers
    yield _gauge(
        "kokoro_fleet_capacity_audio_seconds_per_second", "Audio that all live workers make a second.", state.capacity
    )


def _batches(state: FleetState) -> Iterator[Metric]:
    batches = GaugeMetricFamily("kokoro_open_batches", "Batches that are not finished.", labels=["status"])
    statuses = Counter[str](batch.status for batch in state.batches)
    for status in OPEN_STATUSES:
        batches.add_metric([status], statuses[status])
    items = GaugeMetricFamily("kokoro_open_batch_items", "Items of batches that are not finished.", labels=["state"])
    done, failed = sum(batch.done for batch in state.batches), sum(batch.failed for batch in state.batches)
    for name, count in (
        ("done", done),
        ("failed", failed),
        ("waiting", sum(batch.total for batch in state.batches) - done - failed),
    ):
        items.add_metric([name], count)
    yield from (batches, items)


def _server(state: FleetState) -> Iterator[Metric]:
    server = state.server
    yield _gauge("kokoro_redis_look_seconds", "What the last look at Redis took.", server.answer_s)
    yield _gauge("kokoro_redis_memory_bytes", "What Redis uses.", server.used_memory_bytes)
    yield _gauge("kokoro_redis_memory_max_bytes", "What it may use; 0: it has no limit.", server.max_memory_bytes)
    yield _gauge("kokoro_redis_clients", "Connections to Redis.", server.clients)


class SavingsCollector(Collector):
    """What the chunk cache and the idempotency keys of this gateway have saved."""

    def __init__(self, chunks: CacheCounters, keys: KeyCounters) -> None:
        self._chunks = chunks
        self._keys = keys

    def collect(self) -> Iterator[Metric]:
        chunks, keys = self._chunks, self._keys
        asked = CounterMetricFamily("kokoro_cache_chunks", "Chunks looked for in the cache.", labels=["result"])
        asked.add_metric(["hit"], chunks.hits)
        asked.add_metric(["miss"], chunks.misses)
        yield asked
        yield CounterMetricFamily("kokoro_cache_waits", "Hits that another request was making.", chunks.waits)
        yield CounterMetricFamily("kokoro_cache_bypasses", "Requests that did not ask the cache.", chunks.bypassed)
        yield CounterMetricFamily("kokoro_cache_evictions", "Chunks that made room.", chunks.evictions)
        yield CounterMetricFamily("kokoro_cache_errors", "Times that the cache could not be asked.", chunks.errors)
        keyed = CounterMetricFamily(
            "kokoro_idempotent_requests", "Requests with an Idempotency-Key, by what became of them.", labels=["result"]
        )
        for result in ("led", "followed", "reused", "not_kept", "abandoned"):
            keyed.add_metric([result], getattr(keys, result))
        yield keyed


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value)
