"""A gateway that goes: first it says so, then it takes nothing new, then it ends what it has."""

from __future__ import annotations

import asyncio
from enum import Enum, auto

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.errors import error_response
from shared.errors import Draining
from shared.metrics import METRICS_PATH
from shared.observe import logger

log = logger(__name__)

ANSWERED_TO_THE_END = ("/livez", "/readyz", "/health", METRICS_PATH)


class Phase(Enum):
    SERVING = auto()
    LEAVING = auto()
    """/readyz says so; whoever has not asked it yet is still served."""
    CLOSED = auto()
    """No request is taken any more; those under way end."""


class Drain:
    """How far a gateway is on its way out."""

    def __init__(self) -> None:
        self.phase = Phase.SERVING

    def require_serving(self) -> None:
        """Raise Draining once this gateway is going."""
        if self.phase is not Phase.SERVING:
            raise Draining("This gateway is being stopped; others take requests.")

    async def begin(self, delay_s: float) -> None:
        """Say that this gateway goes; ``delay_s`` later take no more requests."""
        self.phase = Phase.LEAVING
        log.info("leaving", delay_s=delay_s)
        await asyncio.sleep(delay_s)
        self.phase = Phase.CLOSED


class DrainGate:
    """Wraps the whole app. Once it is going, every answer ends its connection: the next one then goes elsewhere."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_and_close(message: Message) -> None:
            # Looked at now, not when the request came: it may have been here for minutes.
            if message["type"] == "http.response.start" and self._drain.phase is not Phase.SERVING:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        app = self._app
        if self._drain.phase is Phase.CLOSED and scope["path"] not in ANSWERED_TO_THE_END:
            # On a connection from before: nobody new can come.
            app = error_response(Draining("This gateway is being stopped; try again."))
        await app(scope, receive, send_and_close)
