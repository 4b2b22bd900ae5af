"""What was used, on its way to Redis: written in the background, each count once."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime

from shared.errors import QueueUnavailable
from shared.observe import logger
from shared.streams.limits import month_of
from shared.streams.usage import Account, Counts, Portion, Refund, UsageStore

log = logger(__name__)

GATHER_S = 0.1
"""How long counts are gathered before they are sent: all that a gateway which is killed forgets."""

RETRY_S = 0.5

LAST_TRY_S = 3.0
"""What a gateway that is stopped takes for its last portion."""


class Journal:
    """One process' counts. ``start`` it; ``close`` sends what is left."""

    def __init__(self, store: UsageStore) -> None:
        self.store = store
        # Of this run of the process alone: its portions are numbered from 1 on.
        self._id = uuid.uuid4().hex
        self._number = 0
        self._usage: dict[Account, Counts] = defaultdict(Counts)
        self._refunds: dict[Refund, int] = defaultdict(int)
        self._of_work: dict[str, dict[Account, Counts]] = {}
        self._has_some = asyncio.Event()
        self._is_closing = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._writing = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Send what is there, if Redis takes it soon."""
        if self._writing is None:
            return
        self._is_closing.set()
        self._has_some.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._writing, LAST_TRY_S)
        if self._usage or self._of_work or self._writing.cancelled():
            log.error("usage_lost", accounts=len(self._usage) + len(self._of_work))

    def add(self, tenant_id: str, key_id: str, usage: Mapping[str, Counts], work_id: str = "") -> None:
        """Count what was used now, by voice. work_id: of work that may be begun again, and is counted once."""
        if work_id in self._of_work:
            return
        kept = self._of_work.setdefault(work_id, defaultdict(Counts)) if work_id else self._usage
        for voice, counts in usage.items():
            account = Account(datetime.now(UTC).date(), tenant_id, key_id, voice)
            kept[account] = kept[account].plus(counts)
        self._has_some.set()

    def refund(self, tenant_id: str, month: str, characters: int, work_id: str = "") -> None:
        """Give characters back to a month's budget, which the work of that id has taken."""
        self._refunds[Refund(tenant_id, month, work_id)] += characters
        self._has_some.set()

    async def _write(self) -> None:
        while not self._is_closing.is_set():
            await self._has_some.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._is_closing.wait()
            self._has_some.clear()
            await self._send()
        await self._send()  # what came while the last but one was on its way

    async def _send(self) -> None:
        portion = Portion(self._usage, self._refunds, self._of_work)
        if not (portion.usage or portion.refunds or portion.of_work):
            return
        self._usage, self._refunds, self._of_work = defaultdict(Counts), defaultdict(int), {}
        self._number += 1
        # Whether a try came through whose answer was lost nobody knows: the number tells Redis.
        while True:
            if await self._is_taken(portion):
                return
            await asyncio.sleep(RETRY_S)

    async def _is_taken(self, portion: Portion) -> bool:
        try:
            await self.store.add(self._id, self._number, portion)
        except QueueUnavailable as error:
            log.warning("usage_not_written", accounts=len(portion.usage) + len(portion.of_work), error=error.message)
            return False
        return True


def this_month() -> str:
    """In UTC."""
    return month_of(datetime.now(UTC))
