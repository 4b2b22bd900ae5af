"""One request, one trace: over a real gateway, a real queue and a real worker, as a collector gets it."""

from __future__ import annotations

import itertools
import secrets
import subprocess
import sys

import httpx
import pytest

from tests.conftest import wait_until
from tests.observability.conftest import SECRET, Collector, ReceivedSpan, Watched

TEXT = f"Someone {secrets.token_hex(2)} said a {SECRET} thing, and said it again. " * 20


def spoken(watched: Watched, trace_id: str, text: str = TEXT, **fields: object) -> httpx.Response:
    """With the trace context of a caller."""
    body = {"input": text, "response_format": "mp3", **fields}
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    return httpx.post(f"{watched.url}/v1/audio/speech", json=body, headers=headers, timeout=60)


def whole_trace(collector: Collector, trace_id: str, *wanted: str) -> list[ReceivedSpan]:
    """Once spans of these names are there."""
    names = set(wanted)
    wait_until(lambda: names <= {span.name for span in collector.trace(trace_id)}, f"spans {names}")
    return collector.trace(trace_id)


@pytest.fixture(scope="module")
def trace_id() -> str:
    return secrets.token_hex(16)


@pytest.fixture(scope="module")
def answer(watched: Watched, trace_id: str) -> httpx.Response:
    response = spoken(watched, trace_id)
    assert response.is_success
    return response


@pytest.fixture(scope="module")
def trace(answer: httpx.Response, collector: Collector, trace_id: str) -> list[ReceivedSpan]:
    """Of a stream of several chunks."""
    names = ("POST /v1/audio/speech", "text", "chunk", "queue", "inference", "encode")
    found = whole_trace(collector, trace_id, *names)
    num_chunks = sum(span.name == "chunk" for span in found)
    wait_until(
        lambda: sum(span.name == "inference" for span in collector.trace(trace_id)) == num_chunks,
        "the worker has sent its spans",
    )
    return collector.trace(trace_id)


def named(trace: list[ReceivedSpan], name: str) -> list[ReceivedSpan]:
    return [span for span in trace if span.name == name]


def test_every_step_has_its_span_in_the_process_that_does_it(trace: list[ReceivedSpan]) -> None:
    steps = {(span.service, span.name) for span in trace}
    gateway, worker = "kokoro-fleet-gateway", "kokoro-fleet-worker"
    assert steps == {
        *((gateway, name) for name in ("POST /v1/audio/speech", "text", "chunk", "encode")),
        *((worker, name) for name in ("queue", "inference")),
    }


def test_the_callers_trace_goes_on_and_every_parent_is_right(trace: list[ReceivedSpan]) -> None:
    [request] = named(trace, "POST /v1/audio/speech")
    assert request.parent_id == "b7ad6b7169203331"
    assert {span.parent_id for name in ("text", "chunk", "encode") for span in named(trace, name)} == {request.span_id}
    chunks = {span.span_id: span.attributes["kokoro.chunk"] for span in named(trace, "chunk")}
    assert sorted(chunks.values()) == list(range(len(chunks)))
    assert len(chunks) > 1
    for name in ("queue", "inference"):
        of_worker = {span.parent_id: span.attributes["kokoro.chunk"] for span in named(trace, name)}
        assert of_worker == chunks


def test_the_steps_follow_each_other(trace: list[ReceivedSpan]) -> None:
    [request] = named(trace, "POST /v1/audio/speech")
    first = {name: named(trace, name)[0] for name in ("text", "chunk", "queue", "inference", "encode")}
    starts = [first[name].start_ns for name in ("text", "chunk", "queue", "inference", "encode")]
    # Redis keeps whole milliseconds of when a chunk was published.
    assert all(later >= earlier - 1_000_000 for earlier, later in itertools.pairwise(starts))
    assert first["chunk"].end_ns >= first["inference"].end_ns
    assert request.end_ns >= max(span.end_ns for span in trace)
    assert "first_audio" in request.events


