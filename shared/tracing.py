"""Traces of requests across the queue, where OTEL_EXPORTER_OTLP_ENDPOINT asks for them.

Otherwise nothing of OpenTelemetry is imported and every call here does nothing. No span carries text, voices or keys:
what it is about is named by request id and tenant id.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from shared.errors import FleetError

Attributes = Mapping[str, str | int | float | bool]

REQUEST_ID = "kokoro.request_id"
TENANT_ID = "kokoro.tenant_id"
CHUNK = "kokoro.chunk"
"""Position of a chunk in its request, from 0."""

TRACED_CHUNKS = 64
"""Chunks of one utterance that have spans of their own: a book's trace stays one that can be read."""

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


class Span(Protocol):
    """A stretch of time that something took."""

    @property
    def traceparent(self) -> str | None:
        """W3C trace context for whoever goes on with it elsewhere; None: there is no trace."""

    @property
    def trace_id(self) -> str | None:
        """As hex, for logs; None: there is no trace."""

    def rename(self, name: str) -> None:
        """Give it a better name than it was begun with."""

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""

    def event(self, name: str) -> None:
        """Something happened now."""

    def fail(self, code: str) -> None:
        """It did not go well; ``code`` as of ``shared.errors``."""

    def end(self) -> None:
        """It is over now. Once: later calls do nothing."""


class Tracing(Protocol):
    """A process' traces."""

    @property
    def current(self) -> Span:
        """The span that this task works for."""

    def serving(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """A request's span, current inside; goes on with the caller's trace where ``headers`` have one."""

    def begin(self, name: str, attributes: Attributes) -> Span:
        """A part of the current span, from now until it is ended."""

    def record(self, name: str, traceparent: str | None, start_s: float, end_s: float, attributes: Attributes) -> None:
        """A part, already over, of another process' span; unix seconds. Without a ``traceparent`` nothing."""

    def close(self) -> None:
        """Send what has not been sent. Blocks for seconds at most."""


class _NoSpan:
    traceparent = None
    trace_id = None

    def rename(self, name: str) -> None: ...

    def set(self, attributes: Attributes) -> None: ...

    def event(self, name: str) -> None: ...

    def fail(self, code: str) -> None: ...

    def end(self) -> None: ...


class _NoTracing:
    current: Span = _NoSpan()

    @contextmanager
    def serving(self, name: str, headers: Mapping[str, str]) -> Iterator[Span]:  # noqa: ARG002
        yield self.current

    def begin(self, name: str, attributes: Attributes) -> Span:  # noqa: ARG002
        return self.current

    def record(
        self, name: str, traceparent: str | None, start_s: float, end_s: float, attributes: Attributes
    ) -> None: ...

    def close(self) -> None: ...


UNTRACED: Tracing = _NoTracing()
"""Has no state: one is enough for all."""


def tracing_for(component: str) -> Tracing:
    """What the OTEL_* variables ask for. component: gateway, worker or batch; names the service unless they do.

    Raises FleetError if they ask for what is not installed, or for a protocol other than http/protobuf.
    """
    asked_by = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if asked_by is None or _is_switched_off():
        return UNTRACED
    for name in _PROTOCOLS:
        if (protocol := os.environ.get(name) or "http/protobuf") != "http/protobuf":
            raise FleetError(f"{name}={protocol}: traces are sent as http/protobuf only, most often to port 4318.")
    try:
        from shared.otel import OtelTracing
    except ModuleNotFoundError as error:
        raise FleetError(
            f"{asked_by} asks for traces, which need {error.name}: pip install 'kokoro-fleet[otel]', or unset it."
        ) from error
    return OtelTracing(component)


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id, as hex, that a W3C traceparent names; None where there is none."""
    parts = traceparent.split("-") if traceparent else []
    return parts[1] if len(parts) >= 4 else None


def _is_switched_off() -> bool:
    return os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
