"""Where a tenant stands with its limits, and what it is told when it has reached one."""

from __future__ import annotations

from typing import NamedTuple

from shared.errors import LimitReached, QuotaExhausted
from shared.streams.limits import Claim, Limit, Verdict
from shared.tenants import Tenant, TenantLimits


class Allowance(NamedTuple):
    """One of the minute's limits."""

    limit: int
    remaining: int
    reset_s: float
    """Until all of it is there again, if nothing more comes."""


class Standing(NamedTuple):
    """A tenant's, as of one request; None: there is no such limit."""

    requests: Allowance | None
    characters: Allowance | None

    @classmethod
    def of(cls, limits: TenantLimits, verdict: Verdict) -> Standing:
        """What ``verdict`` says of ``limits``."""
        pairs = ((limits.requests_per_minute, verdict.requests), (limits.characters_per_minute, verdict.characters))
        return cls(
            *(
                None if limit is None else Allowance(limit, max(0, limit - window.used), window.reset_s)
                for limit, window in pairs
            )
        )


_WORDS = {
    Limit.REQUESTS: ("requests per minute", "requests"),
    Limit.CHARACTERS: ("characters per minute", "tokens"),
    Limit.STREAMS: ("requests open at a time", "requests"),
    Limit.HELD: ("characters queued at a time", "tokens"),
    Limit.MONTH: ("characters this month", "insufficient_quota"),
}
"""How a message names each, and the ``type`` that OpenAI's errors have for it."""


def require_possible(tenant: Tenant, claim: Claim) -> None:
    """Raise LimitReached for a claim that no waiting makes possible."""
    costs = {
        Limit.REQUESTS: claim.requests,
        Limit.CHARACTERS: claim.characters,
        Limit.STREAMS: claim.streams,
        Limit.HELD: claim.held,
    }
    for limit, cost in costs.items():
        most: int | None = getattr(tenant.limits, limit.value)
        if most is not None and cost > most:
            unit, kind = _WORDS[limit]
            raise LimitReached(
                f"Request too large: limit {most} {unit}, requested {cost}. It can never be served as it is; "
                "divide it, or have the limit raised.",
                kind=kind,
            )


def refusal(tenant: Tenant, limit: Limit, wait_s: float) -> LimitReached:
    """The error of whoever has reached ``limit``, and may try again after ``wait_s``."""
    most: int = getattr(tenant.limits, limit.value)
    unit, kind = _WORDS[limit]
    if limit is Limit.MONTH:
        return QuotaExhausted(
            f"You exceeded your current quota of {most} {unit}. It begins anew with the next month, in UTC."
        )
    return LimitReached(
        f"Rate limit reached: limit {most} {unit}. Try again in {wait_s:.3g} s.", kind=kind, retry_after_s=wait_s
    )
