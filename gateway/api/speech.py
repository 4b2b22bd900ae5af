"""POST /v1/audio/speech."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.audio_response import SPOKEN, spoken
from gateway.api.body import documented, read_json
from gateway.api.schemas import SpeechRequest
from gateway.api.utterances import Desk

router = APIRouter(prefix="/v1/audio", tags=["audio"])


@router.post("/speech", response_class=Response, openapi_extra=documented(SpeechRequest) | SPOKEN)
async def create_speech(request: Request) -> Response:
    """Speak a text, as OpenAI's endpoint of the same name does."""
    desk = Desk.of(request)
    body = await read_json(request, SpeechRequest, desk.settings.max_body_bytes)
    utterance = await desk.speech(request.state.request_id, body)
    await desk.fleet.require()
    return spoken(request, body, utterance)
