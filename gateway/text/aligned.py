"""Text that has been changed and still knows, for each character, which stretch of the original input it stands for."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import regex

if TYPE_CHECKING:
    import numpy as np  # where it is used: the gateway's own process, which does no linguistics, starts without it
    import numpy.typing as npt

OBJECT = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands in a text for a stretch that is to be said as its ``Said`` tells: to every rule it is one odd character."""

_FEW_EDITS = 64
"""Up to so many, slices are joined sooner than numpy begins."""

PLACE = "i"
"""Type code of an array of offsets, the same for ``array`` and for numpy."""

_HALF = array(PLACE).itemsize
_PAIR = 2 * _HALF


@dataclass(frozen=True, slots=True)
class Said:
    """How a stretch of the input is to be said, whatever rules and G2P would make of it."""

    text: str
    """As written: what a tagger sees, and a caption shows."""
    phonemes: str | None = None
    """Symbols of ``shared.vocabulary``; None leaves them to the G2P."""
    stress: float | None = None
    """Misaki's: 2 or 1 for more, -1 or -2 for less, 0.5 and -0.5 to move between secondary and none."""
    num_flags: str = ""
    """Misaki's, for the reading of a number."""


_NOTHING_SAID: Mapping[int, Said] = {}


class AlignedText(NamedTuple):
    """``text[i]`` stands for ``original[starts[i]:ends[i]]``. Both sequences never decrease."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    said: Mapping[int, Said] = _NOTHING_SAID
    """Of each OBJECT in the text, by where in the original it starts."""

    @classmethod
    def of(cls, original: str, offset: int = 0) -> AlignedText:
        """The unchanged text, whose first character is at ``offset`` in the input. Its OBJECTs become spaces."""
        return cls(
            original.replace(OBJECT, " "),
            range(offset, offset + len(original)),
            range(offset + 1, offset + len(original) + 1),
        )

    @classmethod
    def join(cls, parts: Iterable[AlignedText]) -> AlignedText:
        """The parts, which are in the order of the original, one after the other."""
        pieces = [part for part in parts if part.text]
        if len(pieces) == 1:
            return pieces[0]
        return cls(
            "".join(part.text for part in pieces),
            _joined([part.starts for part in pieces]),
            _joined([part.ends for part in pieces]),
            {start: said for part in pieces for start, said in part.said.items()},
        )

    def slice(self, start: int, end: int) -> AlignedText:
        if start == 0 and end == len(self.text):
            return self
        text, starts, ends = self.text[start:end], self.starts[start:end], self.ends[start:end]
        if OBJECT not in text:
            return AlignedText(text, starts, ends)
        return AlignedText(text, starts, ends, {starts[index]: self.said[starts[index]] for index in _objects(text)})

    def shifted(self, offset: int) -> AlignedText:
        """The same where ``offset`` characters come before the original."""
        return AlignedText(
            self.text,
            _shifted(self.starts, offset),
            _shifted(self.ends, offset),
            {start + offset: said for start, said in self.said.items()},
        )

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original that ``text[start:end]``, which must not be empty, stands for."""
        return self.starts[start], self.ends[end - 1]

    def said_at(self, index: int) -> Said | None:
        """How the OBJECT at ``text[index]`` is to be said; None for any other character."""
        return self.said[self.starts[index]] if self.text[index] == OBJECT else None

    def objects(self) -> Iterator[tuple[int, Said]]:
        """Each OBJECT's index, in order, and how it is to be said."""
        for index in _objects(self.text):
            yield index, self.said[self.starts[index]]

    def as_object(self, said: Said) -> AlignedText:
        """All of this text, which must not be empty, as one OBJECT."""
        start, end = self.span(0, len(self.text))
        return AlignedText(OBJECT, [start], [end], {start: said})

    def reading(self, text: str) -> AlignedText:
        """``text`` in place of all of this one, which must not be empty: every character stands for all of it."""
        start, end = self.span(0, len(self.text))
        return AlignedText(text, [start] * len(text), [end] * len(text))

    def sub(self, pattern: regex.Pattern[str], replacement: Callable[[regex.Match[str]], str]) -> AlignedText:
        """Replace each match; every new character stands for all that the match stood for.

        A match that holds an OBJECT stays as it is.
        """
        return self.edited(self._edits(pattern, replacement))

    def respelled(self, pattern: regex.Pattern[str] | re.Pattern[str], read: Callable[[str], str]) -> AlignedText:
        """``sub`` where many are replaced, by what is made of them alone: a third of the time.

        ``pattern`` has one group, which is all of it; ``read`` changes every match. No match may hold an OBJECT.
        """
        draft = Draft(self)
        draft.respell(pattern, read)
        return draft.aligned()

    def edited(self, edits: Iterable[tuple[int, int, str]], said: Mapping[int, Said] | None = None) -> AlignedText:
        """This text after ``edits`` (start, end, new), which are in order and apart; itself if none changes anything.

        Every character of a ``new`` stands for all that the characters it replaces stood for; ``said`` tells of the
        OBJECTs among them, by where in the original they start. Linear.
        """
        draft = Draft(self)
        draft.edit(edits)
        after = draft.aligned()
        return after._replace(said={**self.said, **said}) if said else after

    def _edits(
        self, pattern: regex.Pattern[str], replacement: Callable[[regex.Match[str]], str]
    ) -> Iterator[tuple[int, int, str]]:
        for match in pattern.finditer(self.text):
            start, end = match.span()
            if start < end and OBJECT not in match.group():
                yield start, end, replacement(match)


