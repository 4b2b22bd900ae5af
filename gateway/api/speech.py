"""POST /v1/audio/speech."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.audio_response import AudioResponse
from gateway.api.body import read_json
from gateway.api.models import require_model
from gateway.api.schemas import SpeechRequest
from gateway.audio.formats import FORMATS
from gateway.fleet import Fleet
from gateway.pipeline import Pipeline, Utterance
from gateway.settings import GatewaySettings
from gateway.text.languages import choose_language
from shared.errors import InputTooLarge
from shared.voices import parse_mix

router = APIRouter(prefix="/v1/audio", tags=["audio"])

_DOCUMENTED: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": SpeechRequest.model_json_schema()}}},
    "responses": {
        "200": {
            "description": "The audio.",
            "content": {
                form.media_type: {"schema": {"type": "string", "format": "binary"}} for form in FORMATS.values()
            },
        }
    },
}


@router.post("/speech", response_class=Response, openapi_extra=_DOCUMENTED)
async def create_speech(request: Request) -> Response:
    """Speak a text, as OpenAI's endpoint of the same name does."""
    settings: GatewaySettings = request.app.state.settings
    fleet: Fleet = request.app.state.fleet
    pipeline: Pipeline = request.app.state.pipeline
    body = await read_json(request, SpeechRequest, settings.max_body_bytes)
    utterance = _utterance(request.state.request_id, body, settings, fleet)
    await fleet.require()
    opening = pipeline.stream(utterance) if body.stream else pipeline.file(utterance)
    return AudioResponse(opening, _headers(utterance), settings.stalled_client_timeout_s)


def _utterance(request_id: str, body: SpeechRequest, settings: GatewaySettings, fleet: Fleet) -> Utterance:
    require_model(body.model)
    if len(body.input) > settings.max_input_length:
        raise InputTooLarge(
            f"The input has {len(body.input)} characters; at most {settings.max_input_length} are allowed.",
            param="input",
        )
    expression = settings.default_voice if body.voice_expression is None else body.voice_expression
    voice = parse_mix(expression, fleet.voices)
    return Utterance(
        request_id=request_id,
        text=body.input,
        voice=voice,
        language=choose_language(voice[0][0], body.lang_code),
        speed=body.speed,
        seed=body.seed,
        volume=body.volume_multiplier,
        format=FORMATS[body.response_format],
    )


def _headers(utterance: Utterance) -> dict[str, str]:
    return {
        "content-type": utterance.format.media_type,
        "content-disposition": f'attachment; filename="speech.{utterance.format.extension}"',
        "cache-control": "no-cache",
        "x-accel-buffering": "no",  # nginx must not hold back what was made early
    }
