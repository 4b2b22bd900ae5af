"""``x-ratelimit-*``: where a tenant stands with its limits, on every answer to its requests. Tokens are characters."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders, State
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metering import Meter, Notice, Standing, unnoticed
from shared.errors import QueueUnavailable
from shared.tenants import EVERYBODY, Tenant

RATE_HEADERS = tuple(
    f"x-ratelimit-{what}-{unit}" for unit in ("requests", "tokens") for what in ("limit", "remaining", "reset")
)
API_FOLDER = "/v1/"

_BOARD = "standing"


@dataclass(slots=True)
class _Board:
    """Where it is noted what a request's answer is to say."""

    standing: Standing | None = None

    def note(self, standing: Standing) -> None:
        self.standing = standing


def notice_of(connection: HTTPConnection) -> Notice:
    """For whoever learns where the tenant stands that ``connection`` is from."""
    board: _Board | None = connection.scope.get("state", {}).get(_BOARD)
    return unnoticed if board is None else board.note


class RateLimits:
    """Wraps the app, and whoever finds out whose request it is."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        board = _Board()
        state = scope.setdefault("state", {})
        state[_BOARD] = board

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                tenant: Tenant = state.get("tenant", EVERYBODY)
                standing = board.standing
                if standing is None and API_FOLDER in scope["path"]:
                    standing = await self._look(tenant)
                if standing is not None:
                    MutableHeaders(scope=message).update(rate_headers(standing))
            await send(message)

        await self._app(scope, receive, send_with_limits)

    async def _look(self, tenant: Tenant) -> Standing | None:
        """Of a request that took nothing of the limits. An answer is not withheld for want of this."""
        meter: Meter = self._state.meter
        with contextlib.suppress(QueueUnavailable):
            return await meter.standing(tenant)
        return None


def rate_headers(standing: Standing) -> dict[str, str]:
    """OpenAI's; of limits that there are not, none."""
    headers: dict[str, str] = {}
    for unit, allowance in (("requests", standing.requests), ("tokens", standing.characters)):
        if allowance is not None:
            headers[f"x-ratelimit-limit-{unit}"] = str(allowance.limit)
            headers[f"x-ratelimit-remaining-{unit}"] = str(allowance.remaining)
            headers[f"x-ratelimit-reset-{unit}"] = duration(allowance.reset_s)
    return headers


def duration(seconds: float) -> str:
    """As OpenAI's headers have it, which is as Go writes durations: ``6m0s``, ``1.5s``, ``120ms``."""
    milliseconds = round(1000 * seconds)
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest_ms = divmod(milliseconds, 60_000)
    return f"{minutes}m{rest_ms / 1000:g}s" if minutes else f"{rest_ms / 1000:g}s"
