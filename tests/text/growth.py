"""Whether twice the text takes twice the time: by ratios within one run, of processor time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

SMALL, LARGE = 8_000, 16_000
"""A step of 1 ns for each pair of characters would be most of the time in this, and the ratio near four."""

MAX_RATIO = 2.6
CLEARLY_LINEAR = 2.2
MAX_ROUNDS = 25


def grows_linearly(work: Callable[[str], object], text_of: Callable[[int], str]) -> bool:
    """By the median of rounds: a core that others share changes its pace, but seldom between a text and the next."""
    ratios: list[float] = []
    for _ in range(MAX_ROUNDS):
        small_s = _seconds(work, text_of(SMALL))
        ratios.append(_seconds(work, text_of(LARGE)) / small_s)
        if statistics.median(ratios) <= (MAX_RATIO if len(ratios) > 2 else CLEARLY_LINEAR):
            return True
    return False


def _seconds(work: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started
