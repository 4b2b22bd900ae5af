"""A client that listens while it receives: when the first audio came, and how long a player would have been silent."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BYTES_PER_S = 48_000
"""Of pcm: 24,000 samples of two bytes."""


@dataclass(frozen=True)
class Heard:
    """One request, as its listener heard it. Times are from the sending of the request."""

    first_s: float
    """Until the first bytes of audio; headers are none."""
    total_s: float
    audio_s: float
    underrun_s: float
    """Silence in all that a player hears which starts with the first byte."""


def listen(url: str, text: str, voice: str, *, first_only: bool = False) -> Heard:
    """Ask for ``text`` as a pcm stream over a connection of its own; ``first_only`` hangs up at the first audio."""
    import httpx  # not where only engines are measured

    body = {"model": "kokoro", "input": text, "voice": voice, "response_format": "pcm"}
    arrivals: list[tuple[float, int]] = []
    with httpx.Client(timeout=3600, trust_env=False) as client:
        started = time.perf_counter()
        with client.stream("POST", f"{url}/v1/audio/speech", json=body) as answer:
            answer.raise_for_status()
            for packet in answer.iter_raw():
                arrivals.append((time.perf_counter() - started, len(packet)))
                if first_only:
                    break
    audio_s = sum(size for _, size in arrivals) / BYTES_PER_S
    return Heard(arrivals[0][0], arrivals[-1][0], audio_s, underrun_s(arrivals))


def underrun_s(arrivals: Iterable[tuple[float, int]]) -> float:
    """Silence of a player that starts with the first of ``arrivals``: (seconds, bytes of pcm), in order."""
    runs_dry_s = silent_s = 0.0
    for arrived_s, size in arrivals:
        if runs_dry_s:
            silent_s += max(0.0, arrived_s - runs_dry_s)
        runs_dry_s = max(runs_dry_s, arrived_s) + size / BYTES_PER_S
    return silent_s


def p50(values: Sequence[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """By nearest rank: of fewer than 20 values, the largest."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
