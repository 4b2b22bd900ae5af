"""Counts every answer, the refusals of all that is wrapped in this included, and gives each request a trace."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.telemetry import Telemetry
from shared.tenants import EVERYBODY
from shared.tracing import REQUEST_ID, TENANT_ID, Span

CLIENT_LEFT = "499"
"""As nginx has it: the client went before the status line."""

ROUTE, ERROR_CODE, ABORTED = "route", "error_code", "aborted"
"""In scope["state"], which all who wrap the app share: the route's template; the code of the error that was the answer,
and of one that broke the answer off."""

UNROUTED = "other"


class Observed:
    """Wraps the whole app."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._metrics = telemetry.metrics
        self._tracing = telemetry.tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        started = time.monotonic()
        status = CLIENT_LEFT

        async def send_observed(message: Message) -> None:
            nonlocal status
            status = _status(message) or status
            await send(message)

        is_open = self._metrics.websockets.track_inprogress() if scope["type"] == "websocket" else nullcontext()
        with is_open, self._tracing.serving(_method(scope), Headers(scope=scope)) as span, _logged(span):
            try:
                await self._app(scope, receive, send_observed)
            finally:
                self._note(scope, status, time.monotonic() - started, span)

    def _note(self, scope: Scope, status: str, took_s: float, span: Span) -> None:
        state, method = scope["state"], _method(scope)
        route, tenant = state.get(ROUTE, UNROUTED), state.get("tenant", EVERYBODY)
        self._metrics.answered(route, method, status, took_s, tenant)
        if code := state.get(ERROR_CODE):
            self._metrics.rejected(code)
        if aborted := state.get(ABORTED):
            self._metrics.aborted(aborted)
        span.rename(f"{method} {route}")
        span.set(
            {
                REQUEST_ID: state.get("request_id", ""),
                TENANT_ID: tenant.id,
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": int(status),
            }
        )
        if failure := aborted or (code if status >= "500" else None):
            span.fail(failure)


class RouteNoted:
    """Wraps the app that routes: notes by which template."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_routed(message: Message) -> None:
            # Before the answer, and not after it: what is open for minutes is counted under its name meanwhile.
            _note_route(scope)
            await send(message)

        await self._app(scope, receive, send_routed)
        _note_route(scope)


def _note_route(scope: Scope) -> None:
    template = getattr(scope.get("route"), "path", None)
    if template is not None and scope["type"] in {"http", "websocket"}:
        scope["state"][ROUTE] = template


def _status(message: Message) -> str | None:
    """Of the message that says how it went: HTTP's status, or a WebSocket's close code."""
    match message["type"]:
        case "http.response.start":
            return str(message["status"])
        case "websocket.accept":
            return "101"
        case "websocket.close":
            return str(message.get("code", 1000))
        case _:
            return None


def _method(scope: Scope) -> str:
    method: str = scope.get("method", "WEBSOCKET")
    return method


def _logged(span: Span) -> AbstractContextManager[object]:
    if span.trace_id is None:
        return nullcontext()
    return structlog.contextvars.bound_contextvars(trace_id=span.trace_id)
