"""Who is told that a batch is over.

That it is to be told is written down before the batch ends, and by whoever ends it; so it cannot be lost between the
two. What is told is then what the batch says of itself.
"""

from __future__ import annotations

from typing import Any

from arq import ArqRedis, Retry

from gateway.api import batches, job_intake
from gateway.webhooks.events import Notice
from gateway.webhooks.schedule import KEPT_FOR, send_webhook
from shared.errors import QueueUnavailable
from shared.observe import logger
from shared.streams.batches import OVER, BatchRecord, BatchStore
from shared.streams.keys import reaching_redis

log = logger(__name__)

LOOK_S = 0.5
MAX_LOOKS = 100_000
"""Half a day of them: a batch whose last runner died is over when there is another."""

_EVENTS = {batches.KIND: "batch", job_intake.KIND: "audio.job"}


async def announce(arq: ArqRedis, batch: BatchRecord) -> None:
    """The batch will be over in a moment. Raises QueueUnavailable."""
    if batch.request.get("webhook_url"):
        async with reaching_redis():
            await arq.enqueue_job("tell_of_end", batch.id, _job_id=f"tell:{batch.id}", _expires=KEPT_FOR)


async def tell_of_end(ctx: dict[str, Any], batch_id: str) -> None:
    """The arq job: a webhook to who wants to know of the batch's end, once it says that it is over."""
    store: BatchStore = ctx["batches"]
    try:
        batch = await store.get(batch_id)
        if batch is None:
            return
        if batch.status in OVER:
            await send_webhook(ctx["redis"], _notice(batch))
            return
    except QueueUnavailable as error:
        log.warning("queue_unavailable", error=error.message)
    raise Retry(defer=LOOK_S)


def _notice(batch: BatchRecord) -> Notice:
    event = f"{_EVENTS[batch.kind]}.{batch.status}"
    return Notice.of(event, batch.id, batch.request["webhook_url"], batch.tenant_id)
