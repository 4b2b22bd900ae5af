"""Where a clause was cut in two: the silence that the model puts around every chunk is taken out. Pure, on int16 mono.

Kokoro begins each chunk with 0.2 to 0.4 s of near silence and ends it with about half a second, which is right between
sentences and clauses, and a stumble between two words of one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

SILENT_BELOW = 0.01
"""Of the chunk's own peak, -40 dB: voices differ in loudness, breath and room noise lie below it."""

KEPT_START_MS = 70.0
KEPT_END_MS = 90.0
"""Left before the first sound and after the last: a weak consonant may be below the threshold, and a word ends softly.
Together they are the pause of a speaker who thinks ahead."""


def trim_join(pcm: Pcm, sample_rate: int, *, start: bool, end: bool) -> Pcm:
    """``pcm`` (shape (n,), int16) without most of the silence at its ``start``, at its ``end``, or both.

    Returns a view. Audio without a sound is left as it is.
    """
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > SILENT_BELOW * _peak(pcm))
    if not loud.size:
        return pcm
    first = max(0, int(loud[0]) - round(sample_rate * KEPT_START_MS / 1000)) if start else 0
    last = int(loud[-1]) + round(sample_rate * KEPT_END_MS / 1000) if end else pcm.size
    return pcm[first : last + 1]


def _peak(pcm: Pcm) -> int:
    return max(int(pcm.max(initial=0)), -int(pcm.min(initial=0)))
