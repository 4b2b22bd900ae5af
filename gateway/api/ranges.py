"""Parts of files, as RFC 9110 (14) has them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.errors import error_response
from gateway.batch.errors import NoSuchPart

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


def part_of(request: Request, num_bytes: int) -> tuple[int, int, int]:
    """Start, end and status of what Range asks for. Raises NoSuchPart.

    What is malformed, or asks for several parts, gets the whole file, as RFC 9110 (14.2) allows.
    """
    found = _well_formed(request.headers.get("range"))
    if found is None:
        return 0, num_bytes, 200
    if found[1]:
        start, end = int(found[1]), min(num_bytes, int(found[2]) + 1 if found[2] else num_bytes)
    else:
        start, end = max(0, num_bytes - int(found[2])), num_bytes
    if start >= end:
        raise NoSuchPart(num_bytes)
    return start, end, 206


def _well_formed(said: str | None) -> re.Match[str] | None:
    found = _RANGE.fullmatch(said.strip()) if said else None
    if found is None or not (found[1] or found[2]):
        return None
    return None if found[1] and found[2] and int(found[2]) < int(found[1]) else found


class Ranges:
    """What ``app``, which is Starlette's, makes of a Range header, made the same as ours."""

    def __init__(self, app: ASGIApp | Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _well_formed(Headers(scope=scope).get("range")) is None:
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"range"]}
        refusal: NoSuchPart | None = None

        async def send_but_refusals(message: Message) -> None:
            nonlocal refusal
            if message["type"] == "http.response.start" and message["status"] == 416:
                refusal = NoSuchPart(int(Headers(raw=message["headers"])["content-range"].rpartition("/")[2]))
            if refusal is None:
                await send(message)

        await self._app(scope, receive, send_but_refusals)
        if refusal is not None:
            await error_response(refusal)(scope, receive, send)


class RangedFile(FileResponse):
    """A file on the disk, or the part of it that is asked for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Ranges(super().__call__)(scope, receive, send)
