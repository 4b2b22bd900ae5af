"""Composition root of the gateway: settings in, an ASGI app out."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from redis.asyncio import Redis
from starlette.types import ASGIApp

from gateway.api import (
    captions,
    debug,
    dialogue,
    downloads,
    errors,
    health,
    models,
    phonemes,
    speech,
    subtitles,
    voices,
    web,
    websocket,
)
from gateway.api.auth import Doors, key_digests
from gateway.api.cors import with_cors
from gateway.api.request_ids import RequestIds
from gateway.api.root_path import UnderPath
from gateway.audio.gaps import Gaps
from gateway.cached_synthesis import CachedSynthesis
from gateway.chunk_cache import ChunkCache
from gateway.downloads import Bounds, DownloadStore
from gateway.drain import Drain, DrainGate
from gateway.fleet import Fleet
from gateway.http_protocol import HttpProtocol
from gateway.idempotency import Idempotency
from gateway.pipeline import Pipeline
from gateway.server import DrainingServer
from gateway.sessions import Sessions
from gateway.settings import GatewaySettings
from gateway.synthesis import Synthesis
from gateway.tenants import Tenants
from gateway.text.chunker import ChunkLimits
from gateway.text.frontend import TextFrontend
from gateway.voices import Voices
from shared.errors import FleetError
from shared.observe import configure_logs, logger
from shared.streams import GatewayStreams, connect
from shared.streams.cache import ChunkStore
from shared.streams.operator import OperatorStreams
from shared.streams.results import ResultStore
from shared.streams.tenants import TenantStore
from shared.streams.voices import VoiceStore

log = logger(__name__)

SWEEP_S = 60


def create_app(settings: GatewaySettings, sessions: Sessions | None = None, drain: Drain | None = None) -> ASGIApp:
    """The gateway as an ASGI app; connects and warms up in its lifespan. Raises FleetError for settings that clash.

    ``sessions``: where to find its open WebSockets, for whoever has to end them. ``drain``: how it is told to go.
    """
    drain = drain or Drain()
    limits = _chunk_limits(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.sessions = Sessions(settings.websocket_max_connections) if sessions is None else sessions
        async with _running(app, settings, limits):
            yield

    app = FastAPIOffline(  # with /docs as files of our own: no other host is asked
        title=settings.api_title,
        description=settings.api_description,
        version=settings.api_version,
        lifespan=lifespan,
        responses=errors.ANSWERS,
    )
    errors.install(app)
    for part in (speech, websocket, captions, subtitles, dialogue, phonemes, downloads, voices, models, health):
        app.include_router(part.router)
    if settings.enable_debug_endpoints:
        app.include_router(debug.router)
    web.install(app, settings)
    app.state.drain = drain
    served = UnderPath(Doors(app, settings), settings.uvicorn_root_path)
    return RequestIds(DrainGate(with_cors(served, settings.cors_origins) if settings.cors_enabled else served, drain))


@contextlib.asynccontextmanager
async def _running(app: FastAPI, settings: GatewaySettings, limits: ChunkLimits) -> AsyncIterator[None]:
    """All that requests need, in the app's state."""
    redis = connect(settings.redis_url, settings.redis_max_connections)
    streams = GatewayStreams(redis, uuid.uuid4().hex[:12], settings.heartbeat_s)
    fleet = Fleet(streams)
    synthesis = _synthesis(settings, streams, fleet)
    frontend = TextFrontend(limits, processes=settings.text_processes)
    store = _downloads(settings)
    app.state.settings, app.state.fleet, app.state.downloads = settings, fleet, store
    app.state.voices = known_voices = _voices(settings, fleet, redis)
    app.state.operator = OperatorStreams(redis)
    app.state.chunk_cache = cache = _chunk_cache(settings, redis)
    cached = CachedSynthesis(synthesis, cache, fleet, window=settings.chunk_window)
    app.state.pipeline = Pipeline(
        frontend,
        cached if settings.cache_max_mb else synthesis,
        fleet,
        store,
        first_audio_s=settings.first_audio_target_ms / 1000,
        gaps=_gaps(settings),
    )
    app.state.idempotency = idempotency = _idempotency(settings, redis)
    app.state.tenants = tenants = _tenants(settings, redis)
    await frontend.start()
    await synthesis.start()
    cache.start()
    await known_voices.start()
    await tenants.start()
    log.info("ready", host=settings.host, port=settings.port)
    sweeping = asyncio.create_task(_sweep(store))
    yield
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    await tenants.close()
    await idempotency.close()
    await known_voices.close()
    await synthesis.close()
    await cache.close()
    await frontend.close()
    await redis.aclose()


