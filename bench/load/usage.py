"""What each role of a fleet took between two looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.load.fleet import Used


@dataclass(frozen=True, slots=True)
class Share:
    """One role's."""

    processes: int
    cores: float
    """CPU seconds a second."""
    cpu_ms_per_audio_s: float
    resident_mb: float


def used_since(
    before: Mapping[str, Used], after: Mapping[str, Used], took_s: float, audio_s: float
) -> dict[str, Share]:
    """By role; ``audio_s`` was delivered or made in ``took_s``."""
    return {
        role: Share(
            processes=used.processes,
            cores=(used.cpu_s - before[role].cpu_s) / took_s,
            cpu_ms_per_audio_s=1000 * (used.cpu_s - before[role].cpu_s) / max(audio_s, 1e-9),
            resident_mb=used.resident_mb,
        )
        for role, used in after.items()
        if role in before
    }
