"""Composition root of the batch runner: settings in, work done until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import uuid

from redis.asyncio import Redis

from gateway.api.batches import KIND
from gateway.batch.files import Files
from gateway.parts import Parts, running_parts
from gateway.runner.crew import Crew
from gateway.runner.errands import running_errands
from gateway.runner.kinds import Kind
from gateway.runner.speech_lines import SpeechLines
from gateway.settings import GatewaySettings
from gateway.storage import Storage
from shared.observe import configure_logs, logger
from shared.streams import connect
from shared.streams.batches import BatchStore
from shared.streams.files import FileStore

log = logger(__name__)


def run_runner(settings: GatewaySettings) -> None:
    """Work on batches until SIGTERM or SIGINT; what is under way then has DRAIN_TIMEOUT_S, or is given back."""
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(_run(settings, Storage.at(settings.storage_url)))


async def _run(settings: GatewaySettings, storage: Storage) -> None:
    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    redis = connect(settings.redis_url, settings.redis_max_connections)
    files = Files(FileStore(redis), storage)
    speaking = settings.model_copy(update={"job_timeout_s": settings.batch_job_timeout_s})
    async with running_parts(speaking, redis) as parts:
        crew = _crew(settings, parts, redis, files)
        log.info("ready")
        working, stopping = asyncio.create_task(crew.run(settings.drain_timeout_s)), asyncio.create_task(stopped.wait())
        async with running_errands(redis, {"files": files}):
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            crew.stop()
            await working
    await storage.close()
    await redis.aclose()
    log.info("stopped")


def _crew(settings: GatewaySettings, parts: Parts, redis: Redis, files: Files) -> Crew:
    store = BatchStore(redis, heartbeat_s=settings.heartbeat_s)
    kinds: dict[str, Kind] = {KIND: SpeechLines(settings, parts, store, files)}
    return Crew(
        store,
        files,
        kinds,
        owner=f"runner-{uuid.uuid4().hex[:12]}",
        hands=settings.batch_concurrency,
        heartbeat_s=settings.heartbeat_s,
        max_tries=settings.batch_max_tries,
        can_speak=lambda: bool(parts.fleet.workers),
    )
