"""All conversations of one gateway: how many there may be, and how they end when the gateway does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from gateway.sessions.errors import TooManySessions
from gateway.sessions.session import Session
from shared.errors import Draining

LAST_WORDS_S = 1.0
"""For the last messages of those that were given up."""


class Sessions:
    """The open ones."""

    def __init__(self, max_sessions: int) -> None:
        self._max_sessions = max_sessions
        self._open: set[Session] = set()
        self._is_draining = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def entered(self, session: Session) -> Iterator[None]:
        """Count ``session`` in. Raises TooManySessions, Draining."""
        if self._is_draining:
            raise Draining("This server is about to stop. Connect again.")
        if len(self._open) >= self._max_sessions:
            raise TooManySessions(f"This server holds {self._max_sessions} connections already. Try again later.")
        self._open.add(session)
        try:
            yield
        finally:
            self._open.discard(session)
            self._changed.set()

    async def drain(self, timeout_s: float) -> None:
        """Let what is being said come to its end, for so long; then end everything."""
        self._is_draining = True
        for session in self._open:
            session.drain(timeout_s)
        await self._empty_within(timeout_s)
        for session in self._open:
            session.give_up()
        await self._empty_within(LAST_WORDS_S)

    async def _empty_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._open:
                    self._changed.clear()
                    await self._changed.wait()
