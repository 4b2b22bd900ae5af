"""Claims the work of all open batches, as much at a time as there are hands, and keeps what it claimed."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from gateway.api.errors import may_pass
from gateway.batch.errors import BatchRefused
from gateway.batch.files import Files
from gateway.batch.lines import fault
from gateway.batch.owners import Owners
from gateway.runner.kinds import Items, Kind
from shared.errors import FleetError, LimitReached, QueueUnavailable, SynthesisFailed
from shared.observe import logger
from shared.streams.batches import CHECK, FINISH, BatchRecord, BatchStore, Claim
from shared.streams.files import FileRecord
from shared.tracing import TENANT_ID, UNTRACED, Tracing

log = logger(__name__)

MAX_BACKOFF_S = 60.0
MAX_STEP_TRIES = 1000
"""Of a check or a finish: a storage that is away for hours costs nothing, a fault of ours does not go on for ever."""

UNKNOWN_KIND_PAUSE_S = 5.0
"""Until another runner, of another release, may have seen it."""


class Crew:
    """Hands that work on batches, for one process."""

    def __init__(
        self,
        store: BatchStore,
        files: Files,
        owners: Owners,
        kinds: Mapping[str, Kind],
        *,
        owner: str,
        hands: int,
        heartbeat_s: float,
        max_tries: int,
        can_speak: Callable[[], bool],
        announce: Callable[[BatchRecord], Awaitable[None]],
        tracing: Tracing = UNTRACED,
    ) -> None:
        """``announce``: called before a batch is over, so that no death in between keeps its end from being told."""
        self._store = store
        self._files = files
        self._owners = owners
        self._kinds = kinds
        self._owner = owner
        self._hands = hands
        self._heartbeat_s = heartbeat_s
        self._max_tries = max_tries
        self._can_speak = can_speak
        self._announce = announce
        self._tracing = tracing
        self._at_work: dict[asyncio.Task[None], Claim] = {}
        self._ending: set[Claim] = set()
        """Those whose end is being told: nobody owns them any more, but what is left to do is still to be done."""
        self._tenants: dict[str, str] = {}
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()

    def stop(self) -> None:
        """Claim nothing more; ``run`` returns once what is under way is done, or given back."""
        self._stopping.set()
        self._changed.set()

    async def run(self, grace_s: float) -> None:
        """Work until ``stop``, and then ``grace_s`` longer on what was begun."""
        beating = asyncio.create_task(self._beat())
        try:
            while not self._stopping.is_set():
                # One hand more than there are for items: nobody's check or finish waits behind a long text.
                if len(self._at_work) <= self._hands and (claim := await self._next()):
                    self._start(claim)
                    continue
                self._changed.clear()
                if not self._stopping.is_set():
                    await _wait(self._changed, self._heartbeat_s)
            if self._at_work:
                await asyncio.wait(self._at_work, timeout=grace_s)
            await self._give_all_back()
        finally:
            beating.cancel()
            await asyncio.gather(beating, *self._at_work, return_exceptions=True)

    async def _next(self) -> Claim | None:
        """Of whoever has least under way here: the tenant first, then the batch."""
        try:
            self._tenants = await self._store.open()
            by_batch = Counter(claim.batch_id for claim in self._at_work.values())
            by_tenant: Counter[str] = Counter()
            for batch_id, count in by_batch.items():
                by_tenant[self._tenants.get(batch_id, "")] += count
            ready = sorted(self._tenants, key=lambda each: (by_tenant[self._tenants[each]], by_batch[each]))
            with_items = self._can_speak() and len(self._at_work) < self._hands
            for batch_id in ready:
                if claim := await self._store.claim(batch_id, self._owner, with_items=with_items):
                    return claim
        except QueueUnavailable as error:
            log.warning("queue_unavailable", error=error.message)
        return None

    def _start(self, claim: Claim) -> None:
        task = asyncio.create_task(self._do(claim))
        self._at_work[task] = claim
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        claim = self._at_work.pop(task)
        self._ending.discard(claim)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()):
            # Its lease lapses and somebody tries again, until there were too many tries.
            log.error("batch_work_failed", batch=claim.batch_id, member=claim.member, exc_info=error)

    async def _do(self, claim: Claim) -> None:
        batch = await self._store.get(claim.batch_id)
        if batch is None:
            return
        kind = self._kinds.get(batch.kind)
        if kind is None:
            await self._store.give_back(claim, UNKNOWN_KIND_PAUSE_S, is_a_try=False)
            return
        steps: dict[str, Callable[[BatchRecord, Kind, Claim], Awaitable[None]]] = {
            CHECK: self._check,
            FINISH: self._finish,
        }
        try:
            if claim.tries > MAX_STEP_TRIES:
                raise SynthesisFailed("Given up: see the server's log.", code="job_undeliverable")
            with self._traced(batch, claim):
                await steps.get(claim.member, self._item)(batch, kind, claim)
        except BatchRefused as refused:
            await self._refuse(batch, kind, claim, refused.faults)
        except FleetError as error:
            if not may_pass(error):
                await self._refuse(batch, kind, claim, [fault(error.code, error.message, None, error.param)])
                return
            pause_s = min(MAX_BACKOFF_S, self._heartbeat_s * 2.0**claim.tries)
            log.warning("batch_work_put_off", batch=batch.id, member=claim.member, code=error.code, pause_s=pause_s)
            await self._store.give_back(claim, pause_s)

    @contextlib.contextmanager
    def _traced(self, batch: BatchRecord, claim: Claim) -> Iterator[None]:
        step = claim.member if claim.member in {CHECK, FINISH} else "item"
        with self._tracing.serving(f"batch {step}", {}) as span:
            span.set({"kokoro.batch_id": batch.id, TENANT_ID: batch.tenant_id, "kokoro.batch_member": claim.member})
            try:
                yield
            except FleetError as error:
                span.fail(error.code)
                raise

    async def _check(self, batch: BatchRecord, kind: Kind, claim: Claim) -> None:
        batch, items = await self._owners.refreshed(batch), Items(self._store, batch)
        await kind.check(batch, items)
        await items.flush()
        try:
            await self._owners.admit(batch, items.characters)
        except LimitReached as error:
            # As OpenAI has it: it fails, instead of waiting unheard of for room.
            raise BatchRefused([fault(error.code, error.message, None, error.param)]) from error
        await self._store.begin(claim, items.total, items.characters)

    async def _refuse(self, batch: BatchRecord, kind: Kind, claim: Claim, faults: Sequence[Mapping[str, Any]]) -> None:
        await self._announce(batch)
        self._ending.add(claim)
        if await self._store.close(claim, "failed", {"errors": list(faults)}, keeps_results=True):
            log.info("batch_refused", batch=batch.id, faults=len(faults))
            await self._owners.leave(batch)
            await kind.ended(batch)

    async def _item(self, batch: BatchRecord, kind: Kind, claim: Claim) -> None:
        try:
            if claim.tries > self._max_tries:
                raise SynthesisFailed(f"Given up after {self._max_tries} tries.", code="batch_item_given_up")
            batch = await self._owners.refreshed(batch)
            settled = await kind.work(batch, claim)
        except FleetError as error:
            if may_pass(error) and claim.tries < self._max_tries:
                raise
            settled = kind.refused(batch, error)
        self._ending.add(claim)
        if await self._store.settle(claim, settled):
            await self._owners.lessen(batch, settled.characters)
        else:
            await self._discard(*settled.files)

    async def _finish(self, batch: BatchRecord, kind: Kind, claim: Claim) -> None:
        end = await kind.finish(batch)
        await self._announce(batch)
        self._ending.add(claim)
        closed = await self._store.close(claim, batch.ending, end.outcome, end.files, keeps_results=end.keeps_results)
        if not closed:
            await self._discard(*end.files)
            return
        await self._owners.leave(batch)
        log.info("batch_ended", batch=batch.id, status=batch.ending, done=batch.done, failed=batch.failed)
        await kind.ended(batch)

    async def _discard(self, *files: FileRecord) -> None:
        for record in files:
            await self._files.discard(record)

    async def _beat(self) -> None:
        """Keep what is claimed; give up what is somebody else's by now, or nobody's: cancelled, expired."""
        while True:
            await asyncio.sleep(self._heartbeat_s)
            try:
                held = [claim for claim in self._at_work.values() if claim not in self._ending]
                lost = set(await self._store.renew(self._owner, held))
            except QueueUnavailable as error:
                log.warning("queue_unavailable", error=error.message)
                continue
            for task in [task for task, claim in self._at_work.items() if claim in lost - self._ending]:
                task.cancel()

    async def _give_all_back(self) -> None:
        left = dict(self._at_work)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for claim in left.values():
            with contextlib.suppress(QueueUnavailable):  # then the leases lapse
                await self._store.give_back(claim, is_a_try=False)


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
