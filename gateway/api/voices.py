"""GET /v1/audio/voices: what can be spoken with."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from gateway.fleet import Fleet
from shared.voices import LANGUAGES

router = APIRouter(prefix="/v1/audio", tags=["audio"])

_GENDERS = {"f": "female", "m": "male"}


@router.get("/voices")
async def list_voices(request: Request, legacy: bool = False) -> dict[str, Any]:
    """All voices of the live workers; with ``legacy=true`` a plain list of names, as older clients expect."""
    fleet: Fleet = request.app.state.fleet
    return {"voices": fleet.voices if legacy else [_card(name) for name in fleet.voices]}


def _card(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "language": LANGUAGES.get(name[:1]),
        "gender": _GENDERS.get(name[1:2]),
    }
