"""Work in a thread that a cancelled request cannot pull the ground from under."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

READ_BYTES = 256 * 1024
"""Of a file, read in one go."""


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


async def read_file(path: Path) -> AsyncGenerator[bytes, None]:
    """A file's content, piece by piece."""
    with path.open("rb") as file:
        while piece := await run_to_end(file.read, READ_BYTES):
            yield piece


def from_any_thread(work: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """A call that has the running event loop do ``work`` and waits for it; for threads other than the loop's."""
    loop = asyncio.get_running_loop()
    return lambda: asyncio.run_coroutine_threadsafe(work(), loop).result()
