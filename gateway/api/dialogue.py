"""Several speakers, one audio."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.audio_response import SPOKEN, spoken
from gateway.api.body import documented, read_json
from gateway.api.schemas import DialogueRequest
from gateway.api.utterances import Desk
from gateway.pipeline import Utterance
from gateway.text.segments import Pause, Script, Speech
from shared.errors import FleetError

router = APIRouter(tags=["audio"])


@router.post("/v1/audio/dialogue", response_class=Response, openapi_extra=documented(DialogueRequest) | SPOKEN)
@router.post("/dev/dialogue", response_class=Response, include_in_schema=False)
async def create_dialogue(request: Request) -> Response:
    """Speak turns, each in its voice, with a pause between them."""
    desk = Desk.of(request)
    body = await read_json(request, DialogueRequest, desk.settings.max_body_bytes)
    utterance = await desk.resolved(lambda: _utterance(request.state.request_id, body, desk))
    await desk.fleet.require()
    return spoken(request, body, utterance)


async def _utterance(request_id: str, body: DialogueRequest, desk: Desk) -> Utterance:
    text = "\n".join(turn.text for turn in body.turns)
    desk.require_length(len(text))
    segments: list[Speech | Pause] = []
    offset = 0
    for number, turn in enumerate(body.turns):
        if number and body.pause_between_turns:
            segments.append(Pause(body.pause_between_turns, offset, offset))
        try:
            style = desk.style(turn.voice, body.lang_code, body.voice_aliases)
            script = await desk.script(turn.text, style, desk.markup(body, tags=True))
        except FleetError as error:
            # Only the turn's number tells the caller which of its texts or voices is meant.
            error.param = f"turns[{number}]"
            raise
        segments += script.shifted(offset).segments
        offset += len(turn.text) + 1
    desk.require_pauses(segments)
    return desk.utterance(request_id, body, text, Script(tuple(segments)))
