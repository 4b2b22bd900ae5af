"""POST /v1/audio/speech."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.audio_response import SPOKEN, spoken
from gateway.api.body import documented, read_json
from gateway.api.schemas import SpeechRequest
from gateway.api.utterances import Desk

router = APIRouter(prefix="/v1/audio", tags=["audio"])


_EXAMPLES: dict[str, dict[str, Any]] = {
    "Speech": {"model": "kokoro", "input": "Hello world!", "voice": "af_bella", "response_format": "mp3"},
    "A mix of voices, faster": {"input": "We are one.", "voice": "af_bella(2)+af_sky(1)", "speed": 1.2},
    "Two speakers": {
        "input": "[voice:anna]Is it you? [pause:0.5s][voice:ben]It is.",
        "allow_voice_tags": True,
        "voice_aliases": {"anna": "af_heart", "ben": {"voice": "am_michael", "rate": 0.9}},
    },
    "Words said your way": {"input": "[Kokoro](/kˈOkəɹO/) means heart.", "lexicon": {"heart": "hˈɑɹt"}},
    "Events": {"model": "gpt-4o-mini-tts", "input": "As it comes.", "voice": "alloy", "stream_format": "sse"},
    "For a telephone": {"input": "Press one.", "response_format": "mulaw"},
    "A file, and a link to it": {"input": "To keep.", "stream": False, "return_download_link": True},
}


@router.post("/speech", response_class=Response, openapi_extra=documented(SpeechRequest, _EXAMPLES) | SPOKEN)
async def create_speech(request: Request) -> Response:
    """Speak a text, as OpenAI's endpoint of the same name does."""
    desk = Desk.of(request)
    body = await read_json(request, SpeechRequest, desk.settings.max_body_bytes)
    utterance = await desk.speech(request.state.request_id, body)
    await desk.fleet.require()
    return spoken(request, body, utterance)
