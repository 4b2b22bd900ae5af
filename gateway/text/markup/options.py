"""What a request allows in its markup, and how the rest of the service names voices, languages and readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.text.languages import Language
from shared.contract import VoiceMix


@dataclass(frozen=True, slots=True)
class VoiceAlias:
    """A name that a request gives to a voice."""

    expression: str
    """A voice or a mix, as ``MarkupOptions.voice_of`` reads it."""
    rate: float = 1.0
    """The alias's speaking rate, within ``MarkupOptions``'s bounds; rate tags multiply it."""


class SayAs(Protocol):
    """``gateway.text.normaliser.say_as``: how SSML's ``<say-as>`` is said, in letters; ValueError if it cannot be."""

    def __call__(
        self,
        text: str,
        interpret_as: str,
        language: Language,
        *,
        format: str = "",  # noqa: A002 - as the attribute is called
        detail: str = "",
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class MarkupOptions:
    """One request's."""

    voice_of: Callable[[str], VoiceMix]
    """Reads a voice expression; raises the FleetErrors of ``shared.voices.parse_mix``."""
    language_of: Callable[[VoiceMix], Language] | None
    """The language that a change of voice changes to; None where the request fixed its language."""
    language_code: Callable[[str], Language]
    """Reads SSML's ``xml:lang``; raises FleetErrors."""
    say_as: SayAs
    allow_voice_tags: bool = False
    """``[voice:]`` and ``[rate:]`` are tags; otherwise they are spoken as text."""
    ssml: bool = False
    """A text that begins with ``<speak`` is SSML."""
    aliases: Mapping[str, VoiceAlias] = field(default_factory=dict)
    """Looked up before ``voice_of``, in any case."""
    max_pause_s: float = 60.0
    max_total_pause_s: float = 400.0
    ssml_max_depth: int = 10
    min_rate: float = 0.25
    max_rate: float = 4.0
    """Bounds of what markup makes of the rate, without the request's own speed."""
