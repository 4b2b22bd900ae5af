"""What is told, in the shape of OpenAI's events."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Notice:
    """An event and where it goes; plain values all, as it waits in Redis."""

    id: str
    """The same however often it is sent: receivers know by it what they have had."""
    url: str
    tenant_id: str
    body: str
    """JSON."""

    @classmethod
    def of(cls, kind: str, subject_id: str, url: str, tenant_id: str = "", **more: Any) -> Self:
        """That ``kind``, such as batch.completed, befell ``subject_id``. The same call again is the same event."""
        told = {
            "id": "evt_" + hashlib.sha256(f"{tenant_id} {kind} {subject_id}".encode()).hexdigest()[:32],
            "object": "event",
            "type": kind,
            "created_at": int(time.time()),
            "data": {"id": subject_id, **more},
        }
        return cls(str(told["id"]), url, tenant_id, json.dumps(told, separators=(",", ":")))

    def fields(self) -> dict[str, str]:
        """For the queue."""
        return asdict(self)
