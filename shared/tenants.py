"""Whom a request is from. The gateway finds out by its API key; workers see the id alone."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """What a tenant may have; None: as much as it likes."""

    requests_per_minute: int | None = None
    characters_per_minute: int | None = None
    concurrent_streams: int | None = None
    """Requests for audio that are open at a time."""
    queued_characters: int | None = None
    """Characters of open requests and of unfinished batch work, at a time."""
    monthly_characters: int | None = None
    """By the calendar month, in UTC."""
    stored_bytes: int | None = None
    """Of its files in storage, those of unfinished batch work included, at a time."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer, a team, a service: whoever has limits, usage, and files of its own."""

    id: str = ""
    """Empty for everybody, where no tenants are configured."""
    key_id: str = ""
    """Of the API key that was used; never the key."""
    weight: float = 1.0
    """Its share of a crowded lane is in proportion to this."""
    limits: TenantLimits = field(default_factory=TenantLimits)
    allowed_voices: tuple[str, ...] | None = None
    """None: all."""


EVERYBODY = Tenant()
"""Whom every request is from while no tenants are configured."""
