"""What a gateway counts, and under how many names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest
from redis.asyncio import Redis
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import NoMatchFound
from starlette.types import Message, Receive, Scope, Send

from gateway.api.observed import CLIENT_LEFT, Observed, RouteNoted
from gateway.app import create_app
from gateway.chunk_cache import Counters as CacheCounters
from gateway.fleet_metrics import FleetCollector, SavingsCollector
from gateway.idempotency import Counters as KeyCounters
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from gateway.telemetry import Telemetry
from gateway.threads import from_any_thread
from gateway.watched import shown, telemetry_for
from shared.contract import AudioFrame, ChunkFailed, ChunkTimings, Lane
from shared.errors import QueueUnavailable
from shared.metrics import MAX_TENANTS, OTHER_TENANTS
from shared.streams import connect
from shared.streams.lookout import FleetState, Lookout
from shared.tenants import EVERYBODY, Tenant
from shared.tracing import UNTRACED
from tests.conftest import Valkey, _free_port

FRAME = AudioFrame(
    request_id="req_1",
    seq=0,
    attempt="a",
    part=0,
    last=True,
    pcm=b"",
    sample_rate=24_000,
    durations=(),
    timings=ChunkTimings(queued_ms=1500, batch_wait_ms=20, inference_ms=300),
    batch_size=4,
    worker_id="w",
)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_methods_nobody_knows_share_a_name(registry: CollectorRegistry) -> None:
    metrics = GatewayMetrics(registry)
    for method in ("GET", "BREW", "WHEN"):
        metrics.answered("/v1/models", method, "200", 0.1, EVERYBODY)
    assert value(registry, "kokoro_requests_total", route="/v1/models", method="other", status="200") == 2
    assert value(registry, "kokoro_request_seconds_count", route="/v1/models") == 3


def test_tenants_are_counted_only_where_asked_for_and_only_so_many(registry: CollectorRegistry) -> None:
    GatewayMetrics(registry).answered("/", "GET", "200", 0.1, Tenant(id="acme"))
    assert b"acme" not in generate_latest(registry)
    other = CollectorRegistry()
    metrics = GatewayMetrics(other, tenant_label=True)
    for number in range(MAX_TENANTS + 5):
        metrics.answered("/", "GET", "200", 0.1, Tenant(id=f"t{number}"))
    assert value(other, "kokoro_tenant_requests_total", tenant="t0") == 1
    assert value(other, "kokoro_tenant_requests_total", tenant=OTHER_TENANTS) == 5
    assert value(other, "kokoro_requests_total", route="/", method="GET", status="200") == MAX_TENANTS + 5


def test_an_utterance_is_open_while_it_is_spoken(registry: CollectorRegistry) -> None:
    metrics = GatewayMetrics(registry, tenant_label=True)
    with metrics.speaking(120, Tenant(id="acme")) as progress:
        assert value(registry, "kokoro_open_streams") == 1
        progress.add(1.5)
        progress.add(0.5)
        assert value(registry, "kokoro_realtime_factor_count") == 0
        progress.finish()
    assert value(registry, "kokoro_open_streams") == 0
    assert value(registry, "kokoro_characters_total") == 120
    assert value(registry, "kokoro_audio_seconds_total") == 2
    assert value(registry, "kokoro_tenant_audio_seconds_total", tenant="acme") == 2
    assert value(registry, "kokoro_realtime_factor_count") == 1


@pytest.mark.parametrize(("published", "taken", "stage"), [(0, 0, "text"), (2, 0, "queue"), (2, 1, "audio")])
def test_who_leaves_is_counted_by_what_it_waited_for(
    registry: CollectorRegistry, published: int, taken: int, stage: str
) -> None:
    GatewayMetrics(registry).cancelled(published, taken)
    stages = {each: value(registry, "kokoro_cancellations_total", stage=each) for each in ("text", "queue", "audio")}
    assert stages == {"text": 0, "queue": 0, "audio": 0} | {stage: 1}


def test_a_chunks_timings_come_from_its_worker(registry: CollectorRegistry) -> None:
    telemetry = Telemetry(GatewayMetrics(registry))
    telemetry.answered(FRAME, Lane.BATCH, UNTRACED.current)
    telemetry.answered(ChunkFailed("req_1", 1, "deadline_exceeded", "too late"), Lane.BATCH, UNTRACED.current)
    assert value(registry, "kokoro_queue_seconds_sum", lane="batch") == 1.5
    assert value(registry, "kokoro_inference_seconds_sum") == pytest.approx(0.3)
    assert value(registry, "kokoro_batch_size_sum") == 4
    assert value(registry, "kokoro_failed_chunks_total", reason="deadline_exceeded") == 1


def test_what_the_caches_saved(registry: CollectorRegistry) -> None:
    registry.register(SavingsCollector(CacheCounters(hits=5, misses=2), KeyCounters(led=3, followed=1)))
    assert value(registry, "kokoro_cache_chunks_total", result="hit") == 5
    assert value(registry, "kokoro_idempotent_requests_total", result="followed") == 1


class CountingLookout(Lookout):
    """Counts looks, and fails where it is told to."""

    looks = 0
    fails = False

    async def look(self) -> FleetState:
        self.looks += 1
        if self.fails:
            raise QueueUnavailable("away")
        return await super().look()


@pytest.fixture
async def lookout(redis: Redis, valkey: Valkey) -> AsyncGenerator[CountingLookout, None]:
    client = connect(valkey.url)
    yield CountingLookout(client)
    await client.aclose()


async def test_many_scrapes_cost_one_look(registry: CollectorRegistry, lookout: CountingLookout) -> None:
    collector = FleetCollector(lookout)
    registry.register(collector)
    await asyncio.gather(*(collector.refresh() for _ in range(20)))
    assert lookout.looks == 1
    assert value(registry, "kokoro_redis_up") == 1
    assert value(registry, "kokoro_workers", engine="none") == 0
    assert value(registry, "kokoro_queue_jobs", lane="urgent", state="waiting") == 0
    assert value(registry, "kokoro_predicted_wait_seconds") is None


async def test_a_scrape_without_redis_says_so(registry: CollectorRegistry, lookout: CountingLookout) -> None:
    lookout.fails = True
    collector = FleetCollector(lookout)
    registry.register(collector)
    await collector.refresh()
    assert value(registry, "kokoro_redis_up") == 0
    assert value(registry, "kokoro_workers", engine="none") is None


class Caller:
    """Sends one request through ``app`` as Observed wraps it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.telemetry = Telemetry(GatewayMetrics(registry))

    async def call(self, messages: list[Message], *, kind: str = "http", route: str | None = None) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if route:
                scope["route"] = type("Route", (), {"path": route})
            for message in messages:
                await send(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None: ...

        scope: Scope = {"type": kind, "path": "/secret/path", "headers": []}
        if kind == "http":
            scope["method"] = "POST"
        await Observed(RouteNoted(app), self.telemetry)(scope, receive, send)


@pytest.fixture
def caller(registry: CollectorRegistry) -> Iterator[Caller]:
    yield Caller(registry)
    assert b"/secret/path" not in generate_latest(registry)


async def test_answers_are_counted_by_template_and_status(registry: CollectorRegistry, caller: Caller) -> None:
    start = {"type": "http.response.start", "status": 200}
    await caller.call([start], route="/v1/download/{file_name}")
    await caller.call([start])
    await caller.call([])
    labels = {"method": "POST", "status": "200"}
    assert value(registry, "kokoro_requests_total", route="/v1/download/{file_name}", **labels) == 1
    assert value(registry, "kokoro_requests_total", route="other", **labels) == 1
    assert value(registry, "kokoro_requests_total", route="other", method="POST", status=CLIENT_LEFT) == 1


async def test_a_websocket_is_counted_by_its_close_code(registry: CollectorRegistry, caller: Caller) -> None:
    messages: list[Message] = [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 4408}]
    await caller.call(messages, kind="websocket", route="/v1/audio/speech/stream")
    labels = {"route": "/v1/audio/speech/stream", "method": "WEBSOCKET", "status": "4408"}
    assert value(registry, "kokoro_requests_total", **labels) == 1


