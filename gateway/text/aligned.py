"""Text that has been changed and still knows, for each character, which stretch of the original input it stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex


@dataclass(frozen=True, slots=True)
class AlignedText:
    """``text[i]`` stands for ``original[starts[i]:ends[i]]``. Both sequences never decrease."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, original: str, offset: int = 0) -> AlignedText:
        """The unchanged text, whose first character is at ``offset`` in the input."""
        return cls(
            original,
            range(offset, offset + len(original)),
            range(offset + 1, offset + len(original) + 1),
        )

    def slice(self, start: int, end: int) -> AlignedText:
        return AlignedText(self.text[start:end], self.starts[start:end], self.ends[start:end])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original that ``text[start:end]``, which must not be empty, stands for."""
        return self.starts[start], self.ends[end - 1]

    def sub(self, pattern: regex.Pattern[str], replacement: Callable[[str], str]) -> AlignedText:
        """Replace each match; every new character stands for all that the match stood for."""
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        kept = 0
        for match in pattern.finditer(self.text):
            start, end = match.span()
            new = replacement(match.group())
            if start == end or new == match.group():
                continue
            pieces += (self.text[kept:start], new)
            starts += (*self.starts[kept:start], *[self.starts[start]] * len(new))
            ends += (*self.ends[kept:start], *[self.ends[end - 1]] * len(new))
            kept = end
        if not kept:
            return self
        pieces.append(self.text[kept:])
        return AlignedText("".join(pieces), [*starts, *self.starts[kept:]], [*ends, *self.ends[kept:]])
