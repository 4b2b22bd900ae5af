"""One request's replies, from whichever worker and in whichever order, until they are taken."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from gateway.reorder import Reorder, SpokenChunk
from shared.contract import AudioFrame, ChunkFailed, ChunkJob, Lane
from shared.errors import FleetError, SynthesisFailed, SynthesisTimeout
from shared.tracing import Span


class TenantLine:
    """A tenant's requests here, one of which may try to publish while the tenant is over its cap."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()  # first come, first served
        self.answered = asyncio.Event()
        self.weight = 1.0
        """Its share of a crowded lane is in proportion to this."""


class Unanswered(NamedTuple):
    """A chunk that has been published and has not come back."""

    span: Span
    """Begun when it was published."""
    lane: Lane


class Inbox:
    """One request's replies, as they come."""

    def __init__(self, tenant: TenantLine) -> None:
        self.tenant = tenant
        self.is_starting = True
        """Admitted, and not yet known to Redis."""
        self.published = 0
        self.jobs: dict[int, ChunkJob] = {}
        """Published and not yet taken, by their place."""
        self.unanswered: dict[int, Unanswered] = {}
        """By their place."""
        self.taken = 0
        self._reorder = Reorder()
        self._arrived = asyncio.Event()
        self._failure: FleetError | None = None

    def put(self, reply: AudioFrame | ChunkFailed) -> None:
        if isinstance(reply, AudioFrame):
            self._reorder.add(reply)
            self._arrived.set()
        else:
            self.fail(SynthesisFailed(reply.message, code=reply.code))

    def fail(self, error: FleetError) -> None:
        self._failure = self._failure or error
        self._arrived.set()

    def give_up_waiting(self) -> None:
        """Whatever comes now comes too late."""
        for unanswered in self.unanswered.values():
            unanswered.span.end()

    async def next(self, deadline: float) -> SpokenChunk:
        """The next chunk in order. What arrived before a failure is still given. ``deadline``: monotonic seconds."""
        while (spoken := self._reorder.pop()) is None:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await self._arrived.wait()
            except TimeoutError as error:
                raise SynthesisTimeout("The audio did not come in time.") from error
        self.jobs.pop(self.taken, None)
        self.taken += 1
        return spoken
