"""What a session has to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.charging import Usage
from gateway.timings import WordTiming
from shared.errors import FleetError


@dataclass(frozen=True, slots=True)
class Event:
    """Of one context; ``tag`` is what that was opened with."""

    context_id: str
    tag: Any


@dataclass(frozen=True, slots=True)
class Spoken(Event):
    """The next bytes of the context's audio, and the words that are known since the last; either may be empty.

    Times count from the beginning of the context's audio, places from that of its text.
    """

    packet: bytes
    words: tuple[WordTiming, ...]


@dataclass(frozen=True, slots=True)
class Flushed(Event):
    """All audio of the text before a flush has been given out."""

    flush_id: str | None


@dataclass(frozen=True, slots=True)
class Done(Event):
    """The context has ended: all its text was spoken."""

    usage: Usage
    num_chars: int
    audio_s: float


@dataclass(frozen=True, slots=True)
class Cancelled(Event):
    """The context is over, as was asked for; no more of its audio comes."""


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """The context is over, and not all of its text was spoken."""

    error: FleetError


@dataclass(frozen=True, slots=True)
class LeavingSoon:
    """The gateway is about to stop: no new contexts; those that are open have ``within_s`` to end."""

    within_s: float
