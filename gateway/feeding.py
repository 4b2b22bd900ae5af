"""Between a task that puts things into a queue and whoever takes them out."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def next_fed(queue: asyncio.Queue[T], feeder: asyncio.Task[None]) -> T:
    """What comes next. Raises what the feeder raised, once all that it had put before is taken."""
    getting = asyncio.ensure_future(queue.get())
    try:
        await asyncio.wait({getting, feeder}, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done() and queue.empty():
            feeder.result()
        return await getting
    finally:
        getting.cancel()
