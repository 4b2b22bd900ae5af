"""GET /metrics, for Prometheus. Needs no API key: see docs/observability.md for how to keep it to oneself."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from gateway.fleet_metrics import FleetCollector
from shared.metrics import METRICS_PATH

router = APIRouter(tags=["health"])


@router.get(METRICS_PATH, include_in_schema=False)
async def show_metrics(request: Request) -> Response:
    """This gateway's numbers, and the fleet's."""
    fleet: FleetCollector = request.app.state.fleet_metrics
    registry: CollectorRegistry = request.app.state.metrics.registry
    await fleet.refresh()
    return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})
