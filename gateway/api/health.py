"""Probes: /livez (the process answers), /readyz (requests can be served), /health (the same with its reasons)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from gateway.api.errors import error_response
from gateway.api.tenancy import may_see_the_fleet
from gateway.fleet import Fleet
from shared.errors import FleetError

router = APIRouter(tags=["health"])


@router.get("/livez")
@router.get("/v1/test", include_in_schema=False)  # as Kokoro-FastAPI's clients ask it
async def live() -> dict[str, str]:
    """This process answers. Asks nobody else, so that a busy or lost worker never gets gateways restarted."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(request: Request) -> JSONResponse:
    """Redis can be reached, a worker lives or may be waited for, and this gateway is not draining."""
    fleet: Fleet = request.app.state.fleet
    try:
        request.app.state.drain.require_serving()
        await fleet.require_hope()
    except FleetError as error:
        return error_response(error)
    return JSONResponse({"status": "ready"})


@router.get("/health", responses={503: {"description": "Speech cannot be served now; `reason` says why."}})
async def health(request: Request) -> JSONResponse:
    """Who works, and what they have done; where API keys are needed, that is for whoever has the ADMIN_API_KEY."""
    fleet: Fleet = request.app.state.fleet
    try:
        await fleet.require_now()
    except FleetError as error:
        return JSONResponse({"status": "unhealthy", "reason": error.message, "workers": []}, 503)
    if not may_see_the_fleet(request):
        return JSONResponse({"status": "healthy"})
    return JSONResponse({"status": "healthy", "workers": [_card(asdict(worker)) for worker in fleet.workers]})


def _card(worker: dict[str, Any]) -> dict[str, Any]:
    return {**worker, "voices": len(worker["voices"])}
