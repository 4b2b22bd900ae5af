"""Text that has been changed and still knows, for each character, which stretch of the original input it stands for."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    import numpy as np  # where it is used: the gateway's own process, which does no linguistics, starts without it
    import numpy.typing as npt

OBJECT = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands in a text for a stretch that is to be said as its ``Said`` tells: to every rule it is one odd character."""

_FEW_EDITS = 16
"""Up to so many, slices are joined sooner than numpy begins."""

_LONG_RANGE = 100
"""From so many on, numpy makes an array of a range sooner than ``array`` does."""

_PLACE = "l"
"""Type code of an array of offsets, the same for ``array`` and for numpy."""


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


@dataclass(frozen=True, slots=True)
class AlignedText:
    """``text[i]`` stands for ``original[starts[i]:ends[i]]``. Both sequences never decrease."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    said: Mapping[int, Said] = field(default_factory=dict)
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
        text, starts = self.text[start:end], self.starts[start:end]
        said = {starts[index]: self.said[starts[index]] for index in _objects(text)}
        return AlignedText(text, starts, self.ends[start:end], said)

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

    def edited(self, edits: Iterable[tuple[int, int, str]], said: Mapping[int, Said] | None = None) -> AlignedText:
        """This text after ``edits`` (start, end, new), which are in order and apart; itself if none changes anything.

        Every character of a ``new`` stands for all that the characters it replaces stood for; ``said`` tells of the
        OBJECTs among them, by where in the original they start. Linear.
        """
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
            return replace(self, said={**self.said, **said}) if said else self
        lengths = list(map(len, pieces[1::2]))
        pieces.append(old[kept:])
        places: _Slices | _Repeats
        if len(starts) <= _FEW_EDITS:
            places = _Slices(list(zip(starts, ends, lengths, strict=True)))
        else:
            places = _Repeats(len(old), starts, ends, lengths)
        return AlignedText(
            "".join(pieces),
            places.of_starts(self.starts),
            places.of_ends(self.ends),
            {**self.said, **said} if said else self.said,
        )

    def _edits(
        self, pattern: regex.Pattern[str], replacement: Callable[[regex.Match[str]], str]
    ) -> Iterator[tuple[int, int, str]]:
        for match in pattern.finditer(self.text):
            start, end = match.span()
            if start < end and OBJECT not in match.group():
                yield start, end, replacement(match)


class _Slices:
    """The places around a few edits: (start, end, length of what is new)."""

    def __init__(self, edits: list[tuple[int, int, int]]) -> None:
        self._edits = edits

    def of_starts(self, places: Sequence[int]) -> array[int]:
        return self._around(places, [start for start, _, _ in self._edits])

    def of_ends(self, places: Sequence[int]) -> array[int]:
        return self._around(places, [end - 1 for _, end, _ in self._edits])

    def _around(self, places: Sequence[int], bearers: list[int]) -> array[int]:
        old = _as_array(places)
        new = array(_PLACE)
        kept = 0
        for (start, end, length), bearer in zip(self._edits, bearers, strict=True):
            new += old[kept:start]
            new += old[bearer : bearer + 1] * length
            kept = end
        new += old[kept:]
        return new


class _Repeats:
    """The same for many: how often each old place is repeated, as operations of numpy, which take a while to begin."""

    def __init__(self, length: int, starts: list[int], ends: list[int], lengths: list[int]) -> None:
        import numpy as np

        self._first = np.array(starts, np.intp)
        self._last = np.array(ends, np.intp) - 1
        self._lengths = np.array(lengths, np.intp)
        steps = np.zeros(length + 1, np.intp)
        steps[self._first] = -1
        steps[self._last + 1] += 1
        self._counts = 1 + np.cumsum(steps[:-1])

    def of_starts(self, places: Sequence[int]) -> array[int]:
        return self._repeated(places, self._first)

    def of_ends(self, places: Sequence[int]) -> array[int]:
        return self._repeated(places, self._last)

    def _repeated(self, places: Sequence[int], bearers: npt.NDArray[np.intp]) -> array[int]:
        import numpy as np

        counts = self._counts.copy()
        counts[bearers] = self._lengths
        return array(_PLACE, np.repeat(_as_numpy(places), counts).tobytes())


def _as_array(places: Sequence[int]) -> array[int]:
    if isinstance(places, array):
        return places
    is_long_range = isinstance(places, range) and len(places) > _LONG_RANGE
    return array(_PLACE, _as_numpy(places).tobytes() if is_long_range else places)


def _as_numpy(places: Sequence[int]) -> npt.NDArray[np.int_]:
    import numpy as np

    if isinstance(places, range):
        return np.arange(places.start, places.stop, dtype=_PLACE)
    return np.asarray(places, dtype=_PLACE)  # of an array a view


def _objects(text: str) -> Iterator[int]:
    index = text.find(OBJECT)
    while index >= 0:
        yield index
        index = text.find(OBJECT, index + 1)


def _shifted(places: Sequence[int], offset: int) -> Sequence[int]:
    if isinstance(places, range):
        return range(places.start + offset, places.stop + offset, places.step)
    return array(_PLACE, (_as_numpy(places) + offset).tobytes())


def _joined(pieces: Iterable[Sequence[int]]) -> array[int]:
    places = array(_PLACE)
    for piece in pieces:
        places.extend(piece)
    return places
