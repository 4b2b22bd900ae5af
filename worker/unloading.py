"""Watches an engine that may be unloaded."""

from __future__ import annotations

import asyncio

from shared.observe import logger
from worker.engine.unloading import UnloadingEngine

log = logger(__name__)

LOOK_S = 0.5


async def unload_when_idle(engine: UnloadingEngine) -> None:
    """Unload the engine whenever it is idle, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_S)
        if engine.is_idle and await asyncio.to_thread(engine.unload_if_idle):
            log.info("model_unloaded", reload_s=round(engine.load_s, 3))
