"""What markup leaves of an input: stretches of text, each to be said in one style, and the pauses and marks between."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from shared.contract import VoiceMix


@dataclass(frozen=True, slots=True)
class Style:
    """How a stretch of text is spoken."""

    voice: VoiceMix
    language: Language
    rate: float = 1.0
    """Times the request's speed."""
    volume: float = 1.0
    """Times the request's volume."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Text to be spoken, not yet normalised; no chunk holds two of these."""

    text: AlignedText
    style: Style


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence, as ``input[char_start:char_end]`` asks for."""

    seconds: float
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the input whose time the caller wants to know."""

    name: str
    char_start: int


@dataclass(frozen=True, slots=True)
class Script:
    """An input as it is to be performed."""

    segments: tuple[Speech | Pause, ...]
    marks: tuple[Mark, ...] = ()

    def shifted(self, offset: int) -> Script:
        """The same where ``offset`` characters come before the input."""
        return Script(
            tuple(_shifted(segment, offset) for segment in self.segments),
            tuple(replace(mark, char_start=mark.char_start + offset) for mark in self.marks),
        )


def _shifted(segment: Speech | Pause, offset: int) -> Speech | Pause:
    if isinstance(segment, Speech):
        return replace(segment, text=segment.text.shifted(offset))
    return replace(segment, char_start=segment.char_start + offset, char_end=segment.char_end + offset)
