"""What a worker counts. Its own port, METRICS_PORT, shows it; the counts themselves cost next to nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.contract import Lane
from shared.streams import Claimed, WorkerRecord

QUEUE_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
INFERENCE_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 10, 30)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)
SHARE_BUCKETS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75)


class WorkerMetrics:
    """Told of each batch; all else is read from the worker's record when somebody asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._queue = Histogram(
            "kokoro_worker_queue_seconds",
            "From a job's publishing until this worker had it.",
            ["lane"],
            buckets=QUEUE_BUCKETS_S,
            registry=registry,
        )
        for lane in Lane:
            self._queue.labels(lane.value)
        self._inference = Histogram(
            "kokoro_worker_inference_seconds",
            "What the engine took for a batch.",
            buckets=INFERENCE_BUCKETS_S,
            registry=registry,
        )
        self._batch_size = Histogram(
            "kokoro_worker_batch_size", "Jobs in a batch.", buckets=BATCH_BUCKETS, registry=registry
        )
        self._padding = Histogram(
            "kokoro_worker_padding_share",
            "Share of a batch's token positions that were padding.",
            buckets=SHARE_BUCKETS,
            registry=registry,
        )

    def watch(self, record: Callable[[], WorkerRecord], num_held: Callable[[], int]) -> None:
        """Show a worker's record and how many jobs it holds. ``record`` is called from another thread."""
        self._registry.register(_RecordCollector(record, num_held))

    def ran(self, batch: Sequence[Claimed], taken_ms: float, inference_ms: float) -> None:
        """A batch was run: ``taken_ms``, unix time, is when its jobs were taken to be run."""
        for claimed in batch:
            self._queue.labels(claimed.lane.value).observe(max(0.0, taken_ms - claimed.published_ms) / 1000)
        lengths = [len(claimed.job.token_ids) for claimed in batch]
        self._inference.observe(inference_ms / 1000)
        self._batch_size.observe(len(batch))
        self._padding.observe(1 - sum(lengths) / (max(lengths) * len(lengths)))


class _RecordCollector(Collector):
    """The numbers that the worker's heartbeat tells as well: kept once, shown twice."""

    def __init__(self, record: Callable[[], WorkerRecord], num_held: Callable[[], int]) -> None:
        self._record = record
        self._num_held = num_held

    def collect(self) -> Iterator[Metric]:
        record = self._record()
        jobs = CounterMetricFamily("kokoro_worker_jobs", "Jobs that left this worker, by how.", labels=["outcome"])
        for outcome in ("done", "cancelled", "expired", "failed"):
            jobs.add_metric([outcome], getattr(record, f"jobs_{outcome}"))
        yield jobs
        yield CounterMetricFamily(
            "kokoro_worker_jobs_interrupted",
            "Jobs given up in the middle: for one that cannot wait, or since nobody waited.",
            record.jobs_interrupted,
        )
        yield CounterMetricFamily("kokoro_worker_audio_seconds", "Audio made.", record.audio_s)
        yield _gauge("kokoro_worker_jobs_held", "Jobs claimed and not yet begun.", self._num_held())
        yield _gauge(
            "kokoro_worker_capacity_audio_seconds_per_second",
            "Audio made per second of work, as measured; 0: not known yet.",
            record.capacity,
        )
        yield _gauge("kokoro_worker_realtime_factor", "Of a job that runs alone.", record.realtime_factor)
        yield _gauge("kokoro_worker_job_fixed_cost_seconds", "What any job takes, however short.", record.fixed_cost_s)
        yield _gauge("kokoro_worker_model_loaded", "1 while the model is in memory.", float(not record.load_s))
        yield from _gpu_memory()


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value)


def _gpu_memory() -> Iterator[Metric]:
    """Of the worker's GPU, where it has one. Never the first to import torch, nor to begin with CUDA."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return
    free, total = torch.cuda.mem_get_info()
    memory = GaugeMetricFamily(
        "kokoro_worker_gpu_memory_bytes",
        "Memory of the worker's GPU: in tensors, held by torch for tensors, in use by all processes, and there is.",
        labels=["state"],
    )
    memory.add_metric(["allocated"], torch.cuda.memory_allocated())
    memory.add_metric(["reserved"], torch.cuda.memory_reserved())
    memory.add_metric(["used"], total - free)
    memory.add_metric(["total"], total)
    yield memory
