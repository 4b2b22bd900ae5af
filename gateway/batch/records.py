"""Batches as they are taken in, and whose they are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from shared.streams.batches import BatchRecord
from shared.tenants import Tenant


def new_batch(kind: str, tenant: Tenant, request: Mapping[str, Any], *, window_s: int, kept_s: int) -> BatchRecord:
    """A batch that nobody knows yet: ``BatchStore.create`` changes that.

    request: msgpack's types. window_s: what is not done by then is not done at all. kept_s: how long it is known then.
    """
    now = int(time.time())
    return BatchRecord(
        id=f"batch_{secrets.token_urlsafe(18)}",
        kind=kind,
        tenant={
            "id": tenant.id,
            "key_id": tenant.key_id,
            "weight": tenant.weight,
            "allowed_voices": tenant.allowed_voices,
        },
        request=request,
        created_at=now,
        expires_at=now + window_s,
        kept_until_ms=(now + window_s + kept_s) * 1000,
    )


def owner_of(batch: BatchRecord) -> Tenant:
    """Whose it is, as it was when the batch was taken in. Its limits were looked at then."""
    said = batch.tenant
    voices = said["allowed_voices"]
    return Tenant(
        id=said["id"],
        key_id=said["key_id"],
        weight=said["weight"],
        allowed_voices=None if voices is None else tuple(voices),
    )
