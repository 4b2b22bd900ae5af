"""Webhooks as arq jobs: one that failed is tried again, later each time, for half a day."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from arq import ArqRedis, Retry

from gateway.webhooks.courier import Courier, Outcome
from gateway.webhooks.events import Notice
from shared.observe import logger
from shared.streams.keys import reaching_redis

log = logger(__name__)

MAX_TRIES = 10
GROWTH = 4.0
MAX_DELAY_S = 4 * 3600
JITTER = 0.2
"""Of a delay, either way: receivers that come back are not met by all at once."""
KEPT_FOR = timedelta(hours=23)
"""Longer than all delays together, shorter than arq remembers the tries."""


def delay_s(attempt: int, first_s: float) -> float:
    """Seconds from the failed ``attempt``, counted from 1, to the next: 5 s, 20 s, 80 s … 4 h, with some chance."""
    planned = min(first_s * GROWTH ** (attempt - 1), MAX_DELAY_S)
    return planned * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - chance, not a secret


async def send_webhook(arq: ArqRedis, notice: Notice) -> None:
    """Have it delivered by whichever runner is there; a notice that is already on its way is not sent twice.

    Raises QueueUnavailable.
    """
    async with reaching_redis():
        await arq.enqueue_job("deliver_webhook", notice.fields(), _job_id=notice.id, _expires=KEPT_FOR)


async def deliver_webhook(ctx: dict[str, Any], fields: dict[str, str]) -> str:
    """The arq job. ``ctx`` has the courier, None where WEBHOOK_SECRET is not set, and ``webhook_retry_s``."""
    courier: Courier | None = ctx["courier"]
    notice = Notice(**fields)
    if courier is None:
        log.error("webhook_secret_missing", webhook_id=notice.id)  # another runner may have it
    outcome = await courier.deliver(notice) if courier else Outcome.FAILED
    if outcome is Outcome.FAILED:
        attempt: int = ctx["job_try"]
        if attempt < MAX_TRIES:
            raise Retry(defer=delay_s(attempt, ctx["webhook_retry_s"]))
        log.error("webhook_given_up", webhook_id=notice.id, tenant=notice.tenant_id, tries=attempt)
    return outcome
