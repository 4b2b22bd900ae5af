"""What a runner does by the clock, or because another service asked for it through arq."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Any, cast

from arq.cron import cron
from arq.worker import Worker, func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.batch.files import Files
from gateway.runner.enqueued import synthesize_speech
from gateway.runner.tellings import MAX_LOOKS, tell_of_end
from gateway.webhooks.schedule import KEPT_FOR, MAX_TRIES, deliver_webhook
from shared.arq_queue import RESULT_LIFE, arq_queue, packed, unpacked
from shared.observe import logger

log = logger(__name__)

RETRY_S = 1.0
MAX_ERRANDS = 10

FUNCTIONS: tuple[Any, ...] = (
    func(cast("Any", tell_of_end), max_tries=MAX_LOOKS, keep_result=0),
    func(cast("Any", deliver_webhook), max_tries=MAX_TRIES, keep_result=KEPT_FOR),
    func(cast("Any", synthesize_speech), max_tries=MAX_LOOKS, keep_result=RESULT_LIFE),
)
"""What other services may enqueue; each takes arq's context, in which ``running_errands`` puts what they need."""


async def sweep_files(context: dict[str, Any]) -> None:
    """Delete the bytes of files whose time is over."""
    files: Files = context["files"]
    if swept := await files.sweep():
        log.info("files_swept", files=swept)


async def sweep_storage(context: dict[str, Any]) -> None:
    """Delete what was stored and never became known, as by a runner that died in between."""
    files: Files = context["files"]
    if swept := await files.sweep_strays(time.time()):
        log.info("strays_swept", objects=swept)


CRON_JOBS = (
    cron(cast("Any", sweep_files), second=7, run_at_startup=True),
    cron(cast("Any", sweep_storage), hour=3, minute=7),
)
"""arq sees to it that of all runners one does each."""


@contextlib.asynccontextmanager
async def running_errands(redis: Redis, context: dict[str, Any]) -> AsyncIterator[None]:
    """Run errands meanwhile. One that is cut off at the end is run again, by whichever runner is first."""
    logging.getLogger("arq").setLevel(logging.WARNING)  # at INFO it shows what jobs are called with: texts
    worker = Worker(
        FUNCTIONS,
        cron_jobs=CRON_JOBS,
        redis_pool=arq_queue(redis),
        handle_signals=False,
        max_jobs=MAX_ERRANDS,
        job_serializer=packed,
        job_deserializer=unpacked,
        ctx=context,
    )
    serving = asyncio.create_task(_serve(worker))
    try:
        yield
    finally:
        serving.cancel()
        for task in worker.tasks.values():
            task.cancel()
        await asyncio.gather(serving, *worker.tasks.values(), return_exceptions=True)


async def _serve(worker: Worker) -> None:
    """arq's loop ends with the first trouble of its queue; ours begins it again."""
    while True:
        try:
            await worker.async_run()
        except (RedisError, OSError) as error:
            log.warning("queue_unavailable", error=str(error))
        await asyncio.sleep(RETRY_S)
