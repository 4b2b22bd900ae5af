"""``/v1/audio/speech/stream``: a WebSocket on which text comes in pieces and audio goes out, for several contexts."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from dataclasses import replace
from enum import IntEnum
from typing import NamedTuple

import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gateway.api.tenancy import tenant_now
from gateway.api.utterances import Desk
from gateway.api.websocket_messages import (
    BadMessage,
    Cancel,
    ClientMessage,
    End,
    FieldFault,
    Flush,
    Message,
    Ping,
    Shape,
    Start,
    Text,
    failure,
    pong,
    read_message,
    ready,
    started,
    written,
)
from gateway.audio.formats import AudioFormat
from gateway.metrics import GatewayMetrics
from gateway.pipeline import Utterance
from gateway.sessions import (
    Compose,
    Failed,
    Session,
    SessionLimits,
    Sessions,
    TextTooLong,
    TooManyContexts,
    TooManySessions,
)
from gateway.sessions.context import ContextLimits
from gateway.settings import GatewaySettings
from gateway.text.incremental import IncrementalText
from shared.errors import BadRequest, Draining, FleetError, InvalidApiKey, InvalidValue
from shared.observe import logger

log = logger(__name__)

router = APIRouter(tags=["audio"])

PROTOCOL, KEY_PROTOCOL = "kokoro-fleet", "api-key."
"""Subprotocols that a browser may offer, which can send a key in no other way that ends up in no log."""

GOODBYE_TIMEOUT_S = 5.0
"""For the last message to a client that may not be reading."""


class Close(IntEnum):
    """Why the server closes a connection: 4000 to 4999 are for applications to define (RFC 6455, 7.4.2)."""

    NORMAL = 1000
    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    IDLE = 4408
    TEXT_TOO_LONG = 4413
    TOO_MANY_CONTEXTS = 4429
    STALLED = 4499
    OVERLOADED = 4503
    DRAINING = 4504


class Idle(BadRequest):
    code = "idle_timeout"


class Stalled(BadRequest):
    code = "client_stalled"


CODES: tuple[tuple[type[FleetError], Close], ...] = (
    (BadMessage, Close.BAD_MESSAGE),
    (InvalidApiKey, Close.UNAUTHORIZED),
    (TextTooLong, Close.TEXT_TOO_LONG),
    (TooManyContexts, Close.TOO_MANY_CONTEXTS),
    (TooManySessions, Close.OVERLOADED),
    (Draining, Close.DRAINING),
    (Idle, Close.IDLE),
    (Stalled, Close.STALLED),
)
"""Errors that are about the connection and end it; all others are about one context."""


@router.websocket("/v1/audio/speech/stream")
async def stream_speech(socket: WebSocket) -> None:
    """Speak texts while they are being written."""
    await _accept(socket)
    settings: GatewaySettings = socket.app.state.settings
    sessions: Sessions = socket.app.state.sessions
    session = Session(socket.app.state.pipeline, _limits(settings))
    session_id = f"ws_{uuid.uuid4().hex}"
    began = time.monotonic()
    with structlog.contextvars.bound_contextvars(session_id=session_id):
        code = Close.NORMAL
        try:
            with sessions.entered(session):
                code = await Conversation(socket, session, settings).hold(session_id)
        except (TooManySessions, Draining) as error:
            code = await _say_goodbye(socket, error)
        log.info("websocket", path=socket.url.path, code=int(code), took_ms=round((time.monotonic() - began) * 1000))


async def refuse(socket: WebSocket, error: FleetError) -> None:
    """Let nobody in, and say why: a browser cannot see the status of a handshake that failed."""
    await _accept(socket)
    await _say_goodbye(socket, error, _closes(error) or Close.OVERLOADED)


async def _accept(socket: WebSocket) -> None:
    """Of the subprotocols that were offered, never the one with the key."""
    offered = [each for each in socket.scope.get("subprotocols", []) if not each.startswith(KEY_PROTOCOL)]
    await socket.accept(PROTOCOL if PROTOCOL in offered else next(iter(offered), None))


def _limits(settings: GatewaySettings) -> SessionLimits:
    return SessionLimits(
        max_contexts=settings.websocket_max_contexts,
        context=ContextLimits(
            max_chars=settings.max_input_length,
            max_waiting_chars=settings.websocket_max_waiting_chars,
            text_wait_s=settings.websocket_text_wait_ms / 1000,
            max_total_pause_s=settings.max_total_pause_s,
            max_ahead_s=settings.websocket_max_ahead_s,
        ),
    )


class Conversation:
    """Our messages around one session."""

    def __init__(self, socket: WebSocket, session: Session, settings: GatewaySettings) -> None:
        self._socket = socket
        self._session = session
        self._settings = settings
        self._desk = Desk.of(socket)
        self._metrics: GatewayMetrics = socket.app.state.metrics

    async def hold(self, session_id: str) -> Close:
        """To its end, by whoever ends it; nothing of it is left then."""
        self._session.outbox.answer(ready(session_id, self._told_limits()))
        hearing = asyncio.create_task(self._hear())
        telling = asyncio.create_task(self._tell())
        try:
            await asyncio.wait({hearing, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (hearing, telling):
                task.cancel()
            ends = await asyncio.gather(hearing, telling, return_exceptions=True)
            await self._session.close()
        error = next((end for end in ends if isinstance(end, Exception)), None)
        if isinstance(error, WebSocketDisconnect):
            return Close.NORMAL
        if error is not None and not isinstance(error, FleetError):
            raise error
        if self._socket.client_state is WebSocketState.DISCONNECTED:
            return Close.NORMAL
        return await _say_goodbye(self._socket, error or Draining("This server is about to stop. Connect again."))

    def _told_limits(self) -> dict[str, float]:
        settings = self._settings
        return {
            "max_contexts": settings.websocket_max_contexts,
            "max_characters": settings.max_input_length,
            "max_waiting_characters": settings.websocket_max_waiting_chars,
            "max_message_bytes": settings.websocket_max_message_bytes,
            "idle_timeout_s": settings.websocket_idle_timeout_s,
        }

    async def _tell(self) -> None:
        """Send what there is, in order, until a drained session is over."""
        while (said := await self._session.take()) is not None:
            if isinstance(said, Failed):
                self._metrics.rejected(said.error.code)
            for message in [said] if isinstance(said, str) else written(said):
                await self._send(message)

    async def _send(self, message: Message) -> None:
        limit = self._settings.stalled_client_timeout_s
        try:
            async with asyncio.timeout(limit):
                if isinstance(message, str):
                    await self._socket.send_text(message)
                else:
                    await self._socket.send_bytes(message)
        except TimeoutError as error:
            raise Stalled(f"The client took nothing for {limit:g} s.") from error

    def _refuse(self, error: FleetError, context_id: str | None) -> None:
        self._metrics.rejected(error.code)
        self._session.outbox.answer(failure(error, context_id))

    async def _hear(self) -> None:
        """Do what the client says, until it leaves."""
        while True:
            # Whoever does not read the answers is not heard: they would pile up.
            await self._session.outbox.room()
            received = await self._received()
            try:
                await self._do(read_message(received))
            except FieldFault as fault:
                self._refuse(fault.error, fault.context_id)

    async def _received(self) -> Message:
        limit = self._settings.websocket_idle_timeout_s
        while True:
            try:
                async with asyncio.timeout(limit):
                    received = await self._socket.receive()
            except TimeoutError as error:
                if self._session.is_speaking:
                    continue
                raise Idle(f"Nothing was sent or said for {limit:g} s.") from error
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code") or Close.NORMAL)
            text: str | None = received.get("text")
            return received["bytes"] if text is None else text

    async def _do(self, message: ClientMessage) -> None:
        """Raises what ends the connection; what is wrong with one context is told there."""
        context_id = message.context_id
        try:
            match message:
                case Start():
                    await self._start(message)
                case Text(text=text):
                    self._session.append(context_id, text)
                case Flush(flush_id=flush_id):
                    self._session.flush(context_id, flush_id)
                case End():
                    self._session.end(context_id)
                case Cancel():
                    self._session.cancel(context_id)
                case Ping():
                    self._session.outbox.answer(pong())
        except FleetError as error:
            if _closes(error) and not isinstance(error, Draining):
                raise
            self._refuse(error, context_id)

    async def _start(self, start: Start) -> None:
        """Raises FleetError."""
        if start.allow_voice_tags and not self._settings.enable_voice_tags:
            raise InvalidValue("Voice tags are switched off on this server.", param="allow_voice_tags")
        self._desk = replace(self._desk, tenant=tenant_now(self._socket))
        await self._desk.fleet.require()
        opening = await self._desk.resolved(lambda: self._opening(start))
        self._session.open(start.context_id, Shape(start.binary), opening.compose, opening.text, start.max_ahead_s)
        self._session.outbox.answer(started(start.context_id, opening.form))

    async def _opening(self, start: Start) -> _Opening:
        """What a context is begun with; all that ``start`` names is looked up. Raises FleetError."""
        style = self._desk.style(start.voice, start.lang_code, start.voice_aliases)
        markup = self._desk.markup(start, tags=start.allow_voice_tags)

        async def compose(request_id: str, text: str) -> Utterance:
            return self._desk.utterance(request_id, start, text, await self._desk.script(text, style, markup))

        example = await compose("", "")
        text = IncrementalText(style.language, has_voice_tags=start.allow_voice_tags)
        return _Opening(compose, text, example.format)


class _Opening(NamedTuple):
    compose: Compose
    text: IncrementalText
    form: AudioFormat


def _closes(error: FleetError) -> Close | None:
    return next((code for kind, code in CODES if isinstance(error, kind)), None)


async def _say_goodbye(socket: WebSocket, error: FleetError, code: Close | None = None) -> Close:
    """Tell why, in a message and in the close frame: its reason is the error's code."""
    code = code or _closes(error)
    assert code is not None  # noqa: S101 - no other error ends a conversation
    with contextlib.suppress(TimeoutError, WebSocketDisconnect):
        async with asyncio.timeout(GOODBYE_TIMEOUT_S):
            await socket.send_text(failure(error))
            await socket.close(code, error.code)
    return code
