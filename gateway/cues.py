"""Cues that are easy to read, from words and their times: how many words at once, and where lines end. Pure.

Lengths and durations follow the BBC's and Netflix's guidelines for subtitles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import NamedTuple

import regex
from rich.cells import cell_len

MAX_COLUMNS = 42
"""Of one line; an ideograph takes two."""
MAX_LINES = 2
MIN_CUE_MS = 1_000
"""A cue stays for as long, unless the next one comes sooner."""
MAX_CUE_MS = 7_000
MAX_SILENCE_MS = 1_500
"""A longer one ends a cue."""


class Ending(IntEnum):
    """What a word ends; the higher, the better a place for a cue or a line to end."""

    WORD = 0
    CLAUSE = 1
    SENTENCE = 2


class Token(NamedTuple):
    """A word as it is shown, with the punctuation around it."""

    text: str
    start_ms: int
    end_ms: int
    ending: Ending
    space_after: bool


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at a time."""

    start_ms: int
    end_ms: int
    lines: tuple[tuple[Token, ...], ...]

    @property
    def text(self) -> str:
        return "\n".join(map(_line, self.lines))


class Cues:
    """Makes cues of tokens, which come in order; never two at a time, and each with all its tokens."""

    def __init__(self) -> None:
        self._pending: list[Token] = []
        self._held: list[Token] = []
        """A whole cue, which lasts until its words are read or the next one comes."""
        self._shown_until_ms = 0

    def add(self, token: Token) -> Iterator[Cue]:
        """The cues that are over when ``token`` begins."""
        if self._held:
            yield self._cue(self._held, token.start_ms)
            self._held = []
        if self._pending and token.start_ms - self._pending[-1].end_ms > MAX_SILENCE_MS:
            yield self._cut(len(self._pending), token.start_ms)
        while self._pending and not _fits([*self._pending, token]):
            yield self._cut(_best_cut(self._pending), token.start_ms)
        self._pending.append(token)
        if token.ending is Ending.SENTENCE and token.end_ms - self._pending[0].start_ms >= MIN_CUE_MS:
            self._held, self._pending = self._pending, []

    def finish(self, end_ms: int) -> Iterator[Cue]:
        """The last cue, if there is one; the audio ends at ``end_ms``."""
        if rest := self._held or self._pending:
            self._held, self._pending = [], []
            yield self._cue(rest, end_ms)

    def _cut(self, count: int, next_ms: int) -> Cue:
        tokens, self._pending = self._pending[:count], self._pending[count:]
        return self._cue(tokens, self._pending[0].start_ms if self._pending else next_ms)

    def _cue(self, tokens: Sequence[Token], next_ms: int) -> Cue:
        start_ms = max(tokens[0].start_ms, self._shown_until_ms)
        wanted_ms = max(tokens[-1].end_ms, start_ms + MIN_CUE_MS)
        self._shown_until_ms = max(min(wanted_ms, next_ms), start_ms + 1)
        return Cue(start_ms, self._shown_until_ms, _layout(tokens))


def pieces_of(token: Token) -> Iterator[Token]:
    """The token, in pieces that fit into a line; each has its share of the time."""
    if cell_len(token.text) <= MAX_COLUMNS:
        yield token
        return
    pieces = [""]
    for cluster in regex.findall(r"\X", token.text):
        if cell_len(pieces[-1] + cluster) > MAX_COLUMNS:
            pieces.append("")
        pieces[-1] += cluster
    ends = accumulate(map(len, pieces))
    length, duration_ms = len(token.text), token.end_ms - token.start_ms
    times = [token.start_ms, *(token.start_ms + duration_ms * end // length for end in ends)]
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        ending = token.ending if is_last else Ending.WORD
        yield Token(piece, times[number], times[number + 1], ending, is_last and token.space_after)


def _line(tokens: Sequence[Token]) -> str:
    return "".join(token.text + " " * token.space_after for token in tokens).rstrip(" ")


def _fits(tokens: Sequence[Token]) -> bool:
    is_short = tokens[-1].end_ms - tokens[0].start_ms <= MAX_CUE_MS
    return is_short and (cell_len(_line(tokens)) <= MAX_COLUMNS or bool(_line_breaks(tokens)))


def _line_breaks(tokens: Sequence[Token]) -> list[int]:
    """How many tokens the first of two lines may have."""
    places = range(1, len(tokens))
    return [n for n in places if max(cell_len(_line(tokens[:n])), cell_len(_line(tokens[n:]))) <= MAX_COLUMNS]


def _layout(tokens: Sequence[Token]) -> tuple[tuple[Token, ...], ...]:
    """One line if they fit; else two of about the same length, the first ending with a clause if that is near."""
    if cell_len(_line(tokens)) <= MAX_COLUMNS:
        return (tuple(tokens),)

    def unevenness(place: int) -> int:
        lengths = cell_len(_line(tokens[:place])) - cell_len(_line(tokens[place:]))
        return abs(lengths) - MAX_COLUMNS // 2 * (tokens[place - 1].ending > Ending.WORD)

    place = min(_line_breaks(tokens), key=unevenness)
    return tuple(tokens[:place]), tuple(tokens[place:])


def _best_cut(tokens: Sequence[Token]) -> int:
    """How many of the tokens make a cue: to the end of a sentence, else of a clause, if it is not too short."""
    long_enough = [
        count
        for count in range(1, len(tokens) + 1)
        if tokens[count - 1].end_ms - tokens[0].start_ms >= MIN_CUE_MS
        and cell_len(_line(tokens[:count])) >= MAX_COLUMNS // 2
    ]
    for ending in (Ending.SENTENCE, Ending.CLAUSE):
        places = [count for count in long_enough if tokens[count - 1].ending >= ending]
        if places:
            return places[-1]
    return len(tokens)