def _synthesis(settings: GatewaySettings, streams: GatewayStreams, fleet: Fleet) -> Synthesis:
    return Synthesis(
        streams,
        fleet,
        window=settings.chunk_window,
        job_timeout_s=settings.job_timeout_s,
        heartbeat_s=settings.heartbeat_s,
        grace_s=settings.worker_grace_s,
        max_queue_wait_s=settings.max_queue_wait_s,
        tenant_max_chunks=settings.tenant_max_chunks_in_flight,
    )


def _chunk_cache(settings: GatewaySettings, redis: Redis) -> ChunkCache:
    store = ChunkStore(
        redis,
        heartbeat_s=settings.heartbeat_s,
        ttl_s=settings.cache_ttl_s,
        max_bytes=settings.cache_max_mb * 1_000_000,
    )
    return ChunkCache(store, heartbeat_s=settings.heartbeat_s)


def _idempotency(settings: GatewaySettings, redis: Redis) -> Idempotency:
    results = ResultStore(
        redis,
        heartbeat_s=settings.heartbeat_s,
        ttl_s=settings.idempotency_ttl_s,
        max_bytes=settings.idempotency_max_mb * 1_000_000,
    )
    return Idempotency(results, heartbeat_s=settings.heartbeat_s, grace_s=settings.idempotency_grace_s)


def _voices(settings: GatewaySettings, fleet: Fleet, redis: Redis) -> Voices:
    return Voices(
        fleet,
        VoiceStore(redis),
        heartbeat_s=settings.heartbeat_s,
        normalise=settings.voice_weight_normalization,
        may_save=settings.allow_local_voice_saving,
    )


def _downloads(settings: GatewaySettings) -> DownloadStore:
    bounds = Bounds(
        max_age_s=settings.max_temp_dir_age_hours * 3600,
        max_count=settings.max_temp_dir_count,
        max_bytes=int(settings.max_temp_dir_size_mb * 1_000_000),
        part_life_s=settings.job_timeout_s + settings.stalled_client_timeout_s + 60,
    )
    return DownloadStore(settings.temp_file_dir, bounds)


async def _sweep(store: DownloadStore) -> None:
    """For files that grow old while nobody asks for a link."""
    while True:
        try:
            await asyncio.to_thread(store.sweep)
        except OSError as error:
            log.warning("downloads_not_swept", folder=str(store.folder), error=str(error))
        await asyncio.sleep(SWEEP_S)


def _gaps(settings: GatewaySettings) -> Gaps:
    return Gaps(
        settings.gap_trim_ms, settings.dynamic_gap_trim_padding_ms, settings.dynamic_gap_trim_padding_char_multiplier
    )


def _chunk_limits(settings: GatewaySettings) -> ChunkLimits:
    try:
        return ChunkLimits(
            target_min_tokens=settings.target_min_tokens,
            target_max_tokens=settings.target_max_tokens,
            absolute_max_tokens=settings.absolute_max_tokens,
            first_max_tokens=min(settings.first_max_tokens, settings.target_max_tokens),
        )
    except ValueError as error:
        raise FleetError(
            "TARGET_MIN_TOKENS, TARGET_MAX_TOKENS and ABSOLUTE_MAX_TOKENS must not be smaller than the one before."
        ) from error


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
