"""All that turns text into audio, put together: for a gateway's process, and for a batch runner's."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from redis.asyncio import Redis

from gateway.audio.gaps import Gaps
from gateway.cached_synthesis import CachedSynthesis
from gateway.chunk_cache import ChunkCache
from gateway.downloads import Bounds, DownloadStore
from gateway.fleet import Fleet
from gateway.metering import Journal, Meter
from gateway.pipeline import Pipeline
from gateway.settings import GatewaySettings
from gateway.synthesis import Synthesis
from gateway.telemetry import Telemetry
from gateway.text.chunker import ChunkLimits
from gateway.text.frontend import TextFrontend
from gateway.voices import Voices
from shared.errors import FleetError
from shared.observe import logger
from shared.streams import GatewayStreams
from shared.streams.cache import ChunkStore
from shared.streams.limits import LimitStore
from shared.streams.usage import UsageStore
from shared.streams.voices import VoiceStore

log = logger(__name__)

SWEEP_S = 60


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers, or a batch's lines, are made with."""

    fleet: Fleet
    voices: Voices
    chunk_cache: ChunkCache
    downloads: DownloadStore
    meter: Meter
    pipeline: Pipeline
    telemetry: Telemetry


@contextlib.asynccontextmanager
async def running_parts(
    settings: GatewaySettings, redis: Redis, telemetry: Telemetry | None = None, *, text_idle_s: float | None = None
) -> AsyncIterator[Parts]:
    """The parts, warmed up and at work. Redis need not be there yet. Raises FleetError for settings that clash.

    ``text_idle_s``: where nobody waits, the text processes are there while there is text, and so much longer.
    """
    telemetry = telemetry or Telemetry()
    streams = GatewayStreams(redis, uuid.uuid4().hex[:12], settings.heartbeat_s)
    fleet = Fleet(streams, settings.wait_for_workers_s)
    telemetry.metrics.waiting_for_workers.set_function(lambda: fleet.num_waiting)
    synthesis = _synthesis(settings, streams, fleet, telemetry)
    frontend = TextFrontend(chunk_limits(settings), processes=settings.text_processes, idle_s=text_idle_s)
    store = _downloads(settings)
    voices = _voices(settings, fleet, redis)
    cache = _chunk_cache(settings, redis)
    journal = Journal(UsageStore(redis, kept_days=settings.usage_retention_days))
    meter = Meter(LimitStore(redis), journal, heartbeat_s=settings.heartbeat_s)
    pipeline = Pipeline(
        frontend,
        CachedSynthesis(synthesis, cache, fleet, window=settings.chunk_window) if settings.cache_max_mb else synthesis,
        fleet,
        store,
        meter,
        first_audio_s=settings.first_audio_target_ms / 1000,
        gaps=_gaps(settings),
        telemetry=telemetry,
    )
    if text_idle_s is None:
        await frontend.start()
    await synthesis.start()
    cache.start()
    meter.start()
    await voices.start()
    sweeping = asyncio.create_task(_sweep(store))
    try:
        yield Parts(fleet, voices, cache, store, meter, pipeline, telemetry)
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await voices.close()
        await synthesis.close()
        await cache.close()
        await meter.close()
        await frontend.close()


def chunk_limits(settings: GatewaySettings) -> ChunkLimits:
    """Raises FleetError for limits that clash."""
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


def _synthesis(settings: GatewaySettings, streams: GatewayStreams, fleet: Fleet, telemetry: Telemetry) -> Synthesis:
    return Synthesis(
        streams,
        fleet,
        window=settings.chunk_window,
        job_timeout_s=settings.job_timeout_s,
        heartbeat_s=settings.heartbeat_s,
        grace_s=settings.worker_grace_s,
        max_queue_wait_s=settings.max_queue_wait_s,
        tenant_max_chunks=settings.tenant_max_chunks_in_flight,
        telemetry=telemetry,
    )


def _chunk_cache(settings: GatewaySettings, redis: Redis) -> ChunkCache:
    store = ChunkStore(
        redis,
        heartbeat_s=settings.heartbeat_s,
        ttl_s=settings.cache_ttl_s,
        max_bytes=settings.cache_max_mb * 1_000_000,
    )
    return ChunkCache(store, heartbeat_s=settings.heartbeat_s)


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
