"""Sends audio as it comes: the status line once the first audio is in hand, a clean end only if all was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.api.body import answered
from gateway.api.downloads import download_headers
from gateway.api.errors import error_response
from gateway.api.idempotent import once
from gateway.api.observed import ABORTED
from gateway.api.schemas import AudioRequest
from gateway.api.sse import EVENT_STREAM, RAW_MODELS, events
from gateway.audio.formats import MEDIA_TYPES, AudioFormat
from gateway.pipeline import Audio, Pipeline, Utterance
from gateway.settings import GatewaySettings
from shared.errors import FleetError
from shared.observe import logger

log = logger(__name__)

SPOKEN = answered("The audio, or the events with it.", *MEDIA_TYPES, EVENT_STREAM)
"""Of ``spoken``, for the API documentation."""


def unbuffered(media_type: str) -> dict[str, str]:
    """Headers of what is sent as it is made."""
    # nginx must not hold back what was made early.
    return {"content-type": media_type, "cache-control": "no-cache", "x-accel-buffering": "no"}


def audio_headers(form: AudioFormat) -> dict[str, str]:
    """Headers of audio, streamed or not."""
    return unbuffered(form.media_type) | {"content-disposition": f'attachment; filename="speech.{form.extension}"'}


def spoken(request: Request, body: AudioRequest, utterance: Utterance) -> AudioResponse:
    """The answer that is the audio of ``utterance``, in whichever way ``body`` wants it sent."""
    pipeline: Pipeline = request.app.state.pipeline
    settings: GatewaySettings = request.app.state.settings
    opening: AbstractAsyncContextManager[Audio] = (
        pipeline.stream(utterance) if body.stream else pipeline.file(utterance)
    )
    headers = audio_headers(utterance.format)
    if body.stream_format == "sse" and body.model not in RAW_MODELS:
        opening, headers = events(opening), unbuffered(EVENT_STREAM)
    headers |= download_headers(request, utterance.download)
    opening = once(request, body, opening)
    return AudioResponse(opening, headers, settings.stalled_client_timeout_s)


class AudioResponse(Response):
    """Opens the audio and sends it. A failure before the first packet is an HTTP error; after it, the line is cut.

    Watches for the client to leave all the while, also before the first packet, and then closes the audio, which frees
    whatever works for it.
    """

    def __init__(
        self, opening: AbstractAsyncContextManager[Audio], headers: Mapping[str, str], stall_timeout_s: float
    ) -> None:
        super().__init__()
        self._opening = opening
        self._sent_headers = dict(headers)
        self._stall_timeout_s = stall_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(scope, receive, send))
        leaving = asyncio.create_task(_client_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                log.info("client_left")
        finally:
            # Also when we are cancelled ourselves, at shutdown: nothing may outlive its request.
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        try:
            async with self._opening as audio:
                async for packet in audio.packets:
                    if not started:
                        await self._start(audio, send)
                        started = True
                    async with asyncio.timeout(self._stall_timeout_s):
                        await send({"type": "http.response.body", "body": packet, "more_body": True})
        except FleetError as error:
            if not started:
                await error_response(error)(scope, receive, send)
                return
            # Without the closing message the server cuts the connection: no clean end to half a text.
            log.exception("stream_aborted", code=error.code)
            scope["state"][ABORTED] = error.code
        except TimeoutError:
            log.warning("stream_aborted", code="client_stalled")
            scope["state"][ABORTED] = "client_stalled"
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, audio: Audio, send: Send) -> None:
        headers = MutableHeaders(headers=self._sent_headers)
        if audio.length is not None:
            headers["content-length"] = str(audio.length)
        if audio.usage.cache is not None:
            headers["x-cache"] = audio.usage.cache
        if audio.is_replayed:
            headers["idempotent-replayed"] = "true"
        await send({"type": "http.response.start", "status": 200, "headers": headers.raw})


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
