"""The voices: what can be spoken with, mixes as files, and mixes saved under a name."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StrictStr, model_validator
from starlette.responses import Response

from gateway.api.body import documented, read_json
from gateway.api.utterances import Desk
from gateway.voices import SAMPLE_TEXTS
from shared.contract import VoiceMix
from shared.errors import BadRequest
from shared.voices import LANGUAGES, MAX_MIXED_VOICES, OPENAI_VOICES, mix_name

router = APIRouter(prefix="/v1/audio", tags=["voices"])

_GENDERS = {"f": "female", "m": "male"}

_MAX_FILE_NAME = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9_.()+-]")


class CombineRequest(BaseModel):
    """Body of POST /v1/audio/voices/combine; a bare string or list is its `voices`."""

    voices: StrictStr | list[StrictStr] = Field(
        description="A mix such as `af_bella(2)+af_sky(1)`, or a list of voices of equal weight."
    )
    name: StrictStr | None = Field(None, description="Save the mix as a voice of this name.")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, body: Any) -> Any:
        return {"voices": body} if isinstance(body, str | list) else body

    @property
    def expression(self) -> str:
        """What is to be mixed, as a voice expression."""
        if isinstance(self.voices, str):
            return self.voices
        return "+".join(self.voices[: MAX_MIXED_VOICES + 1])


def _documented() -> dict[str, Any]:
    written = documented(CombineRequest)
    content = written["requestBody"]["content"]["application/json"]
    bare = [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    content["schema"] = {"anyOf": [*bare, content["schema"]]}
    content["example"] = "af_bella(2)+af_sky(1)"
    file = {"schema": {"type": "string", "format": "binary"}}
    answers = {"200": {"description": "The voice file.", "content": {"application/octet-stream": file}}}
    return {**written, "responses": answers}


@router.get("/voices")
async def list_voices(request: Request, legacy: bool = False) -> dict[str, Any]:
    """All voices of the live workers and all saved ones; with `legacy=true` their names alone, as older clients expect.

    `aliases` are other names for some of them: OpenAI's.
    """
    desk = Desk.of(request)
    await desk.voices.refresh()
    names, saved = desk.voices.names, desk.voices.saved
    if legacy:
        return {"voices": [*names, *saved]}
    cards = [_card(name, name) for name in names]
    cards += [_card(name, mix[0][0]) | {"mix": mix_name(mix)} for name, mix in saved.items()]
    return {
        "voices": cards,
        "default_voice": desk.voices.default(desk.settings.default_voice),
        "aliases": {alias: name for alias, name in OPENAI_VOICES.items() if name in names},
    }


@router.post("/voices/combine", response_class=Response, openapi_extra=_documented())
async def combine_voices(request: Request, name: str | None = None) -> Response:
    """A mix of voices as a `.pt` file, as torch reads it. With a `name`, in the query or the body, it is saved as well,
    and can then be spoken with like any other voice.
    """
    desk = Desk.of(request)
    body = await read_json(request, CombineRequest, desk.settings.max_body_bytes)
    asked = body.name if name is None else name
    name = None if asked is None else desk.voices.name_to_save(asked)

    async def mixed() -> VoiceMix:
        return desk.voices.mix(body.expression)

    try:
        mix = await desk.resolved(mixed)
    except BadRequest as error:
        error.param = "voices"
        raise
    await desk.fleet.require()
    pack = await desk.voices.pack(mix)
    if name is not None:
        await desk.voices.save(name, mix)
    headers = {"content-disposition": f'attachment; filename="{_file_name(name or mix_name(mix))}"'}
    return Response(pack, media_type="application/octet-stream", headers=headers)


@router.delete("/voices/{name}")
async def delete_voice(request: Request, name: str) -> dict[str, Any]:
    """Delete a saved voice."""
    return {"id": await Desk.of(request).voices.delete(name), "object": "audio.voice", "deleted": True}


def _card(name: str, first: str) -> dict[str, Any]:
    """``first``: the voice whose name tells language and gender."""
    return {
        "id": name,
        "name": name,
        "language": LANGUAGES.get(first[:1]),
        "gender": _GENDERS.get(first[1:2]),
        "sample_text": SAMPLE_TEXTS.get(first[:1]),
    }


def _file_name(voice: str) -> str:
    safe = _UNSAFE.sub("_", voice)
    return f"{safe if len(safe) <= _MAX_FILE_NAME else 'combined'}.pt"
