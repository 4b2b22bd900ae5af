"""Whose batches are, and what that allows them: the one place where batch work meets its tenant's limits.

Of these it knows the characters that are queued, which a batch holds from its check to its end, fewer with every item.
The month's budget, and what is used, the pipeline sees to for each item; limits by the minute are not for batches.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace

from gateway.batch.records import owner_of
from gateway.metering import Meter
from shared.errors import InvalidApiKey
from shared.streams.batches import BatchRecord
from shared.streams.tenants import TenantStore
from shared.tenants import EVERYBODY


class Owners:
    """Tenants as they are now, by their batches. Raises QueueUnavailable."""

    def __init__(self, tenants: TenantStore, meter: Meter) -> None:
        self._tenants = tenants
        self._meter = meter

    async def refreshed(self, batch: BatchRecord) -> BatchRecord:
        """``batch`` with its tenant as it is now, whichever key began it. Raises UnknownTenant, InvalidApiKey."""
        tenant = owner_of(batch)
        if tenant.id == EVERYBODY.id:
            return batch
        record = await self._tenants.find(tenant.id)
        if record.is_disabled:
            raise InvalidApiKey("The account of this batch is disabled.", code="account_deactivated")
        return replace(batch, tenant=asdict(record.tenant(tenant.key_id)))

    async def admit(self, batch: BatchRecord, characters: int) -> None:
        """Count a batch among what its tenant has queued. Raises LimitReached."""
        await self.leave(batch)  # as where a check is done again
        left_s = max(1.0, batch.expires_at - time.time())
        await self._meter.queue(owner_of(batch), batch.id, characters, lasts_s=left_s)

    async def lessen(self, batch: BatchRecord, characters: int) -> None:
        """So many characters are done with."""
        tenant = owner_of(batch)
        if characters and tenant.limits.queued_characters is not None:
            await self._meter.unqueue(tenant.id, batch.id, characters)

    async def leave(self, batch: BatchRecord) -> None:
        """All of it is done with."""
        tenant = owner_of(batch)
        if tenant.limits.queued_characters is not None:
            await self._meter.unqueue(tenant.id, batch.id)
