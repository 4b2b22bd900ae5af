"""Batches as they are taken in, and whose they are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from shared.streams.batches import BatchRecord
from shared.tenants import Tenant, TenantLimits


def new_batch(kind: str, tenant: Tenant, request: Mapping[str, Any], *, window_s: int, kept_s: int) -> BatchRecord:
    """A batch that nobody knows yet: ``BatchStore.create`` changes that.

    request: msgpack's types. window_s: what is not done by then is not done at all. kept_s: how long it is known then.
    """
    now = int(time.time())
    return BatchRecord(
        id=f"batch_{secrets.token_urlsafe(18)}",
        kind=kind,
        tenant=asdict(tenant),
        request=request,
        created_at=now,
        expires_at=now + window_s,
        kept_until_ms=(now + window_s + kept_s) * 1000,
    )


def owner_of(batch: BatchRecord) -> Tenant:
    """Whose it is, as the record says; see ``gateway.batch.owners``."""
    said = dict(batch.tenant)
    limits, voices = TenantLimits(**said.pop("limits")), said.pop("allowed_voices")
    return Tenant(**said, limits=limits, allowed_voices=None if voices is None else tuple(voices))
