"""A fleet that is watched: scraped, traced, and its logs read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Process, Service, _free_port, running_service, running_valkey, wait_until

SECRET = "quixotic"  # noqa: S105 - no password
"""A word that is in all that these tests have spoken, and must be in no log and no span."""


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as the collector got it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any]
    events: tuple[str, ...]
    failed: bool


@dataclass
class Collector:
    """An OTLP/HTTP collector on loopback that keeps what it gets."""

    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(of_resource.resource.attributes)["service.name"]
            for of_scope in of_resource.scope_spans:
                self.spans += [_received(service, span) for span in of_scope.spans]

    def trace(self, trace_id: str) -> list[ReceivedSpan]:
        """The spans of a trace, in the order in which they began."""
        return sorted((span for span in self.spans if span.trace_id == trace_id), key=lambda span: span.start_ns)


def _received(service: str, span: Any) -> ReceivedSpan:
    return ReceivedSpan(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _attributes(span.attributes),
        tuple(event.name for event in span.events),
        span.status.code == 2,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    received = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        received.url = f"http://127.0.0.1:{server.server_port}"
        yield received
        server.shutdown()
        thread.join()


class Watched(Service):
    """A service whose worker and batch runner have a port for metrics as well."""

    worker_url = ""
    runner_url = ""

    def scrape(self) -> dict[str, Metric]:
        """What the gateway shows, by name."""
        return families(self.url)

    def value(self, name: str, **labels: str) -> float:
        """Of one sample of the gateway's; 0 where there is none."""
        return sample(self.scrape(), name, labels)

    def logs(self) -> list[dict[str, Any]]:
        """All lines of all processes."""
        lines = [line for process in [self.gateway, *self.workers] for line in process.log.read_text().splitlines()]
        return [json.loads(line) for line in lines]


def families(url: str) -> dict[str, Metric]:
    answer = httpx.get(f"{url}/metrics", timeout=10)
    assert answer.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def sample(found: Mapping[str, Metric], name: str, labels: Mapping[str, str]) -> float:
    samples = [each for family in found.values() for each in family.samples if each.name == name]
    return sum(each.value for each in samples if labels.items() <= each.labels.items())


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Watched]:
    """One gateway, one worker: both traced, both scraped."""
    folder: Path = tmp_path_factory.mktemp("watched")
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "METRICS_TENANT_LABEL": "true",
        "ENABLE_DEBUG_ENDPOINTS": "true",
        "CACHE_MAX_MB": "16",
        "FAKE_SPEED_FACTOR": "60",
        "TEMP_FILE_DIR": str(folder / "downloads"),
        "STORAGE_URL": f"file://{folder}/storage",
    }
    port = _free_port()
    with running_valkey() as server, running_service(server.url, folder, environment, workers=0) as running:
        running.__class__ = Watched
        assert isinstance(running, Watched)
        running.worker_url = f"http://127.0.0.1:{port}"
        running.start_worker(METRICS_PORT=str(port), METRICS_HOST="127.0.0.1")
        runner_port = _free_port()
        running.runner_url = f"http://127.0.0.1:{runner_port}"
        of_runner = {"REDIS_URL": server.url, "METRICS_PORT": str(runner_port), "HEARTBEAT_S": "0.3"}
        runner = Process("batch", {**environment, **of_runner}, folder / "runner.log")
        running.workers.append(runner)  # so that it ends with the rest, and its log is read with theirs
        running.wait_ready()
        wait_until(lambda: bool(running.value("kokoro_workers", engine="fake")), "the worker is seen")
        yield running
