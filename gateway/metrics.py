"""What a gateway, or a batch runner, counts. One object per process, handed down from its composition root."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.contract import AudioFrame, Lane
from shared.metrics import TenantNames
from shared.tenants import Tenant

FIRST_AUDIO_BUCKETS_S = (0.1, 0.2, 0.3, 0.45, 0.7, 1, 1.5, 2, 3, 5, 8, 13, 20, 30)
"""FIRST_AUDIO_TARGET_MS' default is one of them, and so is the 2 s that the alert rules ask for."""
REQUEST_BUCKETS_S = (0.01, 0.05, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
REALTIME_BUCKETS = (0.5, 0.8, 1, 1.25, 1.5, 2, 3, 5, 8, 13, 20, 50, 100, 300)
QUEUE_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
WORK_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "WEBSOCKET"})
"""A caller may send any word; others are counted as one."""


class GatewayMetrics:
    """Everything is counted whether or not somebody asks: that costs a few microseconds a chunk."""

    def __init__(self, registry: CollectorRegistry, *, tenant_label: bool = False) -> None:
        self.registry = registry
        self._add_http(registry)
        self._add_streams(registry)
        self._add_chunks(registry)
        self._by_tenant = _ByTenant(registry) if tenant_label else None

    def _add_http(self, registry: CollectorRegistry) -> None:
        labels = ["route", "method", "status"]
        self._requests = Counter("kokoro_requests", "Requests, when they are over.", labels, registry=registry)
        self._request_seconds = Histogram(
            "kokoro_request_seconds",
            "From a request's first byte to its answer's last.",
            ["route"],
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self._rejections = Counter(
            "kokoro_rejections",
            "Requests that were answered with an error, by its code.",
            ["reason"],
            registry=registry,
        )
        self._aborted = Counter(
            "kokoro_aborted_streams",
            "Answers that broke off after their first byte, by the error's code.",
            ["reason"],
            registry=registry,
        )
        self.websockets = Gauge("kokoro_open_websockets", "WebSockets that are open.", registry=registry)
        self.waiting_for_workers = Gauge(
            "kokoro_requests_waiting_for_workers",
            "Requests that are held until there is a first worker: what an autoscaler wakes one for.",
            registry=registry,
        )

    def _add_streams(self, registry: CollectorRegistry) -> None:
        self._open_streams = Gauge(
            "kokoro_open_streams", "Utterances that are being spoken to somebody.", registry=registry
        )
        self._first_audio = Histogram(
            "kokoro_first_audio_seconds",
            "Of streams: from the request's having been read to its first audio.",
            buckets=FIRST_AUDIO_BUCKETS_S,
            registry=registry,
        )
        self._realtime_factor = Histogram(
            "kokoro_realtime_factor",
            "Of whole utterances: seconds of audio per second that it took, slow readers included.",
            buckets=REALTIME_BUCKETS,
            registry=registry,
        )
        self._characters = Counter("kokoro_characters", "Of the input of utterances begun.", registry=registry)
        self._audio_seconds = Counter("kokoro_audio_seconds", "Audio made for callers.", registry=registry)
        self._cancellations = Counter(
            "kokoro_cancellations",
            "Utterances that were left before their end, by what they waited for.",
            ["stage"],
            registry=registry,
        )
        for stage in ("text", "queue", "audio"):
            self._cancellations.labels(stage)

    def _add_chunks(self, registry: CollectorRegistry) -> None:
        self._text_seconds = _work("kokoro_text_seconds", "What each chunk's text was waited for.", registry)
        self._encode_seconds = _work("kokoro_encode_seconds", "Encoding a second of audio, or less.", registry)
        self._batch_wait_seconds = _work("kokoro_batch_wait_seconds", "From having a job to running it.", registry)
        self._inference_seconds = _work("kokoro_inference_seconds", "The batch that a chunk was in.", registry)
        self._queue_seconds = Histogram(
            "kokoro_queue_seconds",
            "From a chunk's publishing until a worker had it.",
            ["lane"],
            buckets=QUEUE_BUCKETS_S,
            registry=registry,
        )
        self._failed_chunks = Counter(
            "kokoro_failed_chunks", "Chunks that workers gave up, by the error's code.", ["reason"], registry=registry
        )
        self._batch_size = Histogram(
            "kokoro_batch_size", "Jobs in the batch that a chunk was in.", buckets=BATCH_BUCKETS, registry=registry
        )
        for lane in Lane:
            self._queue_seconds.labels(lane.value)

    def answered(self, route: str, method: str, status: str, took_s: float, tenant: Tenant) -> None:
        """A request is over. ``route`` is a template, never a path as it was sent."""
        self._requests.labels(route, method if method in METHODS else "other", status).inc()
        self._request_seconds.labels(route).observe(took_s)
        if self._by_tenant:
            self._by_tenant.of(tenant).requests.inc()

    def rejected(self, code: str) -> None:
        self._rejections.labels(code).inc()

    def aborted(self, code: str) -> None:
        self._aborted.labels(code).inc()

    def heard(self, began: float) -> None:
        """The first audio of a stream is there; ``began``: monotonic seconds."""
        self._first_audio.observe(time.monotonic() - began)

    @contextmanager
    def speaking(self, num_chars: int, tenant: Tenant) -> Iterator[Progress]:
        """An utterance of so many characters."""
        by_tenant = self._by_tenant.of(tenant) if self._by_tenant else None
        self._characters.inc(num_chars)
        if by_tenant:
            by_tenant.characters.inc(num_chars)
        with self._open_streams.track_inprogress():
            yield Progress(self._audio_seconds, self._realtime_factor, by_tenant)

    def cancelled(self, num_published: int, num_taken: int) -> None:
        """An utterance was left with so many chunks published and taken."""
        stage = "audio" if num_taken else "queue" if num_published else "text"
        self._cancellations.labels(stage).inc()

    def answered_chunk(self, frame: AudioFrame, lane: Lane) -> None:
        """A chunk's last frame is here."""
        self._queue_seconds.labels(lane.value).observe(frame.timings.queued_ms / 1000)
        self._batch_wait_seconds.observe(frame.timings.batch_wait_ms / 1000)
        self._inference_seconds.observe(frame.timings.inference_ms / 1000)
        self._batch_size.observe(frame.batch_size)

    def failed_chunk(self, code: str) -> None:
        self._failed_chunks.labels(code).inc()

    def texted(self, took_s: float) -> None:
        """A chunk's text was waited for so long."""
        self._text_seconds.observe(took_s)

    def encoded(self, took_s: float) -> None:
        self._encode_seconds.observe(took_s)


class OfTenant(NamedTuple):
    """A tenant's own counters."""

    requests: Counter
    characters: Counter
    audio_seconds: Counter


class _ByTenant:
    """The same again by tenant, in families of their own: nobody's sums change by whether they are there."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._names = TenantNames()
        self._families = OfTenant(
            Counter("kokoro_tenant_requests", "Requests by tenant.", ["tenant"], registry=registry),
            Counter("kokoro_tenant_characters", "Characters by tenant.", ["tenant"], registry=registry),
            Counter("kokoro_tenant_audio_seconds", "Audio by tenant.", ["tenant"], registry=registry),
        )

    def of(self, tenant: Tenant) -> OfTenant:
        name = self._names.label(tenant.id)
        return OfTenant(*(family.labels(name) for family in self._families))


class Progress:
    """An utterance that is being spoken."""

    def __init__(self, audio_seconds: Counter, realtime_factor: Histogram, of_tenant: OfTenant | None) -> None:
        self._audio_seconds = audio_seconds
        self._realtime_factor = realtime_factor
        self._of_tenant = of_tenant
        self._began = time.monotonic()
        self._audio_s = 0.0

    def add(self, audio_s: float) -> None:
        """So much more audio is there."""
        self._audio_s += audio_s
        self._audio_seconds.inc(audio_s)
        if self._of_tenant:
            self._of_tenant.audio_seconds.inc(audio_s)

    def finish(self) -> None:
        """All of it was taken."""
        if self._audio_s:
            self._realtime_factor.observe(self._audio_s / max(time.monotonic() - self._began, 1e-6))


def _work(name: str, meaning: str, registry: CollectorRegistry) -> Histogram:
    return Histogram(name, meaning, buckets=WORK_BUCKETS_S, registry=registry)
