"""Composition root of the batch runner: settings in, work done until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import uuid
from functools import partial

from redis.asyncio import Redis

from gateway.api import batches, job_intake
from gateway.api.job_intake import Intake
from gateway.batch.files import Files
from gateway.batch.owners import Owners
from gateway.parts import Parts, running_parts
from gateway.runner.audio_jobs import AudioJobs
from gateway.runner.crew import Crew
from gateway.runner.enqueued import Enqueued
from gateway.runner.errands import running_errands
from gateway.runner.kinds import Kind
from gateway.runner.speech_lines import SpeechLines
from gateway.runner.tellings import announce
from gateway.settings import GatewaySettings
from gateway.storage import Storage
from gateway.watched import watched
from gateway.webhooks.courier import Courier
from gateway.webhooks.setup import courier_of, guard_of
from shared.arq_queue import arq_queue
from shared.observe import configure_logs, logger
from shared.streams import connect
from shared.streams.batches import BatchStore
from shared.streams.files import FileStore
from shared.streams.tenants import TenantStore

log = logger(__name__)

TEXT_IDLE_S = 60.0
"""Its text processes take more memory than all the rest of it; most runners have nothing to do most of the time."""


def run_runner(settings: GatewaySettings) -> None:
    """Work on batches until SIGTERM or SIGINT; what is under way then has BATCH_DRAIN_TIMEOUT_S, or is given back."""
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(_run(settings, Storage.at(settings.storage_url), courier_of(settings)))


async def _run(settings: GatewaySettings, storage: Storage, courier: Courier | None) -> None:
    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    redis = connect(settings.redis_url, settings.redis_max_connections)
    files, store = Files(FileStore(redis), storage), BatchStore(redis, heartbeat_s=settings.heartbeat_s)
    speaking = settings.model_copy(update={"job_timeout_s": settings.batch_job_timeout_s})
    async with (
        watched("batch", settings) as telemetry,
        running_parts(speaking, redis, telemetry, text_idle_s=TEXT_IDLE_S) as parts,
    ):
        crew = _crew(settings, parts, store, files, redis)
        log.info("ready")
        working, stopping = (
            asyncio.create_task(crew.run(settings.batch_drain_timeout_s)),
            asyncio.create_task(stopped.wait()),
        )
        context = {
            "files": files,
            "batches": store,
            "courier": courier,
            "webhook_retry_s": settings.webhook_retry_s,
            "enqueued": _enqueued(settings, parts, store, files, redis),
        }
        async with running_errands(redis, context):
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            crew.stop()
            await working
    if courier:
        await courier.close()
    await storage.close()
    await redis.aclose()
    log.info("stopped")


def _enqueued(settings: GatewaySettings, parts: Parts, store: BatchStore, files: Files, redis: Redis) -> Enqueued:
    guard = guard_of(settings) if settings.webhook_secret else None
    return Enqueued(settings, parts, store, TenantStore(redis), Intake(files, store, guard))


def _crew(settings: GatewaySettings, parts: Parts, store: BatchStore, files: Files, redis: Redis) -> Crew:
    kinds: dict[str, Kind] = {
        batches.KIND: SpeechLines(settings, parts, store, files),
        job_intake.KIND: AudioJobs(settings, parts, store, files),
    }
    return Crew(
        store,
        files,
        Owners(TenantStore(redis), parts.meter),
        kinds,
        owner=f"runner-{uuid.uuid4().hex[:12]}",
        hands=settings.batch_concurrency,
        heartbeat_s=settings.heartbeat_s,
        max_tries=settings.batch_max_tries,
        can_speak=lambda: bool(parts.fleet.workers),
        announce=partial(announce, arq_queue(redis)),
        tracing=parts.telemetry.tracing,
    )
