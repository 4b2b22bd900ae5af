"""Where a worker tells what it does: for its metrics, and for the traces of the requests whose jobs it has."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from shared.streams import Claimed
from shared.tracing import CHUNK, REQUEST_ID, TENANT_ID, UNTRACED, Tracing, trace_id_of
from worker.metrics import WorkerMetrics


class WorkerTelemetry:
    """A worker's metrics and traces."""

    def __init__(self, worker_id: str, metrics: WorkerMetrics | None = None, tracing: Tracing = UNTRACED) -> None:
        self.metrics = metrics or WorkerMetrics(CollectorRegistry())
        self._tracing = tracing
        self._worker_id = worker_id

    def ran(self, batch: Sequence[Claimed], taken_ms: float, started_ms: float, inference_ms: float) -> None:
        """A batch was run: taken to be run and started at these unix times."""
        self.metrics.ran(batch, taken_ms, inference_ms)
        for claimed in batch:
            job = claimed.job
            about: dict[str, str | int] = {REQUEST_ID: job.request_id, TENANT_ID: job.tenant_id, CHUNK: job.seq}
            about["kokoro.lane"] = claimed.lane.value
            # Redis' clock says when it was published, ours when it was taken.
            published_ms = min(claimed.published_ms, taken_ms)
            self._tracing.record("queue", job.traceparent, published_ms / 1000, taken_ms / 1000, about)
            about |= {"kokoro.batch_size": len(batch), "kokoro.worker_id": self._worker_id}
            ended_ms = started_ms + inference_ms
            self._tracing.record("inference", job.traceparent, taken_ms / 1000, ended_ms / 1000, about)


def named(claimed: Claimed) -> dict[str, str | int]:
    """Whose job it is, for the logs; the trace as gateways name it there."""
    job = claimed.job
    about: dict[str, str | int] = {"request_id": job.request_id, "seq": job.seq}
    if job.tenant_id:
        about["tenant"] = job.tenant_id
    if trace_id := trace_id_of(job.traceparent):
        about["trace_id"] = trace_id
    return about
