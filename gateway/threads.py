"""Work in a thread that a cancelled request cannot pull the ground from under."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_end(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``asyncio.to_thread``, but a cancellation is felt only once the thread is done with what it was given.

    Nothing can stop a thread: where the caller goes on at once, it frees an encoder the thread still writes to.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        running.exception()  # nobody is left to hear of it
        raise cancelled
    return running.result()
