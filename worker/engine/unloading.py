"""An engine that gives its model's memory back while it has nothing to do, and loads it again for the next job."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Sequence

from worker.engine.base import Engine, EngineError, EngineJob, Speech

LEAST_LOAD_S = 0.001


class UnloadingEngine:
    """Any engine, built anew when it is wanted again.

    build: makes the engine, ready for ``warm_up``; called at once, and after each unloading. idle_s: how long the
    engine may have had nothing to do. clock: monotonic seconds. It is asked by one thread more than the engine: that
    which looks whether it is idle. Raises whatever ``build`` does.
    """

    def __init__(self, build: Callable[[], Engine], idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._build = build
        self._idle_s = idle_s
        self._clock = clock
        self._lock = threading.Lock()
        self._speaking = 0
        started = clock()
        engine = build()
        self._engine: Engine | None = engine
        self._load_s = clock() - started
        self._last_used = clock()
        self.name = engine.name
        self.capabilities = engine.capabilities

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._engine is not None

    @property
    def load_s(self) -> float:
        """Seconds that the next job waits for the model, as measured the last time; 0 only while it is loaded."""
        return 0.0 if self.is_loaded else max(self._load_s, LEAST_LOAD_S)

    @property
    def is_idle(self) -> bool:
        """Whether the model is loaded and has not been wanted for ``idle_s``."""
        return self.is_loaded and not self._speaking and self._clock() - self._last_used >= self._idle_s

    def warm_up(self) -> None:
        """As the engine itself; counts as part of loading."""
        with self._lock:
            started = self._clock()
            self._loaded().warm_up()
            self._load_s += self._clock() - started
            self._last_used = self._clock()

    def load(self) -> None:
        """Have the model in memory, warmed up. Raises EngineError where that fails; the next call tries again."""
        with self._lock:
            self._loaded()

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        """As the engine itself, after loading it if it must."""
        with self._lock:
            engine = self._loaded()
            self._speaking += 1
        try:
            return engine.synthesise(batch)
        finally:
            with self._lock:
                self._speaking -= 1
                self._last_used = self._clock()

    def interrupt(self) -> None:
        """As the engine itself."""
        if engine := self._engine:
            engine.interrupt()

    def unload_if_idle(self) -> bool:
        """Give the memory back if the engine is idle; whether it was."""
        if not self._lock.acquire(blocking=False):
            return False  # it is being loaded
        try:
            if not self.is_idle:
                return False
            self._engine = None
            _return_memory()
            return True
        finally:
            self._lock.release()

    def _loaded(self) -> Engine:
        if self._engine is None:
            started = self._clock()
            engine = self._build()
            engine.warm_up()
            self._load_s = self._clock() - started
            self._last_used = self._clock()
            self._engine = engine
        return self._engine


def _return_memory() -> None:
    gc.collect()  # networks and sessions are in cycles
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
