"""GET /v1/models: the names under which the one model answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from shared.errors import UnknownModel

MODELS = ("kokoro", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
CREATED = 1_686_935_002
"""What Kokoro-FastAPI says; clients that cache by it see no change."""

router = APIRouter(prefix="/v1/models", tags=["models"])


def require_model(name: str) -> None:
    """Raise UnknownModel unless ``name`` is one of ours."""
    if name not in MODELS:
        raise UnknownModel(
            f"The model {name[:100]!r} does not exist. Choose one of {', '.join(MODELS)}.", param="model"
        )


@router.get("")
async def list_models() -> dict[str, Any]:
    """All model names."""
    return {"object": "list", "data": [_card(name) for name in MODELS]}


@router.get("/{name}")
async def get_model(name: str) -> dict[str, Any]:
    """One model name."""
    require_model(name)
    return _card(name)


def _card(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "kokoro"}
