"""The subtitles of a text, timed as it is spoken."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.audio_response import AudioResponse, unbuffered
from gateway.api.body import answered, documented, read_json
from gateway.api.captions import Captions, subtitles_of
from gateway.api.downloads import download_headers
from gateway.api.idempotent import once
from gateway.api.schemas import SubtitlesRequest
from gateway.api.utterances import Desk
from gateway.pipeline import Audio, Pipeline, Utterance
from gateway.subtitles import SubtitleFormat

router = APIRouter(tags=["captions"])

_ANSWERS = answered("The subtitles.", "application/x-subrip", "text/vtt", "application/json")

_MEDIA_TYPES = {SubtitleFormat.SRT: "application/x-subrip"}
"""The others are WebVTT."""


@router.post("/v1/audio/subtitles", response_class=Response, openapi_extra=documented(SubtitlesRequest) | _ANSWERS)
async def create_subtitles(request: Request) -> Response:
    """SRT or WebVTT, cue by cue as the text is spoken; with `include_audio`, JSON of the audio and the subtitles."""
    desk = Desk.of(request)
    pipeline: Pipeline = request.app.state.pipeline
    body = await read_json(request, SubtitlesRequest, desk.settings.max_body_bytes)
    utterance = await desk.speech(request.state.request_id, body)
    await desk.fleet.require()
    form = SubtitleFormat(body.subtitle_format)
    if body.include_audio:
        opening, media_type = Captions(utterance).whole(pipeline, form), "application/json"
    else:
        opening, media_type = _cues(pipeline, utterance, form), _MEDIA_TYPES.get(form, "text/vtt") + "; charset=utf-8"
    headers = unbuffered(media_type) | download_headers(request, utterance.download)
    return AudioResponse(once(request, body, opening), headers, desk.settings.stalled_client_timeout_s)


@contextlib.asynccontextmanager
async def _cues(pipeline: Pipeline, utterance: Utterance, form: SubtitleFormat) -> AsyncIterator[Audio]:
    async with contextlib.aclosing(_written(pipeline, utterance, form)) as packets:
        yield Audio(packets)


async def _written(pipeline: Pipeline, utterance: Utterance, form: SubtitleFormat) -> AsyncGenerator[bytes, None]:
    subtitles, end_s = subtitles_of(utterance, form), 0.0
    async with contextlib.aclosing(pipeline.time(utterance)) as parts:
        async for part in parts:
            end_s = part.seconds
            if cues := subtitles.write(part.words):
                yield cues.encode()
    yield subtitles.close(end_s).encode()
