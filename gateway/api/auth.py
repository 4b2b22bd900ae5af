"""Who may come in. Every path wants an API key, but for those named here: what nobody thought of is closed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

import structlog
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from gateway.api.errors import error_response
from gateway.api.websocket import KEY_PROTOCOL, refuse
from gateway.settings import GatewaySettings
from gateway.tenants import OPERATOR, Tenants
from shared.api_keys import digest, is_digest_of
from shared.errors import FleetError, InvalidApiKey, NotPermitted
from shared.tenants import EVERYBODY

FREE = frozenset(
    {
        "/",
        "/livez",
        "/readyz",
        "/health",  # without a key it says less
        "/v1/test",
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json",
        "/web",
    }
)
FREE_FOLDERS = ("/web/", "/static-offline-docs/")
"""Files, of which none is anybody's own."""

LISTINGS = frozenset({"/v1/audio/voices", "/v1/models"})
"""What some clients ask for without their key, as Open WebUI does."""

METRICS = "/metrics"
ADMIN_FOLDER, DEBUG_FOLDER = "/admin/", "/debug/"

KEY_HEADERS = ("x-api-key", "api-key")
"""Beside Authorization. The second is Azure's."""


class Door(Enum):
    """Who may open what."""

    FREE = auto()
    LISTING = auto()
    TENANTS = auto()
    OPERATORS = auto()


def door_of(path: str, settings: GatewaySettings) -> Door:
    """``path``: as the routes have it, without the path that a proxy serves us under."""
    if path in FREE or path.startswith(FREE_FOLDERS) or (path == METRICS and settings.public_metrics):
        return Door.FREE
    if path.startswith(ADMIN_FOLDER) and not key_digests(settings.admin_api_key):
        return Door.FREE  # and leads nowhere
    if path == METRICS or path.startswith((ADMIN_FOLDER, DEBUG_FOLDER)):
        return Door.OPERATORS
    if settings.public_listings and path in LISTINGS:
        return Door.LISTING
    return Door.TENANTS


class Doors:
    """Wraps the app: says whose request it is, in ``scope["state"]["tenant"]``, or refuses it."""

    def __init__(self, app: FastAPI, settings: GatewaySettings) -> None:
        self._app: ASGIApp = app
        self._state = app.state
        self._settings = settings
        self._admin_keys = key_digests(settings.admin_api_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            try:
                await self._enter(scope)
            except FleetError as error:
                if scope["type"] == "websocket":
                    await refuse(WebSocket(scope, receive, send), error)
                else:
                    await error_response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _enter(self, scope: Scope) -> None:
        """Raises FleetError."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        door, key = door_of(path, self._settings), _key_of(HTTPConnection(scope))
        state = scope.setdefault("state", {})
        # Each request has a task, and so a context, of its own; but a pipelined one inherits its forerunner's.
        structlog.contextvars.unbind_contextvars("tenant", "key")
        if door is Door.FREE:
            state["is_operator"] = self._is_admins(key)
        elif door is Door.OPERATORS:
            await self._require_operator(key)
        else:
            anonymous = door is Door.LISTING and key is None
            tenant = EVERYBODY if anonymous else await self._tenants.of_key(key)
            state["tenant"] = tenant
            if tenant.key_id:
                structlog.contextvars.bind_contextvars(tenant=tenant.id, key=tenant.key_id)

    async def _require_operator(self, key: str | None) -> None:
        if self._admin_keys:
            if not self._is_admins(key):
                raise InvalidApiKey("This is the operator's: it wants the ADMIN_API_KEY.")
        elif await self._tenants.of_key(key) not in {EVERYBODY, OPERATOR}:
            raise NotPermitted("This is the operator's.")

    def _is_admins(self, key: str | None) -> bool:
        return key is not None and sum(is_digest_of(stored, key) for stored in self._admin_keys) > 0

    @property
    def _tenants(self) -> Tenants:
        tenants: Tenants = self._state.tenants
        return tenants


def key_digests(setting: SecretStr | None) -> tuple[bytes, ...]:
    """Of a setting that holds a key, or several with commas between them."""
    written = setting.get_secret_value() if setting else ""
    return tuple(digest(key.strip()) for key in written.split(",") if key.strip())


def document_keys(app: FastAPI) -> None:
    """Say in the API documentation where a key goes, so that /docs can be given one; it may not be needed."""
    described = app.openapi

    def with_keys() -> dict[str, Any]:
        said = described()
        scheme = {"type": "http", "scheme": "bearer", "description": "An API key: sk-kf-..."}
        said.setdefault("components", {})["securitySchemes"] = {"api_key": scheme}
        said["security"] = [{"api_key": []}, {}]
        return said

    app.openapi = with_keys  # type: ignore[method-assign]


def _key_of(connection: HTTPConnection) -> str | None:
    """The key that came with a request, wherever it stands: in a query it would be in every proxy's log."""
    headers: Mapping[str, str] = connection.headers
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    found = [key if scheme.lower() == "bearer" else ""]
    found += [headers.get(name, "") for name in KEY_HEADERS]
    found += [
        offered.removeprefix(KEY_PROTOCOL)
        for offered in connection.scope.get("subprotocols", [])
        if offered.startswith(KEY_PROTOCOL)
    ]
    return next((key.strip() for key in found if key.strip()), None)
