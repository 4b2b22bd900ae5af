"""A request's options with the real voices, languages and readings, and scripts written down for comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.text.errors import UnknownLanguage
from gateway.text.languages import BY_LETTER, Language
from gateway.text.markup import MarkupOptions, VoiceAlias, read_script
from gateway.text.segments import Pause, Script, Speech, Style
from shared.contract import VoiceMix
from shared.voices import CATALOGUE, parse_mix

BASE = Style((("af_heart", 1.0),), Language.EN_US)


def _voice(expression: str) -> VoiceMix:
    return parse_mix(expression, CATALOGUE)


def _language_of(voice: VoiceMix) -> Language:
    return BY_LETTER[voice[0][0][0]]


def _language_code(code: str) -> Language:
    try:
        return Language(code.lower())
    except ValueError:
        raise UnknownLanguage(f"Unknown language {code!r}.", param="lang_code") from None


def spelt(text: str, interpret_as: str, language: Language, *, format: str = "", detail: str = "") -> str:  # noqa: A002
    """Reads characters, and tells all else that it was asked."""
    if interpret_as == "nonsense":
        raise ValueError("Unknown interpret-as 'nonsense'.")
    if interpret_as == "characters":
        return " ".join(text)
    return f"{interpret_as} {text} {language.value} {format} {detail}".strip()


OPTIONS = MarkupOptions(
    voice_of=_voice,
    language_of=_language_of,
    language_code=_language_code,
    say_as=spelt,
    allow_voice_tags=True,
    ssml=True,
    aliases={"Narrator": VoiceAlias("bm_george", 0.8), "fast": VoiceAlias("af_sky(2)+af_bella(1)", 2.0)},
)


def read(text: str, **options: Any) -> Script:
    return read_script(text, BASE, replace(OPTIONS, **options))


def written(script: Script) -> list[str | float]:
    """Speech as its text, where what is said as told is in braces; pauses as seconds."""
    return [segment.seconds if isinstance(segment, Pause) else _written(segment) for segment in script.segments]


def _written(speech: Speech) -> str:
    text = speech.text
    parts = []
    for index, char in enumerate(text.text):
        said = text.said_at(index)
        if said is None:
            parts.append(char)
        else:
            how = said.phonemes or (f"{said.stress:g}" if said.stress is not None else f"#{said.num_flags}")
            parts.append(f"{{{said.text}|{how}}}")
    return "".join(parts)


def speeches(script: Script) -> list[Speech]:
    return [segment for segment in script.segments if isinstance(segment, Speech)]


def slices(source: str, speech: Speech) -> list[tuple[str, str]]:
    """Each character of a speech with what it stands for."""
    text = speech.text
    return [(char, source[start:end]) for char, start, end in zip(text.text, text.starts, text.ends, strict=True)]
