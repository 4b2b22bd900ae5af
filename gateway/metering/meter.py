"""The one way in for all that is to be spoken: HTTP requests, WebSocket contexts and their parts, lines of a batch.

Going in takes what the request needs of its tenant's limits, all of it or nothing, in one call to Redis. However it
ends, what it held is given back on the way out and what was used is written down, once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from gateway.metering.journal import Journal, this_month
from gateway.metering.standing import Standing, refusal, require_possible
from shared.errors import BadRequest, QueueUnavailable
from shared.observe import logger
from shared.streams.keys import GATEWAY_MISSED_HEARTBEATS
from shared.streams.limits import Claim, LimitStore, Verdict
from shared.streams.usage import Counts, UsageStore
from shared.tenants import Tenant, TenantLimits

log = logger(__name__)

LEAVE_WAIT_S = 1.0
"""How long whoever leaves waits for Redis to know; after it, that goes on without it."""


Notice = Callable[[Standing], None]
"""Is told where a tenant stands with its limits."""


def unnoticed(_: Standing) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What goes in."""

    id: str
    """Of the request; no two that are open have the same."""
    tenant: Tenant
    voice: str
    """The first; the request is counted under it."""
    characters: Mapping[str, int] = field(default_factory=dict)
    """Of input as it was given, by voice."""
    requests: int = 1
    """0: a part of one that is inside already, which alone is a request and a stream."""
    is_batch: bool = False
    """Batch work waits its turn however many there are of it: of the limits, only the month's concerns it here. What
    fails of it will be tried again, so only what succeeds, or can never succeed, is counted."""
    work_id: str = ""
    """Of batch work, which may be begun again: however often it is, it is counted once."""
    notice: Notice = unnoticed

    @property
    def num_characters(self) -> int:
        return sum(self.characters.values())

    def claim(self) -> Claim:
        """What it asks of its tenant's limits."""
        characters, limits = self.num_characters, self.tenant.limits
        if self.is_batch:
            return Claim(budget=characters, work_id=self.work_id)
        needs_lease = limits.concurrent_streams is not None or limits.queued_characters is not None
        return Claim(
            lease_id=self.id if needs_lease else "",
            requests=self.requests,
            characters=characters,
            budget=characters,
            streams=self.requests,
            held=characters,
        )


