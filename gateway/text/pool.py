"""A pool of processes that is ready before the first request, or only while there is work, and that comes back after a
crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import ParamSpec, TypeVar

from gateway.text.errors import FrontendUnavailable
from gateway.text.phonemisers import PRELOADED
from gateway.text.process import prepare, process_id
from shared.observe import logger

_P = ParamSpec("_P")
_T = TypeVar("_T")

_MAX_TRIES = 2
"""A task that was running when a process died is tried once more: it may have been another one's fault."""

_MAX_STARTS = 3
_RESTART_DELAY_S = 0.2
"""A fork server that has just died is for a moment still taken to be there (multiprocessing.forkserver)."""

_log = logger(__name__)


class ProcessPool:
    """Runs functions in processes that hold the G2Ps. Belongs to one event loop.

    ``idle_s``: after so long without work the processes end, and the next work waits until they are there again. With
    one process all of its memory goes then; several share that of a fork server, which stays.
    """

    def __init__(self, num_processes: int, idle_s: float | None = None) -> None:
        self._num_processes = num_processes
        self._idle_s = idle_s
        self._num_running = 0
        self._resting: asyncio.TimerHandle | None = None
        self._executor: ProcessPoolExecutor | None = None
        self._building = asyncio.Lock()
        self._closed = False

    async def start(self) -> None:
        """Start all processes. Raises FrontendUnavailable if they cannot be."""
        await self._ready()

    async def close(self) -> None:
        """Finish what is running, drop what is waiting, stop the processes."""
        self._closed = True
        self._wake()
        async with self._building:
            executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)

    async def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """``function(*args)`` in a process; all must pickle. Raises FrontendUnavailable if processes die of it."""
        with self._at_work():
            for _ in range(_MAX_TRIES):
                executor = await self._ready()
                try:
                    return await asyncio.wrap_future(executor.submit(function, *args, **kwargs))
                except BrokenProcessPool:
                    self._discard(executor)
        raise FrontendUnavailable(f"A text process died {_MAX_TRIES} times over the same input. Try again later.")

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        self._wake()
        self._num_running += 1
        try:
            yield
        finally:
            self._num_running -= 1
            if self._idle_s is not None and not self._num_running and not self._closed:
                self._resting = asyncio.get_running_loop().call_later(self._idle_s, self._rest)

    def _wake(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _rest(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)

    async def _ready(self) -> ProcessPoolExecutor:
        async with self._building:
            if self._closed:
                raise FrontendUnavailable("The text frontend is closed.")
            if self._executor is None:
                self._executor = await self._start()
            return self._executor

    async def _start(self) -> ProcessPoolExecutor:
        for _ in range(_MAX_STARTS - 1):
            with contextlib.suppress(FrontendUnavailable):
                return await asyncio.to_thread(_started, self._num_processes, self._context())
            await asyncio.sleep(_RESTART_DELAY_S)
        return await asyncio.to_thread(_started, self._num_processes, self._context())

    def _context(self) -> BaseContext:
        rests_alone = self._idle_s is not None and self._num_processes == 1
        if rests_alone or "forkserver" not in multiprocessing.get_all_start_methods():
            return multiprocessing.get_context("spawn")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([PRELOADED])
        return context

    def _discard(self, executor: ProcessPoolExecutor) -> None:
        if self._executor is executor:  # else another task has noticed before
            _log.warning("text_process_died", num_processes=self._num_processes)
            self._executor = None
            executor.shutdown(wait=False)


def _started(num_processes: int, context: BaseContext) -> ProcessPoolExecutor:
    """Blocks until all processes are ready: for seconds, if the fork server is new and has to load."""
    executor = ProcessPoolExecutor(num_processes, mp_context=context, initializer=prepare)
    try:
        # As many tasks at once as processes: the executor starts one for each.
        for task in [executor.submit(process_id) for _ in range(num_processes)]:
            task.result()
    except (BrokenProcessPool, EOFError, OSError) as error:
        executor.shutdown(wait=False)
        raise FrontendUnavailable("The text processes do not start; their own log says why.") from error
    return executor
