"""Gives every request an id: on every answer and in every log line; and one log line to every request."""

from __future__ import annotations

import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.metrics import METRICS_PATH
from shared.observe import logger

log = logger(__name__)

PROBES = ("/livez", "/readyz", "/health", METRICS_PATH)
"""Asked every few seconds by whatever runs us; not logged."""

MAX_CALLERS_ID_LENGTH = 128


class RequestIds:
    """Wraps the whole app, its error answers included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Ours and not the caller's: it routes replies, so no two requests may share one.
        request_id = f"req_{uuid.uuid4().hex}"
        ids = {"request_id": request_id} | _callers_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                if "client_request_id" in ids:
                    headers["x-client-request-id"] = ids["client_request_id"]
                headers["openai-processing-ms"] = str(int((time.monotonic() - started) * 1000))
            await send(message)

        with structlog.contextvars.bound_contextvars(**ids):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                if scope["path"] not in PROBES:
                    took_ms = round((time.monotonic() - started) * 1000)
                    log.info("request", method=scope["method"], path=scope["path"], status=status, took_ms=took_ms)


def _callers_id(headers: Headers) -> dict[str, str]:
    """The caller's own name for the request, under either header that OpenAI and proxies have for it, if it is sane."""
    said = headers.get("x-client-request-id") or headers.get("x-request-id") or ""
    is_sane = said.isascii() and said.isprintable() and len(said) <= MAX_CALLERS_ID_LENGTH
    return {"client_request_id": said} if said and is_sane else {}
