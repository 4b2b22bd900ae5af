"""The messages of ``/v1/audio/speech/stream``; ``docs/websocket.md`` is their manual."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError
from pydantic_core import from_json

from gateway.api.errors import error_body, invalid_body
from gateway.api.schemas import AudioRequest, Voice
from gateway.audio.formats import AudioFormat
from gateway.charging import Usage
from gateway.sessions import Cancelled, Done, Event, Failed, Flushed, LeavingSoon, Spoken
from gateway.timings import WordTiming
from shared.errors import BadRequest, FleetError

BINARY_VERSION = 1
"""First byte of every binary message."""

Message = str | bytes
ContextId = Annotated[StrictStr, Field(min_length=1, max_length=63)]
"""At most 252 bytes of UTF-8: their number fits into one byte."""


class BadMessage(BadRequest):
    """Not to be understood: neither what it asks for nor what it is about."""

    code = "bad_message"


class FieldFault(Exception):
    """A message that is understood but for a field."""

    def __init__(self, context_id: str, error: BadRequest) -> None:
        super().__init__(error.message)
        self.context_id = context_id
        self.error = error


class ClientMessage(BaseModel):
    """What all have."""

    model_config = ConfigDict(extra="ignore")

    context_id: ContextId = "default"


class Start(ClientMessage, AudioRequest):
    """Begins a context."""

    response_format: StrictStr = "pcm"
    voice: Voice = None
    allow_voice_tags: StrictBool = False
    binary: StrictBool = False
    max_ahead_s: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)] | None = None
    stream: Literal[True] = True
    stream_format: Literal["audio"] = "audio"
    return_download_link: Literal[False] = False
    return_timing: Literal[False] = False


class Text(ClientMessage):
    """More text of a context."""

    text: StrictStr


class Flush(ClientMessage):
    """Speak what is there."""

    flush_id: Annotated[StrictStr, Field(max_length=63)] | None = None


class End(ClientMessage):
    """No more text comes."""


class Cancel(ClientMessage):
    """Say nothing more."""


class Ping(ClientMessage):
    """Is anybody there?"""


MESSAGES: Mapping[str, type[ClientMessage]] = {
    "start": Start,
    "text": Text,
    "flush": Flush,
    "end": End,
    "cancel": Cancel,
    "ping": Ping,
}


def read_message(received: Message) -> ClientMessage:
    """Raises BadMessage, FieldFault."""
    if isinstance(received, bytes):
        raise BadMessage("Messages to this server are JSON, in text frames.")
    try:
        fields = from_json(received)
    except ValueError as error:
        raise BadMessage(f"The message is not JSON: {error}.") from error
    schema = MESSAGES.get(kind) if isinstance(fields, dict) and isinstance(kind := fields.get("type"), str) else None
    if schema is None:
        raise BadMessage(f"The message has no known `type`; there are {', '.join(MESSAGES)}.", param="type")
    try:
        return schema.model_validate(fields)
    except ValidationError as error:
        fault = invalid_body(error)
        if fault.param == "context_id":
            raise BadMessage(fault.message, param=fault.param) from error
        raise FieldFault(fields.get("context_id", "default"), fault) from error


@dataclass(frozen=True, slots=True)
class Shape:
    """How one context's audio is sent."""

    is_binary: bool


def ready(session_id: str, limits: Mapping[str, float]) -> str:
    """The first message of all."""
    return _json("ready", session_id=session_id, limits=limits)


def started(context_id: str, form: AudioFormat) -> str:
    return _json("started", context_id=context_id, audio_format=form.media_type, sample_rate=form.sample_rate)


def failure(error: FleetError, context_id: str | None = None) -> str:
    about = {} if context_id is None else {"context_id": context_id}
    return _json("error", **about, **error_body(error))


def pong() -> str:
    return _json("pong")


def written(event: Event | LeavingSoon) -> Iterator[Message]:
    """The messages that say ``event``."""
    match event:
        case Spoken(context_id, Shape(is_binary), packet, words):
            if words:
                yield _json("words", context_id=context_id, words=[_word(word) for word in words])
            if packet:
                yield _binary(context_id, packet) if is_binary else _audio(context_id, packet)
        case Flushed(context_id, _, flush_id):
            yield _json("flushed", context_id=context_id, flush_id=flush_id)
        case Done(context_id, _, usage, num_chars, audio_s):
            yield _json("done", context_id=context_id, usage=_usage(usage, num_chars, audio_s))
        case Cancelled(context_id):
            yield _json("cancelled", context_id=context_id)
        case Failed(context_id, _, error):
            yield failure(error, context_id)
        case LeavingSoon(within_s):
            yield _json("draining", within_s=within_s)


def _json(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


def _audio(context_id: str, packet: bytes) -> str:
    return _json("audio", context_id=context_id, audio=base64.b64encode(packet).decode())


def _binary(context_id: str, packet: bytes) -> bytes:
    name = context_id.encode()
    return bytes((BINARY_VERSION, len(name))) + name + packet


def _word(word: WordTiming) -> dict[str, Any]:
    fields = {
        "word": word.word,
        "start_time": round(word.start, 4),
        "end_time": round(word.end, 4),
        "char_start": word.char_start,
        "char_end": word.char_end,
    }
    return fields if word.spoken is None else {**fields, "spoken": word.spoken}


def _usage(usage: Usage, num_chars: int, audio_s: float) -> dict[str, float]:
    return {
        "input_characters": num_chars,
        "audio_seconds": round(audio_s, 3),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