def test_spans_say_whose_they_are_and_nothing_of_what_was_said(
    trace: list[ReceivedSpan], answer: httpx.Response, collector: Collector
) -> None:
    [request] = named(trace, "POST /v1/audio/speech")
    assert request.attributes["kokoro.request_id"] == answer.headers["x-request-id"]
    assert request.attributes["http.response.status_code"] == 200
    [job, *_] = named(trace, "inference")
    assert job.attributes["kokoro.request_id"] == answer.headers["x-request-id"]
    assert job.attributes["kokoro.batch_size"] >= 1
    assert not [body for body in collector.bodies if SECRET.encode() in body]


def test_the_trace_is_named_in_the_logs_of_its_request(watched: Watched, answer: httpx.Response, trace_id: str) -> None:
    request_id = answer.headers["x-request-id"]
    lines = [line for line in watched.logs() if line.get("request_id") == request_id]
    assert lines
    assert {line.get("trace_id") for line in lines} == {trace_id}


def test_a_failure_is_one_in_the_trace(watched: Watched, collector: Collector) -> None:
    refused = secrets.token_hex(16)
    assert spoken(watched, refused, voice="nobody").status_code == 400
    [request] = whole_trace(collector, refused, "POST /v1/audio/speech")
    assert request.attributes["http.response.status_code"] == 400
    assert not request.failed, "the caller's mistake is no failure of ours"


def test_a_caller_that_does_not_sample_gets_no_trace(watched: Watched, collector: Collector) -> None:
    unsampled, sampled = secrets.token_hex(16), secrets.token_hex(16)
    headers = {"traceparent": f"00-{unsampled}-b7ad6b7169203331-00"}
    assert httpx.get(f"{watched.url}/v1/models", headers=headers).is_success
    assert httpx.get(
        f"{watched.url}/v1/models", headers={"traceparent": f"00-{sampled}-b7ad6b7169203331-01"}
    ).is_success
    whole_trace(collector, sampled, "GET /v1/models")
    assert collector.trace(unsampled) == []


def test_each_item_of_a_batch_is_a_trace(watched: Watched, collector: Collector) -> None:
    unheard = f"Nobody had {secrets.token_hex(4)} spoken before."  # or the cache would have it
    job = httpx.post(f"{watched.url}/v1/audio/jobs", json={"input": unheard})
    assert job.status_code < 300, job.text
    batch_id = job.json()["id"]

    def items() -> list[ReceivedSpan]:
        found = [span for span in collector.spans if span.name == "batch item"]
        return [span for span in found if span.attributes["kokoro.batch_id"] == batch_id]

    wait_until(lambda: bool(items()), "the item's span", 60)
    [item] = items()
    wait_until(lambda: bool(named(collector.trace(item.trace_id), "inference")), "the worker's span")
    assert item.service == "kokoro-fleet-batch"
    assert {"text", "chunk", "encode", "queue", "inference"} <= {span.name for span in collector.trace(item.trace_id)}


ASKED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
PREAMBLE = "import sys; from shared.tracing import tracing_for; "


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PREAMBLE + code],
        env={"PATH": "", "PYTHONPATH": ".", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_nothing_of_opentelemetry_is_loaded_unless_it_is_asked_for() -> None:
    """FastAPI imports its API by itself, a gateway thus too; none of both the SDK."""
    shown = "print(sorted(name for name in sys.modules if name.startswith('opentelemetry')))"
    worker = python(f"import worker.main; tracing_for('worker'); {shown}")
    assert (worker.returncode, worker.stdout.strip()) == (0, "[]"), worker.stderr
    gateway = python(f"import gateway.app; tracing_for('gateway'); {shown}")
    assert gateway.returncode == 0, gateway.stderr
    assert "opentelemetry.sdk" not in gateway.stdout
    assert "opentelemetry.exporter" not in gateway.stdout
    switched_off = python(f"tracing_for('worker'); {shown}", **ASKED, OTEL_SDK_DISABLED="true")
    assert switched_off.stdout.strip() == "[]"


def test_asked_for_and_not_installed_is_told_at_the_start() -> None:
    code = "sys.modules['opentelemetry.sdk.trace'] = None; tracing_for('gateway')"
    result = python(code, **ASKED)
    assert "FleetError: OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, which need" in result.stderr
    assert "pip install 'kokoro-fleet[otel]'" in result.stderr


def test_a_protocol_that_is_not_spoken_is_told_at_the_start() -> None:
    result = python("tracing_for('gateway')", **ASKED, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: traces are sent as http/protobuf" in result.stderr
