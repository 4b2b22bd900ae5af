"""Composition root of the gateway: settings in, an ASGI app out."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from redis.asyncio import Redis
from starlette.types import ASGIApp

from gateway.api import (
    admin,
    batches,
    captions,
    debug,
    dialogue,
    downloads,
    errors,
    files,
    health,
    jobs,
    metrics,
    models,
    phonemes,
    speech,
    subtitles,
    usage,
    voices,
    web,
    webhook_secret,
    websocket,
)
from gateway.api.auth import Doors, document_keys, key_digests
from gateway.api.cors import with_cors
from gateway.api.observed import Observed, RouteNoted
from gateway.api.rate_limits import RateLimits
from gateway.api.request_ids import RequestIds
from gateway.api.root_path import UnderPath
from gateway.batch.files import Files
from gateway.drain import Drain, DrainGate
from gateway.fleet_metrics import FleetCollector, SavingsCollector
from gateway.http_protocol import HttpProtocol
from gateway.idempotency import Idempotency
from gateway.parts import chunk_limits, running_parts
from gateway.server import DrainingServer
from gateway.sessions import Sessions
from gateway.settings import GatewaySettings
from gateway.storage import Storage
from gateway.telemetry import Telemetry
from gateway.tenants import Tenants
from gateway.threads import from_any_thread
from gateway.watched import shown, telemetry_for
from gateway.webhooks.setup import guard_of, signer_of
from shared.errors import FleetError
from shared.observe import configure_logs, logger
from shared.streams import connect
from shared.streams.batches import BatchStore
from shared.streams.files import FileStore
from shared.streams.lookout import Lookout
from shared.streams.operator import OperatorStreams
from shared.streams.results import ResultStore
from shared.streams.tenants import TenantStore

log = logger(__name__)


def create_app(settings: GatewaySettings, sessions: Sessions | None = None, drain: Drain | None = None) -> ASGIApp:
    """The gateway as an ASGI app; connects and warms up in its lifespan. Raises FleetError for settings that clash.

    ``sessions``: where to find its open WebSockets, for whoever has to end them. ``drain``: how it is told to go.
    """
    drain = drain or Drain()
    telemetry = telemetry_for("gateway", settings)
    chunk_limits(settings)  # clashes are told at the start
    signer = signer_of(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.sessions = Sessions(settings.websocket_max_connections) if sessions is None else sessions
        async with _running(app, settings, telemetry):
            yield

    app = FastAPIOffline(  # with /docs as files of our own: no other host is asked
        title=settings.api_title,
        description=settings.api_description,
        version=settings.api_version,
        lifespan=lifespan,
        responses=errors.ANSWERS,
    )
    errors.install(app)
    document_keys(app)
    for part in (speech, websocket, captions, subtitles, dialogue, phonemes, downloads, voices, models, health):
        app.include_router(part.router)
    for part in (files, batches, jobs, webhook_secret, usage):
        app.include_router(part.router)
    if key_digests(settings.admin_api_key):
        for admin_router in (admin.router, usage.admin_router):
            app.include_router(admin_router)
    if settings.enable_debug_endpoints:
        app.include_router(debug.router)
    if settings.metrics_enabled and settings.metrics_port is None:
        app.include_router(metrics.router)
    web.install(app, settings)
    app.state.drain, app.state.metrics = drain, telemetry.metrics
    app.state.webhook_signer, app.state.webhook_guard = signer, guard_of(settings) if signer else None
    served = UnderPath(RouteNoted(RateLimits(Doors(app, settings), app.state)), settings.uvicorn_root_path)
    gated = DrainGate(with_cors(served, settings.cors_origins) if settings.cors_enabled else served, drain)
    return Observed(RequestIds(gated), telemetry)


@contextlib.asynccontextmanager
async def _running(app: FastAPI, settings: GatewaySettings, telemetry: Telemetry) -> AsyncIterator[None]:
    """All that requests need, in the app's state."""
    redis = connect(settings.redis_url, settings.redis_max_connections)
    storage = Storage.at(settings.storage_url)
    async with running_parts(settings, redis, telemetry) as parts:
        app.state.settings, app.state.operator = settings, OperatorStreams(redis)
        app.state.fleet, app.state.voices, app.state.pipeline = parts.fleet, parts.voices, parts.pipeline
        app.state.downloads, app.state.chunk_cache = parts.downloads, parts.chunk_cache
        app.state.meter = parts.meter
        app.state.idempotency = idempotency = _idempotency(settings, redis)
        app.state.files = Files(FileStore(redis), storage)
        app.state.batches = BatchStore(redis, heartbeat_s=settings.heartbeat_s)
        app.state.tenants = tenants = _tenants(settings, redis)
        await tenants.start()
        app.state.fleet_metrics = fleet_metrics = FleetCollector(Lookout(redis))
        telemetry.metrics.registry.register(fleet_metrics)
        telemetry.metrics.registry.register(SavingsCollector(parts.chunk_cache.counters, idempotency.counters))
        with shown(telemetry, settings, before_scrape=from_any_thread(fleet_metrics.refresh)):
            log.info("ready", host=settings.host, port=settings.port)
            yield
        await tenants.close()
        await idempotency.close()
    await storage.close()
    await redis.aclose()


def _idempotency(settings: GatewaySettings, redis: Redis) -> Idempotency:
    results = ResultStore(
        redis,
        heartbeat_s=settings.heartbeat_s,
        ttl_s=settings.idempotency_ttl_s,
        max_bytes=settings.idempotency_max_mb * 1_000_000,
    )
    return Idempotency(results, heartbeat_s=settings.heartbeat_s, grace_s=settings.idempotency_grace_s)


def _tenants(settings: GatewaySettings, redis: Redis) -> Tenants:
    return Tenants(
        TenantStore(redis),
        heartbeat_s=settings.heartbeat_s,
        grace_s=settings.worker_grace_s,
        operators_keys=key_digests(settings.api_key),
        is_required=settings.require_api_key,
        is_exposed=settings.host not in {"localhost", "127.0.0.1", "::1"},
    )


def run_gateway(settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT; open streams then get DRAIN_TIMEOUT_S to end."""
    import uvicorn

    configure_logs(settings.log_level, settings.log_format)
    for signum in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has shut down; a drained gateway ended well, with exit code 0.
        signal.signal(signum, lambda *_: None)
    sessions, drain = Sessions(settings.websocket_max_connections), Drain()
    config = uvicorn.Config(
        create_app(settings, sessions, drain),
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level="warning",  # what it says of its start, the line "ready" says too
        access_log=False,
        http=HttpProtocol,
        timeout_graceful_shutdown=int(settings.drain_timeout_s),
        server_header=False,
        ws_max_size=settings.websocket_max_message_bytes,
        ws_ping_interval=settings.websocket_ping_interval_s,
        # The answer may wait behind audio that a slow client has not read yet.
        ws_ping_timeout=settings.stalled_client_timeout_s,
        ws_per_message_deflate=False,  # sound and short messages do not shrink
    )
    server = DrainingServer(config, sessions, settings.drain_timeout_s, drain, settings.drain_delay_s)
    server.run([_all_addresses(settings.port)] if settings.host == "::" else None)
    if not server.started:
        sys.exit(1)


def _all_addresses(port: int) -> socket.socket:
    """IPv6 and IPv4: asyncio, asked for ``::``, would take IPv6 alone. Raises FleetError."""
    try:
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError as error:
        raise FleetError(f"HOST=::, PORT={port} cannot be listened on: {error}") from error
