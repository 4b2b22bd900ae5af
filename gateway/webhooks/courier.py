"""One delivery of a webhook."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum

import httpcore
import httpx

from gateway.webhooks.addresses import Guard, WebhookRefused, port_of
from gateway.webhooks.events import Notice
from gateway.webhooks.network import GuardedNetwork
from gateway.webhooks.signature import Signer
from shared.observe import logger

log = logger(__name__)

TIMEOUT_S = 15.0
"""For all of it. Standard Webhooks recommends 15 to 30."""
GONE = 410


class Outcome(StrEnum):
    """What became of a delivery."""

    DELIVERED = "delivered"
    GONE = "gone"
    """The receiver wants no more of these."""
    FAILED = "failed"
    """Not now: to be tried again."""


class Courier:
    """Delivers. Follows no redirect, reads nothing of an answer but its status, keeps no connection."""

    def __init__(self, guard: Guard, signer: Signer, timeout_s: float = TIMEOUT_S) -> None:
        self._guard = guard
        self._timeout_s = timeout_s
        self._signer = signer
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            network_backend=GuardedNetwork(guard),
            max_keepalive_connections=0,
        )

    async def close(self) -> None:
        await self._pool.aclose()

    async def deliver(self, notice: Notice) -> Outcome:
        """Send it once. Where it goes is judged again: both the rules and the name may have changed."""
        said: dict[str, object] = {}
        try:
            place = self._guard.place(notice.url)
            async with asyncio.timeout(self._timeout_s):
                said["status"] = status = await self._post(place, notice)
        except WebhookRefused as error:
            outcome, said["error"] = Outcome.FAILED, error.message
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            outcome, said["error"] = Outcome.FAILED, str(error) or type(error).__name__
        else:
            outcome = _outcome(status)
        # No more of the URL than its host: the rest may hold the receiver's secrets.
        host = httpx.URL(notice.url).host
        log.info("webhook", webhook_id=notice.id, tenant=notice.tenant_id, host=host, outcome=outcome, **said)
        return outcome

    async def _post(self, place: httpx.URL, notice: Notice) -> int:
        headers = {
            "host": place.netloc.decode(),
            "content-type": "application/json",
            "user-agent": "kokoro-fleet",
            **self._signer.headers(notice, datetime.now(UTC)),
        }
        target = httpcore.URL(scheme=place.raw_scheme, host=place.raw_host, port=port_of(place), target=place.raw_path)
        each_step = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)
        body = notice.body.encode()
        sent = {**headers, "content-length": str(len(body))}
        async with self._pool.stream(
            "POST", target, headers=[*sent.items()], content=body, extensions={"timeout": each_step}
        ) as answer:
            return int(answer.status)


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.DELIVERED
    return Outcome.GONE if status == GONE else Outcome.FAILED
