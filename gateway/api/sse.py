"""Audio as server-sent events, which is what OpenAI's ``stream_format: "sse"`` asks for."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from gateway.api.errors import error_body
from gateway.charging import Usage
from gateway.pipeline import Audio
from shared.errors import FleetError

EVENT_STREAM = "text/event-stream"

RAW_MODELS = frozenset({"tts-1", "tts-1-hd"})
"""They send audio whatever is asked of them: so OpenAI documents it, and clients go by the name."""


@contextlib.asynccontextmanager
async def events(opening: AbstractAsyncContextManager[Audio]) -> AsyncIterator[Audio]:
    """The answer as events: a ``speech.audio.delta`` for each packet, then ``speech.audio.done``.

    A failure after the first of them is an event too, and raised as well: the end of the stream is no clean one.
    """
    async with opening as audio, contextlib.aclosing(_events(audio)) as lines:
        yield Audio(lines, usage=audio.usage)


async def _events(audio: Audio) -> AsyncGenerator[bytes, None]:
    is_answered = False
    try:
        async for packet in audio.packets:
            if packet:
                is_answered = True
                yield _event("speech.audio.delta", audio=base64.b64encode(packet).decode())
    except FleetError as error:
        if is_answered:  # else it becomes the answer
            yield _event("speech.audio.error", **error_body(error))
        raise
    yield _event("speech.audio.done", usage=_fields(audio.usage))


def _event(kind: str, **fields: Any) -> bytes:
    return b"data: " + json.dumps({"type": kind, **fields}).encode() + b"\n\n"


def _fields(usage: Usage) -> dict[str, int]:
    total = usage.input_tokens + usage.output_tokens
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "total_tokens": total}
