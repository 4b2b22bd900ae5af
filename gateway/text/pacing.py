"""How large the next chunk may be, so that playback starts soon and never runs dry. Pure policy: no clock, no text.

The model of the world: a chunk of n tokens lasts ``audio_s(n)`` and takes a worker ``synthesis_s(n)``. The chunks of a
request are made one after the other, by a worker as slow as the slowest that lives, since any may claim the job; a
player starts with the first chunk's first byte. Further workers, which make later chunks at the same time, only help.

What it gives: while the fleet keeps its pace and gives us our share, every chunk is ready before those before it
have been played, at realtime factors from ``SLOWEST`` on, as long as sentences can be cut: wherever a budget asks for
it there is a break between two words within it. Not promised: below that factor, behind other requests, and past a word
longer than the budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SECONDS_PER_TOKEN = 0.056
CHUNK_SILENCE_S = 1.0
"""What a chunk lasts at speed 1 beside its tokens: the silence at its ends, and that short utterances are spoken
slower. Both from a line through 36 chunks of 5 to 75 tokens in 4 voices (0.051 to 0.076 s, 0.85 to 1.2 s). A voice that
is slower than this is so in every chunk, and what has been played and what is to be made grow together."""

SLOWEST = 1.5
"""A fleet slower than this is treated as if it were this fast: sizes that suit it would only grow the first silence."""

LEAD_S = 0.04
"""From the request to the first job in a worker's hands, and from its audio to the first byte: text, queue, encoder."""

MARGIN_S = 0.05
"""A chunk is to be ready so long before its turn."""

SAFETY = 0.85
"""All but the first chunk are planned as if the worker had this much of its speed: both are estimates."""

TURN_S = 2.0
"""A chunk of several sentences keeps a worker for no longer than this: what somebody listens to is not interrupted, and
whoever asks next waits for its end."""

MIN_TOKENS = 8
"""Two or three words, the least that is cut inside a clause: fewer save next to no time, for most of so short a chunk
is silence."""

SENTENCE_TOKENS = 80
LARGEST_SHARE = 1e6
"""A stream that is alone has no share to speak of; numbers stay finite."""

LONGEST_WORD_TOKENS = 16
"""Room for this much in a second chunk is what the first one must play for, or many a word would not fit."""

JOIN_TRIM_S, END_TRIM_S = 0.75, 0.5
"""Silence taken out of a chunk that breaks off inside a clause, and of one that ends a sentence or a clause, by
``gateway.audio.gaps`` at speed 1: 0.57 to 0.87 and 0.32 to 0.62 in 32 chunks of 4 voices."""

TRIMS_FROM = 2.5
"""From this realtime factor on; a slower worker needs that silence to make the next chunk in."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast chunks are made and played. Raises ValueError for numbers that no worker has."""

    realtime_factor: float
    fixed_cost_s: float
    """One chunk of ``a`` seconds of audio takes ``fixed_cost_s + a / realtime_factor``."""
    speed: float = 1.0
    """Of the voice; divides durations."""
    first_audio_s: float = 0.45
    """The wait for the first audio that the first chunk is cut for."""
    share: float = LARGEST_SHARE
    """Audio seconds per second that the stream gets where many take turns; below SLOWEST as if it were that."""

    def __post_init__(self) -> None:
        numbers_make_sense = self.realtime_factor > 0 and self.fixed_cost_s >= 0 and self.speed > 0
        if not (numbers_make_sense and self.first_audio_s > 0 and self.share > 0):
            raise ValueError(f"not a pace: {self}")
        object.__setattr__(self, "realtime_factor", max(self.realtime_factor, SLOWEST))
        object.__setattr__(self, "share", min(max(self.share, SLOWEST), LARGEST_SHARE))

    def audio_s(self, num_tokens: int) -> float:
        """Seconds that a chunk of so many tokens lasts."""
        return (CHUNK_SILENCE_S + SECONDS_PER_TOKEN * num_tokens) / self.speed

    def synthesis_s(self, num_tokens: int) -> float:
        """Seconds that a worker takes for it."""
        return self.fixed_cost_s + self.audio_s(num_tokens) / self.realtime_factor

    @property
    def first_max_tokens(self) -> int:
        """The largest first chunk that is heard within ``first_audio_s``; may be negative."""
        return self._tokens_made_in(self.first_audio_s - LEAD_S)

    def trim_s(self, ahead_s: float, num_tokens: int, *, breaks_off: bool) -> float:
        """Seconds of silence that can be spared at the ends of a chunk that is begun with ``ahead_s`` to be played.

        What separates two sentences is spared only where enough is left to make the next chunk in.
        """
        if self.realtime_factor < TRIMS_FROM:
            return 0.0
        if breaks_off:
            return JOIN_TRIM_S / self.speed
        trim_s = END_TRIM_S / self.speed
        return trim_s if self.ahead_after(ahead_s, num_tokens, trim_s) >= self._least_ahead_s else 0.0

    def covering_tokens(self, *, breaks_off: bool) -> int:
        """The smallest first chunk that covers the making of a second one of LONGEST_WORD_TOKENS; may be negative."""
        needed_s = self._least_ahead_s + (self.trim_s(0.0, 0, breaks_off=True) if breaks_off else 0.0)
        return math.ceil((needed_s * self.speed - CHUNK_SILENCE_S) / SECONDS_PER_TOKEN)

    def next_max_tokens(self, ahead_s: float) -> int:
        """The largest chunk that is ready before ``ahead_s`` seconds of audio have been played; may be negative.

        In a crowd a stream's turns come as its share allows: chunks grow by that, but none is cut below a sentence of
        usual length, as that would only add silence to what is to be made.
        """
        seconds = (ahead_s - MARGIN_S) * SAFETY
        shared = max(self._tokens_lasting(seconds * self.share), SENTENCE_TOKENS)
        return min(self._tokens_made_in(seconds), shared)

    @property
    def turn_max_tokens(self) -> int:
        """The largest chunk that takes no longer than TURN_S; may be negative."""
        return self._tokens_made_in(TURN_S)

    def ahead_after(self, ahead_s: float, num_tokens: int, trim_s: float) -> float:
        """Seconds of audio still to be played when a chunk is ready that was begun with ``ahead_s`` of them."""
        took_s = max(self.synthesis_s(num_tokens), self.audio_s(num_tokens) / self.share)
        left_s = max(0.0, ahead_s - took_s / SAFETY)
        return left_s + self.audio_s(num_tokens) - trim_s

    @property
    def _least_ahead_s(self) -> float:
        return MARGIN_S + self.synthesis_s(LONGEST_WORD_TOKENS) / SAFETY

    def _tokens_made_in(self, seconds: float) -> int:
        return self._tokens_lasting((seconds - self.fixed_cost_s) * self.realtime_factor)

    def _tokens_lasting(self, audio_s: float) -> int:
        return math.floor((audio_s * self.speed - CHUNK_SILENCE_S) / SECONDS_PER_TOKEN)
