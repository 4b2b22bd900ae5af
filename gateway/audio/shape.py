"""Shaping of pcm between the worker and the encoder: pure functions on int16 mono arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

MAX_VOLUME = 10.0
"""Of what may be asked for."""


def fade_edges(pcm: Pcm, sample_rate: int, fade_ms: float = 5.0) -> Pcm:
    """``pcm`` (shape (n,), int16) with its first and last ``fade_ms`` faded from and to silence.

    Chunks are synthesised apart, so their ends meet at arbitrary values and a plain join would click. The ramp is
    a raised cosine, which starts and ends without a kink. Returns a new array of the same length; where the two
    fades would overlap, each takes half.
    """
    num_fade = min(round(sample_rate * fade_ms / 1000), pcm.size // 2)
    faded = pcm.copy()
    if num_fade:
        ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(num_fade) / num_fade)
        faded[:num_fade] = np.rint(pcm[:num_fade] * ramp)
        faded[-num_fade:] = np.rint(pcm[-num_fade:] * ramp[::-1])
    return faded


def scale_volume(pcm: Pcm, factor: float) -> Pcm:
    """``pcm`` (shape (n,), int16) times ``factor``, clipped to the int16 range; a new array."""
    limits = np.iinfo(np.int16)
    return np.rint(pcm * np.float64(factor)).clip(limits.min, limits.max).astype(np.int16)


def silence(seconds: float, sample_rate: int) -> Pcm:
    """``seconds`` of silence at ``sample_rate`` Hz, rounded to whole samples: shape (n,), int16."""
    return np.zeros(round(seconds * sample_rate), np.int16)
