"""The web player at /web/, and what is at /: static files under a policy that lets nothing in from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import gateway
from gateway.api.ranges import Ranges
from gateway.settings import GatewaySettings
from shared.errors import FleetError

PACKAGED = Path(gateway.__file__).parent / "web"

HEADERS = {
    # User text and audio stay between this page and this server: no other host, no inline code, no framing by others.
    "content-security-policy": "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # Asked again each time, answered with 304: a new version is there at once, whatever the browser kept.
    "cache-control": "no-cache",
}


def install(app: FastAPI, settings: GatewaySettings) -> None:
    """Put the web player on ``app``, where the settings want one. Raises FleetError if its folder holds none."""

    @app.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        """Browsers go to the player; whoever asks to warm a connection, as LiveKit does, gets a few bytes."""
        if settings.enable_web_player and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("web/")  # relative: right behind a proxy's sub-path too
        return JSONResponse({"service": "kokoro-fleet", "docs": "docs", "api": "v1"})

    if settings.enable_web_player:
        app.mount("/web", WithHeaders(Ranges(StaticFiles(directory=_folder(settings), html=True))), "web")


def _folder(settings: GatewaySettings) -> Path:
    named = settings.web_player_path
    folder = PACKAGED if named is None or named == Path("web") else named
    if not (folder / "index.html").is_file():
        raise FleetError(
            f"WEB_PLAYER_PATH: there is no index.html in {folder}. Unset it for the player that comes along."
        )
    return folder


class WithHeaders:
    """Adds HEADERS to all that ``app`` answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
