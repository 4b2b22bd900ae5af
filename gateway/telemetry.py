"""Where the gateway's parts tell what they do: each thing once, for the metrics and for the trace of its request."""

from __future__ import annotations

import time
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from gateway.metrics import GatewayMetrics
from gateway.threads import run_to_end
from shared.contract import AudioFrame, ChunkFailed, Lane
from shared.tracing import CHUNK, TRACED_CHUNKS, UNTRACED, Span, Tracing

PacketT = TypeVar("PacketT")
PacketT_co = TypeVar("PacketT_co", covariant=True)


class Encoder(Protocol[PacketT_co]):
    """A StreamingEncoder or a FileEncoder."""

    def write(self, pcm: NDArray[np.int16], /) -> PacketT_co: ...

    def close(self) -> PacketT_co: ...


class Telemetry:
    """A process' metrics and traces."""

    def __init__(self, metrics: GatewayMetrics | None = None, tracing: Tracing = UNTRACED) -> None:
        self.metrics = metrics or GatewayMetrics(CollectorRegistry())
        self.tracing = tracing

    def span(self, name: str, number: int) -> Span:
        """A part of the trace that is under way, for its chunk ``number``; of late ones there are none."""
        is_wanted = number < TRACED_CHUNKS and self.tracing.current.trace_id is not None
        return self.tracing.begin(name, {CHUNK: number}) if is_wanted else UNTRACED.current

    def answered(self, reply: AudioFrame | ChunkFailed, lane: Lane, span: Span) -> None:
        """A chunk came back whole, or will not; ``span`` was begun when it was published."""
        if isinstance(reply, ChunkFailed):
            self.metrics.failed_chunk(reply.code)
            span.fail(reply.code)
        else:
            self.metrics.answered_chunk(reply, lane)
        span.end()

    def heard(self, began: float) -> None:
        """A stream's first audio is there; ``began``: monotonic seconds."""
        self.metrics.heard(began)
        self.tracing.current.event("first_audio")


class Encoding(Generic[PacketT]):
    """An encoder that works in threads, timed. ``began``: where it is known, what the first audio counts from."""

    def __init__(self, encoder: Encoder[PacketT], telemetry: Telemetry, began: float | None = None) -> None:
        self._encoder = encoder
        self._telemetry = telemetry
        self._unheard_since = began
        self._num_writes = 0

    async def write(self, pcm: NDArray[np.int16]) -> PacketT:
        span, started = self._telemetry.span("encode", self._num_writes), time.perf_counter()
        self._num_writes += 1
        packet = await run_to_end(self._encoder.write, pcm)
        self._telemetry.metrics.encoded(time.perf_counter() - started)
        span.end()
        if packet and self._unheard_since is not None:
            self._telemetry.heard(self._unheard_since)
            self._unheard_since = None
        return packet

    async def close(self) -> PacketT:
        return await run_to_end(self._encoder.close)
