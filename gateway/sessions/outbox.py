"""What is to be sent, in the order in which it goes out: answers at once, the contexts' audio in turns."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from gateway.sessions.events import Event

Answer = TypeVar("Answer")

MAX_ANSWERS = 64
"""Answers that may wait for a client that does not read; then it is not heard any more until it does."""


class Outbox(Generic[Answer]):
    """Holds one event of each context: who has one waiting makes no more, so a slow reader slows the making."""

    def __init__(self, on_taken: Callable[[Any, Event], None] = lambda *_: None) -> None:
        """``on_taken`` hears of each event, and whose it is, when it is taken."""
        self._on_taken = on_taken
        self._answers: deque[Answer] = deque()
        self._turns: dict[Any, tuple[Event, asyncio.Future[None]]] = {}
        """By whom they come from, in the order in which they came."""
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._is_closed = False

    def answer(self, answer: Answer) -> None:
        """Send this before any audio that waits."""
        self._answers.append(answer)
        if len(self._answers) >= MAX_ANSWERS:
            self._room.clear()
        self._changed.set()

    async def room(self) -> None:
        """Wait until the reader has taken some of the answers, if there are many."""
        await self._room.wait()

    async def offer(self, sender: Any, event: Event) -> None:
        """Send this when it is the sender's turn; returns when it is taken. Cancelled before, it is not sent."""
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns[sender] = event, taken
        self._changed.set()
        try:
            await taken
        finally:
            if not taken.done() or taken.cancelled():
                self.withdraw(sender)

    def withdraw(self, sender: Any) -> None:
        """What waits of this sender is not sent."""
        self._turns.pop(sender, None)

    def close(self) -> None:
        """Nothing comes any more."""
        self._is_closed = True
        self._changed.set()

    async def take(self) -> Answer | Event | None:
        """The next to be sent; None once it is closed and empty."""
        while not (self._answers or self._turns):
            if self._is_closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        if self._answers:
            answer = self._answers.popleft()
            if len(self._answers) < MAX_ANSWERS:
                self._room.set()
            return answer
        sender = next(iter(self._turns))
        event, taken = self._turns.pop(sender)
        self._on_taken(sender, event)
        with contextlib.suppress(asyncio.InvalidStateError):
            taken.set_result(None)
        return event
