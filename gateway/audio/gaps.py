"""The silence around a chunk's sound: how much of it is heard. Pure, on int16 mono.

Kokoro begins each chunk with 0.25 to 0.4 s of near silence and ends it with 0.45 to 0.7 s, wherever the text was cut.
Here it is cut down to what the punctuation asks for, so that chunks join as if they had been spoken in one go, and a
stream is heard as soon as it plays. Nothing is moved or added: what is kept of a chunk is one stretch of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.vocabulary import PUNCTUATION

Pcm = NDArray[np.int16]

SILENT_BELOW = 0.01
"""Of the chunk's own peak, -40 dB: voices differ in loudness, breath and room noise lie below it."""

LEAD_MS = 70.0
"""Kept before a chunk's first sound: a weak consonant may begin 20 ms before it is above the threshold, at worst 90."""

LEAST_TAIL_MS = 90.0
"""Kept after its last: a word ends softly. With the lead it is the pause of a speaker who thinks ahead."""

_CLOSERS = '"”)'
_PAUSES = PUNCTUATION - frozenset('"“”()')


class Kept(NamedTuple):
    """``pcm[first:end]`` is what is heard of a chunk."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """How long the silences between chunks are. Raises ValueError for a time or a factor below zero.

    They are the settings GAP_TRIM_MS, DYNAMIC_GAP_TRIM_PADDING_MS and DYNAMIC_GAP_TRIM_PADDING_CHAR_MULTIPLIER of
    Kokoro-FastAPI (0.8.0), with its defaults and, for sentences and clauses, its meaning.
    """

    trim_ms: float = 1.0
    """Cut from either end of every chunk, whatever is there."""
    padding_ms: float = 410.0
    """From the last sound of a chunk to the first of the next, at speed 1: silence beyond that is cut."""
    multipliers: Mapping[str, float] = field(default_factory=lambda: {".": 1.0, "!": 0.9, "?": 1.0, ",": 0.8})
    """What the padding is multiplied by after a chunk that ends with this symbol; by 1 after any other pause."""

    def __post_init__(self) -> None:
        if min(self.trim_ms, self.padding_ms, *self.multipliers.values()) < 0:
            raise ValueError(f"no gap is shorter than nothing: {self}")

    def keep(self, pcm: Pcm, sample_rate: int, phonemes: str, speed: float = 1.0) -> Kept:
        """What is to be heard of ``pcm`` (shape (n,), int16, at ``sample_rate`` Hz), in which ``phonemes`` are spoken.

        Before the first sound LEAD_MS are kept. After the last one, where the phonemes end with punctuation, what the
        gap has left beside the lead of a following chunk; where they do not, the text was cut inside a clause, where
        nobody would pause, and LEAST_TAIL_MS are kept. ``speed`` of the voice divides the gaps. Pcm without a sound is
        kept whole, but for the trim.
        """
        trim = _samples(self.trim_ms, sample_rate)
        low, high = (trim, pcm.size - trim) if pcm.size > 2 * trim else (0, pcm.size)
        sound = sound_in(pcm, low, high)
        if sound is None:
            return Kept(low, high)
        tail_ms = max(self._gap_ms(phonemes) / speed - LEAD_MS, LEAST_TAIL_MS)
        first = sound.first - _samples(LEAD_MS, sample_rate)
        end = sound.end + _samples(tail_ms, sample_rate)
        return Kept(max(low, first), min(high, end))

    def _gap_ms(self, phonemes: str) -> float:
        last = phonemes.rstrip(_CLOSERS)[-1:]
        return self.padding_ms * self.multipliers.get(last, 1.0) if last in _PAUSES else 0.0


def whole(pcm: Pcm) -> Kept:
    """All of it: where the silence is needed to make the next chunk in."""
    return Kept(0, pcm.size)


def sound_in(pcm: Pcm, first: int, end: int, peak: int | None = None) -> Kept | None:
    """From the first to the last sound in ``pcm[first:end]`` (int16 mono); None if there is none.

    A sound is what is above -40 dB of ``peak``, which unless given is that of all of ``pcm``.
    """
    threshold = SILENT_BELOW * (peak_of(pcm) if peak is None else peak)
    loud = np.flatnonzero(np.abs(pcm[first:end].astype(np.int32)) > threshold)
    return Kept(first + int(loud[0]), first + int(loud[-1]) + 1) if loud.size else None


def peak_of(pcm: Pcm) -> int:
    """The largest absolute value in ``pcm`` (int16 mono); 0 if it is empty."""
    return max(int(pcm.max(initial=0)), -int(pcm.min(initial=0)))


def _samples(milliseconds: float, sample_rate: int) -> int:
    return round(milliseconds * sample_rate / 1000)