async def test_a_port_of_its_own_shows_the_fleet_as_well(lookout: CountingLookout) -> None:
    port = _free_port()
    settings = GatewaySettings(metrics_port=port, metrics_host="127.0.0.1")
    telemetry = telemetry_for("gateway", settings)
    collector = FleetCollector(lookout)
    telemetry.metrics.registry.register(collector)
    with shown(telemetry, settings, before_scrape=from_any_thread(collector.refresh)):
        page = await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/metrics")
    assert "kokoro_redis_up 1.0" in page.text
    assert 'kokoro_build_info{component="gateway"' in page.text


@pytest.mark.parametrize(
    ("settings", "is_on_the_service"),
    [({}, True), ({"metrics_enabled": False}, False), ({"metrics_port": 9100}, False)],
)
def test_the_page_is_on_the_services_port_unless_the_settings_say_else(
    settings: dict[str, Any], is_on_the_service: bool
) -> None:
    app = create_app(GatewaySettings(**settings))
    inner: Any = app
    while not isinstance(inner, FastAPI):
        inner = inner.app if isinstance(inner, CORSMiddleware) else inner._app
    if is_on_the_service:
        assert inner.url_path_for("show_metrics") == "/metrics"
    else:
        with pytest.raises(NoMatchFound):
            inner.url_path_for("show_metrics")
