"""Telemetry as settings and environment ask for it, for the processes that speak: gateways and batch runners."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator

from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from gateway.telemetry import Telemetry
from shared.metrics import Probes, metrics_served, new_registry
from shared.tracing import tracing_for


def telemetry_for(component: str, settings: GatewaySettings) -> Telemetry:
    """component: gateway or batch. Raises FleetError for traces that cannot be sent."""
    metrics = GatewayMetrics(new_registry(component), tenant_label=settings.metrics_tenant_label)
    return Telemetry(metrics, tracing_for(component))


MAX_STILL_S = 30.0
"""An event loop that has not turned for so long is stuck, for /livez."""


@contextlib.asynccontextmanager
async def watched(component: str, settings: GatewaySettings) -> AsyncIterator[Telemetry]:
    """Telemetry of a process that has no HTTP of its own: on METRICS_PORT, with /livez and /readyz beside it.

    Raises FleetError as ``telemetry_for`` and ``shown`` do.
    """
    telemetry, turned_at = telemetry_for(component, settings), time.monotonic()

    async def turn() -> None:
        nonlocal turned_at
        while True:
            await asyncio.sleep(settings.heartbeat_s)
            turned_at = time.monotonic()

    def is_live() -> bool:
        return time.monotonic() - turned_at < MAX_STILL_S

    with shown(telemetry, settings, probes=Probes(is_live, is_live)):
        turning = asyncio.create_task(turn())
        try:
            yield telemetry
        finally:
            turning.cancel()


@contextlib.contextmanager
def shown(
    telemetry: Telemetry,
    settings: GatewaySettings,
    *,
    probes: Probes | None = None,
    before_scrape: Callable[[], None] | None = None,
) -> Iterator[None]:
    """While a process runs: its metrics on METRICS_PORT, where that is set; at its end its last traces are sent.

    ``probes``: for a process that has no other port to be asked on. Raises FleetError if the port cannot be had.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(telemetry.tracing.close)
        if settings.metrics_enabled and settings.metrics_port is not None:
            server = metrics_served(
                telemetry.metrics.registry,
                settings.metrics_host,
                settings.metrics_port,
                probes=probes,
                before_scrape=before_scrape,
            )
            stack.enter_context(server)
        yield