class Draft:
    """An ``AlignedText`` while edits change it, one after the other, until ``aligned`` tells what came of it."""

    def __init__(self, aligned: AlignedText) -> None:
        self.text = aligned.text
        self._before = aligned
        self._places: bytes | None = None
        """Of each character its two offsets: slices of these are joined like those of the text, and as fast."""

    def aligned(self) -> AlignedText:
        """What the text has become; the one it was made of, if nothing has changed."""
        before = self._before
        if self._places is None:
            return before
        places = array(PLACE, self._places)
        return AlignedText(self.text, places[::2], places[1::2], before.said)

    def edit(self, edits: Iterable[tuple[int, int, str]]) -> list[str]:
        """``AlignedText.edited``, in place. What has been written, once for each change: none, if nothing changes."""
        old = self.text
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        kept = 0
        for start, end, new in edits:
            if old[start:end] != new:
                pieces += (old[kept:start], new)
                starts.append(start)
                ends.append(end)
                kept = end
        if not kept:
            return []
        pieces.append(old[kept:])
        return self._rewrite(pieces, starts, ends)

    def respell(self, pattern: regex.Pattern[str] | re.Pattern[str], read: Callable[[str], str]) -> list[str]:
        """``AlignedText.respelled``, in place. Returns what ``edit`` does."""
        parts = pattern.split(self.text)
        if len(parts) == 1:
            return []
        stops = list(itertools.accumulate(map(len, parts)))
        parts[1::2] = map(read, parts[1::2])
        return self._rewrite(parts, stops[:-1:2], stops[1::2])

    def _rewrite(self, pieces: list[str], starts: list[int], ends: list[int]) -> list[str]:
        """Every other piece has been written in place of ``text[start:end]``; those around them stay."""
        written = pieces[1::2]
        lengths = list(map(len, written))
        if self._places is None:
            self._places = _pairs(self._before)
        if not len(lengths) == lengths.count(1) == sum(ends) - sum(starts):  # one for one stays where it is
            replace = _replace_few if len(starts) <= _FEW_EDITS else _replace_many
            self._places = replace(self._places, starts, ends, lengths)
        self.text = "".join(pieces)
        return written


def _pairs(text: AlignedText) -> bytes:
    import numpy as np

    places = np.empty((len(text.text), 2), PLACE)
    places[:, 0], places[:, 1] = _as_numpy(text.starts), _as_numpy(text.ends)
    return places.tobytes()


def _replace_few(places: bytes, starts: list[int], ends: list[int], lengths: list[int]) -> bytes:
    """The offsets of a text where each ``[start:end]`` has become so many characters, which stand for all of it."""
    pieces: list[bytes] = []
    kept = 0
    for start, end, length in zip(starts, ends, lengths, strict=True):
        begin, stop = start * _PAIR, end * _PAIR
        pieces.append(places[kept:begin])
        if length:
            pieces.append((places[begin : begin + _HALF] + places[stop - _HALF : stop]) * length)
        kept = stop
    pieces.append(places[kept:])
    return b"".join(pieces)


def _replace_many(places: bytes, starts: list[int], ends: list[int], lengths: list[int]) -> bytes:
    """The same by operations of numpy, which take a while to begin: how often each old pair is repeated."""
    import numpy as np

    pairs = np.frombuffer(places, np.int64)
    begins, stops = np.array(starts, np.intp), np.array(ends, np.intp)
    counts = np.ones(len(pairs), np.intp)
    if len(starts) < (stops - begins).sum():
        steps = np.zeros(len(counts) + 1, np.intp)
        steps[begins] = -1
        steps[stops] += 1
        counts += np.cumsum(steps[:-1])
        halves = np.frombuffer(places, PLACE).reshape(-1, 2).copy()
        halves[begins, 1] = halves[stops - 1, 1]
        pairs = halves.view(np.int64)[:, 0]
    counts[begins] = lengths
    return pairs.repeat(counts).tobytes()


def _as_numpy(places: Sequence[int]) -> npt.NDArray[np.intc]:
    import numpy as np

    if isinstance(places, array):
        return np.frombuffer(places, PLACE)
    if isinstance(places, range):
        return np.arange(places.start, places.stop, dtype=PLACE)
    return np.array(places, PLACE)


def _objects(text: str) -> Iterator[int]:
    index = text.find(OBJECT)
    while index >= 0:
        yield index
        index = text.find(OBJECT, index + 1)


def _shifted(places: Sequence[int], offset: int) -> Sequence[int]:
    if isinstance(places, range):
        return range(places.start + offset, places.stop + offset, places.step)
    return array(PLACE, (_as_numpy(places) + offset).tobytes())


def _joined(pieces: Iterable[Sequence[int]]) -> array[int]:
    places = array(PLACE)
    for piece in pieces:
        places.extend(piece)
    return places
