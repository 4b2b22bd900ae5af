"""Who is to be told of an end, as requests name them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictStr

from gateway.webhooks.addresses import Guard
from shared.errors import InvalidValue

WebhookUrl = Annotated[StrictStr | None, Field(description="Who is told, by a signed POST, when it is over.")]


async def require_webhook(guard: Guard | None, url: str | None) -> None:
    """Raises WebhookRefused, InvalidValue, if nobody would be told there; guard: None where there are no webhooks."""
    if url is None:
        return
    if guard is None:
        raise InvalidValue("There are no webhooks here: WEBHOOK_SECRET is not set.", param="webhook_url")
    await guard.check(url)
