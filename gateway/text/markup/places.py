"""Refusals that say where in the input the fault lies."""

from __future__ import annotations

from gateway.text.errors import InvalidMarkup
from shared.errors import FleetError

_MAX_QUOTED_CHARS = 60


def refusal(source: str, message: str, start: int, end: int, *, code: str | None = None) -> InvalidMarkup:
    """``message``, a sentence without its full stop, and the place ``source[start:end]`` that it is about.

    Characters count from 0, as all offsets of this service do; lines and columns from 1, as editors do.
    """
    place = f"at character {start}"
    if "\n" in source:
        line_start = source.rfind("\n", 0, start) + 1
        place += f" (line {source.count(chr(10), 0, start) + 1}, column {start - line_start + 1})"
    return InvalidMarkup(f"{message}, {place}.", char_start=start, char_end=end, code=code)


def tag_refusal(source: str, message: str, start: int, end: int) -> InvalidMarkup:
    """``refusal`` of the tag that is ``source[start:end]``."""
    return refusal(source, f"{quoted(source[start:end])}: {message}", start, end)


def placed(source: str, error: FleetError, start: int, end: int) -> InvalidMarkup:
    """``error``, which is about the tag ``source[start:end]``, as one that says so; it keeps its code."""
    message = f"{quoted(source[start:end])}: {error.message.removesuffix('.')}"
    return refusal(source, message, start, end, code=error.code)


def quoted(written: str) -> str:
    """What stands in the input, short enough for a message."""
    return repr(written if len(written) <= _MAX_QUOTED_CHARS else written[: _MAX_QUOTED_CHARS - 1] + "…")