class Tally:
    """Seconds of audio made so far, by voice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def add(self, voice: str, seconds: float) -> None:
        self.seconds[voice] += seconds


class Meter:
    """One process'. ``start`` it before anyone goes in."""

    def __init__(self, limits: LimitStore, journal: Journal, *, heartbeat_s: float) -> None:
        self.limits = limits
        self.journal = journal
        self.lease_s = GATEWAY_MISSED_HEARTBEATS * heartbeat_s
        self._heartbeat_s = heartbeat_s
        self._leases: dict[str, set[str]] = defaultdict(set)
        self._leaving: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.journal.start()
        self._beating = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """Once nobody is inside any more."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, *self._leaving, return_exceptions=True)
        await self.journal.close()

    def visit(self, charge: Charge) -> Visit:
        """``async with`` this around the work. Raises LimitReached, QueueUnavailable."""
        return Visit(self, charge)

    @property
    def usage(self) -> UsageStore:
        """What was used by all, up to the last portions that gateways have not sent yet."""
        return self.journal.store

    async def standing(self, tenant: Tenant) -> Standing | None:
        """Where a tenant stands now; None: it has no limits by the minute. Raises QueueUnavailable."""
        limits = tenant.limits
        if limits.requests_per_minute is None and limits.characters_per_minute is None:
            return None
        return Standing.of(limits, await self.limits.look(tenant.id, limits))

    async def queue(self, tenant: Tenant, work_id: str, characters: int, *, lasts_s: float) -> None:
        """Count batch work among the characters that its tenant has queued, for ``lasts_s`` at the most.

        Raises LimitReached, QueueUnavailable.
        """
        if tenant.limits.queued_characters is None:
            return
        claim = Claim(lease_id=work_id, held=characters)
        require_possible(tenant, claim)
        verdict = await self.limits.take(tenant.id, tenant.limits, claim, lease_s=lasts_s)
        if verdict.refused_by is not None:
            raise refusal(tenant, verdict.refused_by, verdict.wait_s)

    async def unqueue(self, tenant_id: str, work_id: str, characters: int | None = None) -> None:
        """So many characters of batch work are done with; None: all of it is. Raises QueueUnavailable."""
        if characters is None:
            await self.limits.give_back(tenant_id, work_id)
        else:
            await self.limits.lessen(tenant_id, work_id, characters)

    def hold(self, tenant_id: str, lease_id: str) -> None:
        """Renew a lease with every heartbeat from now on."""
        self._leases[tenant_id].add(lease_id)

    async def give_back(self, tenant_id: str, lease_id: str) -> None:
        """Never raises, and does not keep whoever leaves waiting for long: a lease that is not renewed lapses."""
        self._leases[tenant_id].discard(lease_id)
        if not self._leases[tenant_id]:
            del self._leases[tenant_id]
        leaving = asyncio.create_task(self._give_back(tenant_id, lease_id))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        await asyncio.wait({leaving}, timeout=LEAVE_WAIT_S)

    async def _give_back(self, tenant_id: str, lease_id: str) -> None:
        try:
            await self.limits.give_back(tenant_id, lease_id)
        except QueueUnavailable as error:
            log.warning("lease_not_given_back", error=error.message)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            for tenant_id, lease_ids in list(self._leases.items()):
                with contextlib.suppress(QueueUnavailable):
                    await self.limits.renew(tenant_id, tuple(lease_ids), lease_s=self.lease_s)


class Visit:
    """One request's, from its way in to its way out."""

    def __init__(self, meter: Meter, charge: Charge) -> None:
        self._meter = meter
        self._charge = charge
        self._claim = charge.claim()
        self._month = this_month()
        self._tally = Tally()

    async def __aenter__(self) -> Tally:
        tenant = self._charge.tenant
        if tenant.limits == TenantLimits():
            return self._tally
        require_possible(tenant, self._claim)
        verdict = await self._take()
        self._charge.notice(Standing.of(tenant.limits, verdict))
        if verdict.refused_by is not None:
            raise refusal(tenant, verdict.refused_by, verdict.wait_s)
        if self._claim.lease_id:
            self._meter.hold(tenant.id, self._claim.lease_id)
        return self._tally

    async def _take(self) -> Verdict:
        """Whoever leaves while Redis decides has not been let in: what was taken meanwhile is given back."""
        tenant, meter = self._charge.tenant, self._meter
        claiming = meter.limits.take(tenant.id, tenant.limits, self._claim, lease_s=meter.lease_s, month=self._month)
        taking = asyncio.create_task(claiming)
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError as error:
            await asyncio.wait({taking}, timeout=LEAVE_WAIT_S)
            if not taking.done():
                taking.cancel()
            elif taking.exception() is None and taking.result().refused_by is None:
                await self.__aexit__(type(error), error, None)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write_down(error)
        if self._claim.lease_id:
            await self._meter.give_back(self._charge.tenant.id, self._claim.lease_id)

    def _write_down(self, error: BaseException | None) -> None:
        charge, tenant = self._charge, self._charge.tenant
        # Whoever got nothing pays nothing; neither is anything kept of batch work that failed half-way.
        is_free = error is not None and (charge.is_batch or not any(self._tally.seconds.values()))
        if is_free and tenant.limits.monthly_characters is not None:
            self._meter.journal.refund(tenant.id, self._month, charge.num_characters, charge.work_id)
        if charge.is_batch and error is not None and not isinstance(error, BadRequest):
            return
        failed = charge.requests if isinstance(error, Exception) else 0
        usage: dict[str, Counts] = defaultdict(Counts)
        usage[charge.voice] = Counts(requests=charge.requests, failed=failed)
        if not is_free:
            for voice, characters in charge.characters.items():
                usage[voice] = usage[voice].plus(Counts(characters=characters))
            for voice, seconds in self._tally.seconds.items():
                usage[voice] = usage[voice].plus(Counts(audio_ms=round(1000 * seconds)))
        self._meter.journal.add(tenant.id, tenant.key_id, usage, charge.work_id)
