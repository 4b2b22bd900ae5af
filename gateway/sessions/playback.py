"""What a listener hears of an audio that is sent as it is made."""

from __future__ import annotations

import time
from collections.abc import Callable


class Playback:
    """A player that starts with the first audio and, after a silence, with the next: the best that any can do."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: in seconds."""
        self._clock = clock
        self._sent_s = 0.0
        self._ends = 0.0

    @property
    def ahead_s(self) -> float:
        """Seconds of what was sent that are still to be heard; 0 in a silence."""
        return max(0.0, self._ends - self._clock())

    def extend_to(self, sent_s: float) -> None:
        """So many seconds have been sent in all."""
        self._ends = max(self._ends, self._clock()) + sent_s - self._sent_s
        self._sent_s = sent_s
