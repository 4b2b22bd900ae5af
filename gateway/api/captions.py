"""Speech with the times of its words beside it."""

from __future__ import annotations

import base64
import contextlib
import json
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.audio_response import AudioResponse, unbuffered
from gateway.api.body import answered, documented, read_json
from gateway.api.downloads import download_headers
from gateway.api.errors import error_body
from gateway.api.idempotent import once
from gateway.api.schemas import CaptionedRequest
from gateway.api.utterances import Desk
from gateway.pipeline import Audio, Pipeline, Utterance
from gateway.subtitles import SubtitleFormat, Subtitles
from gateway.text.segments import Speech
from gateway.timings import MarkTiming, WordTiming
from shared.errors import FleetError
from shared.voices import mix_name

router = APIRouter(tags=["captions"])

_ANSWERS = answered("The audio and the times.", "application/x-ndjson", "application/json")


@router.post(
    "/v1/audio/captioned_speech", response_class=Response, openapi_extra=documented(CaptionedRequest) | _ANSWERS
)
@router.post("/dev/captioned_speech", response_class=Response, include_in_schema=False)
async def create_captioned_speech(request: Request) -> Response:
    """Speak a text and tell when each of its words is heard.

    Streamed, one JSON object a line: `audio` in base64, its `audio_format`, and the `timestamps` of words as they
    become known; not streamed, one such object.
    """
    desk = Desk.of(request)
    pipeline: Pipeline = request.app.state.pipeline
    body = await read_json(request, CaptionedRequest, desk.settings.max_body_bytes)
    utterance = await desk.speech(request.state.request_id, body)
    await desk.fleet.require()
    captions = Captions(utterance, are_shown=body.return_timestamps, name_voices=body.allow_voice_tags)
    opening = captions.lines(pipeline) if body.stream else captions.whole(pipeline)
    headers = unbuffered("application/x-ndjson" if body.stream else "application/json")
    headers |= download_headers(request, utterance.download)
    return AudioResponse(once(request, body, opening), headers, desk.settings.stalled_client_timeout_s)


def subtitles_of(utterance: Utterance, form: SubtitleFormat) -> Subtitles:
    """A writer of the utterance's subtitles."""
    return Subtitles([part.text for part in utterance.script.segments if isinstance(part, Speech)], form)


class Captions:
    """How the timestamps of one utterance are written."""

    def __init__(self, utterance: Utterance, *, are_shown: bool = True, name_voices: bool = False) -> None:
        self._utterance = utterance
        self._are_shown = are_shown
        speeches = [part for part in utterance.script.segments if isinstance(part, Speech)] if name_voices else []
        self._voices = [mix_name(speech.style.voice) for speech in speeches]
        self._voice_starts = [speech.text.starts[0] for speech in speeches]

    @contextlib.asynccontextmanager
    async def lines(self, pipeline: Pipeline) -> AsyncIterator[Audio]:
        """A line for each chunk, and one for what the encoder kept back."""
        async with contextlib.aclosing(self._lines(pipeline)) as lines:
            yield Audio(lines)

    @contextlib.asynccontextmanager
    async def whole(self, pipeline: Pipeline, form: SubtitleFormat | None = None) -> AsyncIterator[Audio]:
        """One object, with subtitles in ``form`` if one is given."""
        async with pipeline.file(self._utterance) as audio:
            more = {} if form is None else {"subtitles": self._subtitles(audio, form)}
            yield Audio(self._object(audio, more))

    async def _lines(self, pipeline: Pipeline) -> AsyncGenerator[bytes, None]:
        is_answered = False
        try:
            async with contextlib.aclosing(pipeline.caption(self._utterance)) as parts:
                async for part in parts:
                    is_answered = True
                    audio = base64.b64encode(part.packet).decode()
                    yield json.dumps({"audio": audio, **self._fields(part.words, part.marks)}).encode() + b"\n"
        except FleetError as error:
            if is_answered:  # else it becomes the answer
                # For whoever reads to the end; for whoever does not, the connection is cut as well.
                yield json.dumps(error_body(error)).encode() + b"\n"
            raise

    async def _object(self, audio: Audio, more: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        """The JSON, with the audio piece by piece: it may be longer than anyone would hold in memory twice."""
        yield b'{"audio":"'
        left = b""
        async for packet in audio.packets:
            whole = left + packet
            cut = len(whole) - len(whole) % 3
            left = whole[cut:]
            yield base64.b64encode(whole[:cut])
        yield base64.b64encode(left) + b'",'
        yield json.dumps({**self._fields(audio.words, audio.marks), **more}).encode()[1:]

    def _subtitles(self, audio: Audio, form: SubtitleFormat) -> str:
        subtitles = subtitles_of(self._utterance, form)
        return subtitles.write(audio.words) + subtitles.close(audio.seconds)

    def _fields(self, words: tuple[WordTiming, ...], marks: tuple[MarkTiming, ...]) -> dict[str, Any]:
        timestamps = [self._timestamp(word) for word in words] if self._are_shown else None
        fields: dict[str, Any] = {"audio_format": self._utterance.format.media_type, "timestamps": timestamps}
        if marks:
            fields["marks"] = [{"name": mark.name, "time": round(mark.time, 4)} for mark in marks]
        return fields

    def _timestamp(self, word: WordTiming) -> dict[str, Any]:
        fields = word.fields()
        if self._voices:
            fields["voice"] = self._voices[bisect_right(self._voice_starts, word.char_start) - 1]
        return fields
