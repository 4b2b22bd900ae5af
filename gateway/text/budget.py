"""What the next chunk may hold, in tokens: from the settings, and from the workers' pace where it is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gateway.text.pacing import MIN_TOKENS, Pace

MODEL_MAX_TOKENS = 510
"""The model takes 512 positions, of which two are the boundaries (config.json: plbert.max_position_embeddings)."""


class LeastCut(NamedTuple):
    """The fewest tokens before a cut, by the break that it is at."""

    clause: int
    phrase: int
    word: int = 1


class Budget(NamedTuple):
    """What one chunk may hold, in tokens."""

    min_tokens: int
    """A shorter chunk takes in another sentence if that keeps it within ``stretch_tokens``."""
    fill_tokens: int
    """A chunk takes in further sentences up to this."""
    max_tokens: int
    """A longer sentence is cut, unless it is within ``stretch_tokens`` and not cut for its clauses."""
    stretch_tokens: int
    """The most, where the alternative is to cut a sentence or to leave a chunk shorter than ``min_tokens``."""
    absolute_max_tokens: int
    """The most, where the alternative is to cut a word."""
    cuts_clauses: bool
    """Whether a sentence over ``max_tokens`` is cut after a clause even if it is within ``stretch_tokens``."""
    least_cut: LeastCut
    """What a cut must leave before it."""


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """Sizes in tokens. Raises ValueError if they are not in order."""

    target_min_tokens: int = 175
    target_max_tokens: int = 250
    absolute_max_tokens: int = 450
    first_max_tokens: int = 80
    """About 5 s of audio. A first chunk is cut for less where the workers are slow."""

    def __post_init__(self) -> None:
        sizes = (1, self.target_min_tokens, self.target_max_tokens, self.absolute_max_tokens, MODEL_MAX_TOKENS)
        if list(sizes) != sorted(sizes) or not 1 <= self.first_max_tokens <= self.target_max_tokens:
            raise ValueError(
                "chunk limits must satisfy 1 <= target_min <= target_max <= absolute_max <= "
                f"{MODEL_MAX_TOKENS} and 1 <= first_max <= target_max: {self}"
            )

    def budget(self, pace: Pace | None, spoken_tokens: int, ahead_s: float) -> Budget:
        """The budget of the next chunk of a request whose earlier ones had ``spoken_tokens``.

        ``ahead_s``: with a pace, the seconds of audio that a player still has when the last of them is ready.
        """
        if pace is None:
            return self._growing(spoken_tokens)
        return self._next(pace, ahead_s) if spoken_tokens else self._first(pace)

    def _growing(self, spoken_tokens: int) -> Budget:
        size = min(max(self.first_max_tokens, 2 * spoken_tokens), self.target_max_tokens)
        if size == self.target_max_tokens:
            return self._steady
        return Budget(
            min_tokens=size // 4,
            fill_tokens=size,
            max_tokens=size,
            stretch_tokens=min(2 * size, self.target_max_tokens),
            absolute_max_tokens=self.absolute_max_tokens,
            cuts_clauses=True,
            least_cut=LeastCut(size // 4, size // 2),
        )

    @property
    def _steady(self) -> Budget:
        return Budget(
            min_tokens=self.target_min_tokens,
            fill_tokens=self.target_max_tokens,
            max_tokens=self.target_max_tokens,
            stretch_tokens=self.absolute_max_tokens,
            absolute_max_tokens=self.absolute_max_tokens,
            cuts_clauses=False,
            least_cut=LeastCut(self.target_max_tokens // 4, self.target_max_tokens // 2),
        )

    def _first(self, pace: Pace) -> Budget:
        """A whole sentence where that is heard in time, else as much of it as is."""
        enough = min(max(pace.covering_tokens(breaks_off=True), MIN_TOKENS), self.target_max_tokens)
        in_time = min(max(pace.first_max_tokens, enough), self.target_max_tokens)
        return Budget(
            min_tokens=enough,
            fill_tokens=enough,
            max_tokens=min(in_time, max(self.first_max_tokens, enough)),
            stretch_tokens=in_time,
            absolute_max_tokens=self.absolute_max_tokens,
            cuts_clauses=False,
            least_cut=LeastCut(clause=max(pace.covering_tokens(breaks_off=False), 1), phrase=enough, word=enough),
        )

    def _next(self, pace: Pace, ahead_s: float) -> Budget:
        """Whole sentences, as far as they are ready in time; another one only if that leaves time to spare."""
        in_time = min(max(pace.next_max_tokens(ahead_s), 1), self.absolute_max_tokens)
        max_tokens = min(in_time, self.target_max_tokens)
        fill_tokens = max(min(in_time // 2, max_tokens, pace.turn_max_tokens), 1)
        return Budget(
            min_tokens=min(max_tokens // 4, fill_tokens, self.target_min_tokens),
            fill_tokens=fill_tokens,
            max_tokens=max_tokens,
            stretch_tokens=in_time,
            absolute_max_tokens=self.absolute_max_tokens,
            cuts_clauses=False,
            least_cut=LeastCut(max_tokens // 4, max_tokens // 2),
        )
