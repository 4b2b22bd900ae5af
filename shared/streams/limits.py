"""What tenants may have, and how much of it they have now: counted in Redis, for all gateways at once.

One script asks for everything that a request needs and takes all of it or nothing. How many requests and characters a
minute may have is a window that slides in slices: each slice's count is forgotten a window after the slice has ended,
so no window of that length, wherever it begins, holds more than the limit, and all of the limit may come at once. See
docs/adr/0009. What is held only while a request is open, streams and characters, is held by a lease; so it comes back
though nobody is left to give it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

from redis.asyncio import Redis

from shared.streams.keys import reaching_redis
from shared.streams.limit_scripts import GIVE_BACK, LESSEN, RENEW, TAKE
from shared.tenants import TenantLimits

MINUTE_S = 60.0

SLICES = 100
"""Of a window. A limit that is used up is free again up to one slice later than it might be: 1 %."""

NOT_KNOWN_MS = 1000
"""What to wait for streams and characters that others of the tenant hold: nobody knows when those end."""

WORK_KNOWN_MS = 7 * 86_400_000
"""How long it is known what some work has taken and used: no job is worked on for longer."""

MONTH_KEPT_MS = 40 * 86_400_000
"""How long a month's count outlives its last change: past the month's end."""

UNLIMITED = -1


class Limit(Enum):
    """Of a tenant; each the name of a field of ``TenantLimits``."""

    REQUESTS = "requests_per_minute"
    CHARACTERS = "characters_per_minute"
    STREAMS = "concurrent_streams"
    HELD = "queued_characters"
    MONTH = "monthly_characters"


_BY_NAME = {
    b"requests": Limit.REQUESTS,
    b"characters": Limit.CHARACTERS,
    b"streams": Limit.STREAMS,
    b"held": Limit.HELD,
    b"month": Limit.MONTH,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What one request asks of its tenant's limits."""

    lease_id: str = ""
    """Names what is held until it is given back; empty: nothing is."""
    requests: int = 0
    """Of the minute's."""
    characters: int = 0
    """Of the minute's."""
    budget: int = 0
    """Characters of the month's."""
    streams: int = 0
    """Held."""
    held: int = 0
    """Characters held."""
    work_id: str = ""
    """Of work that may be begun again: the month's characters are taken once for all that has this id."""


class Window(NamedTuple):
    """How much of a minute's limit is used."""

    used: int
    reset_s: float
    """Until none of it is, if nothing more comes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim was taken, whole; otherwise nothing of it was."""

    refused_by: Limit | None
    """The limit that takes longest to let it pass."""
    wait_s: float
    """Until it would be taken, if nobody else comes; 0: taken, or not this month."""
    requests: Window
    characters: Window


class LimitStore:
    """Raises QueueUnavailable. ``window_s``: what the limits mean by a minute."""

    def __init__(self, redis: Redis, *, window_s: float = MINUTE_S) -> None:
        self._window_ms = round(1000 * window_s)
        self._take = redis.register_script(TAKE)
        self._give_back = redis.register_script(GIVE_BACK)
        self._renew = redis.register_script(RENEW)
        self._lessen = redis.register_script(LESSEN)

    async def take(
        self, tenant_id: str, limits: TenantLimits, claim: Claim, *, lease_s: float, month: str = ""
    ) -> Verdict:
        """Take all that ``claim`` says, or nothing; what is held comes back after ``lease_s`` unless it is renewed.

        month: whose budget is meant, as ``month_of`` writes it; empty: this month's.
        """
        costs = (claim.requests, claim.characters, claim.budget, claim.streams, claim.held)
        most = [getattr(limits, limit.value) for limit in Limit]
        args: list[str | int] = [
            tenant_id,
            month or month_of(datetime.now(UTC)),
            claim.lease_id,
            self._window_ms,
            SLICES,
        ]
        args += [round(1000 * lease_s), MONTH_KEPT_MS, NOT_KNOWN_MS, *costs]
        args += [UNLIMITED if limit is None else limit for limit in most]
        args += [claim.work_id, WORK_KNOWN_MS]
        async with reaching_redis():
            refused, wait_ms, requests, requests_ms, characters, characters_ms = await self._take(args=args)
        windows = Window(requests, requests_ms / 1000), Window(characters, characters_ms / 1000)
        return Verdict(_BY_NAME.get(refused), wait_ms / 1000, *windows)

    async def look(self, tenant_id: str, limits: TenantLimits) -> Verdict:
        """How much of the minute's limits is used; nothing is taken."""
        return await self.take(tenant_id, limits, Claim(), lease_s=0)

    async def give_back(self, tenant_id: str, lease_id: str) -> None:
        """What this lease holds; nothing if it has lapsed."""
        async with reaching_redis():
            await self._give_back(args=[tenant_id, lease_id])

    async def renew(self, tenant_id: str, lease_ids: Iterable[str], *, lease_s: float) -> None:
        """Hold what these leases hold for so long from now; one that has lapsed, or was given back, stays so."""
        async with reaching_redis():
            await self._renew(args=[tenant_id, round(1000 * lease_s), *lease_ids])

    async def lessen(self, tenant_id: str, lease_id: str, characters: int) -> None:
        """Give back part of the characters that a lease holds."""
        async with reaching_redis():
            await self._lessen(args=[tenant_id, lease_id, characters])


def month_of(moment: datetime) -> str:
    """The month whose budget a request at that moment, in UTC, takes from: "2026-11"."""
    return f"{moment:%Y-%m}"


def month_key(tenant_id: str, month: str) -> str:
    """Where the characters are counted that a tenant has had of a month's budget."""
    return f"tts:limit:{tenant_id}:month:{month}"


def work_key(tenant_id: str, month: str, work_id: str) -> str:
    """There while that work has taken its characters from the month's budget."""
    return f"{month_key(tenant_id, month)}:{work_id}"
