"""``shared.tracing`` on OpenTelemetry's SDK: spans go to a collector as OTLP over HTTP, in batches, in a thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.tracing import Attributes, Span

_PROPAGATOR = TraceContextTextMapPropagator()


class OtelSpan:
    """See ``shared.tracing.Span``."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(self._span, Context()))
        return carrier.get("traceparent")

    @property
    def trace_id(self) -> str | None:
        context = self._span.get_span_context()
        return format_trace_id(context.trace_id) if context.is_valid else None

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def event(self, name: str) -> None:
        self._span.add_event(name)

    def fail(self, code: str) -> None:
        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        if self._span.is_recording():
            self._span.end()


class OtelTracing:
    """See ``shared.tracing.Tracing``. Sampling, batching and the exporter are as the OTEL_* variables say."""

    def __init__(self, component: str) -> None:
        ours = Resource.create({SERVICE_NAME: f"kokoro-fleet-{component}"})
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("kokoro-fleet")

    @property
    def current(self) -> Span:
        return OtelSpan(trace.get_current_span())

    @contextmanager
    def serving(self, name: str, headers: Mapping[str, str]) -> Iterator[Span]:
        caller = _PROPAGATOR.extract(headers, Context())
        with self._tracer.start_as_current_span(
            name, caller, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            yield OtelSpan(span)

    def begin(self, name: str, attributes: Attributes) -> Span:
        return OtelSpan(self._tracer.start_span(name, attributes=attributes))

    def record(self, name: str, traceparent: str | None, start_s: float, end_s: float, attributes: Attributes) -> None:
        if traceparent is None:
            return
        parent = _PROPAGATOR.extract({"traceparent": traceparent}, Context())
        span = self._tracer.start_span(
            name, parent, SpanKind.CONSUMER, attributes=attributes, start_time=int(start_s * 1e9)
        )
        span.end(int(end_s * 1e9))

    def close(self) -> None:
        self._provider.shutdown()
