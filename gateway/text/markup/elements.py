"""What each element of SSML does. ``ELEMENTS`` is the table: whatever is not in it is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import NamedTuple

from gateway.text.aligned import OBJECT, AlignedText, Said
from gateway.text.errors import InvalidMarkup
from gateway.text.markup.builder import ScriptBuilder
from gateway.text.markup.options import MarkupOptions
from gateway.text.markup.places import placed, quoted, tag_refusal
from gateway.text.markup.values import BREAK_S, STRESSES, language_code, prosody_rate, prosody_volume, time_s
from gateway.text.markup.voices import Voices
from gateway.text.markup.xml import Element
from gateway.text.phonemes import UnsayablePhonemes, told_phonemes
from gateway.text.segments import Style
from shared.errors import FleetError

MAX_VOLUME = 10.0
"""As a factor: 20 dB, far beyond where everything clips."""


class Content(Enum):
    """What may stand between an element's tags, and what becomes of it."""

    SPOKEN = auto()
    REPLACED = auto()
    """Text alone, said in other words or sounds."""
    UNSPOKEN = auto()
    NONE = auto()


class Scope(NamedTuple):
    """What holds between the tags of an element."""

    style: Style
    voice_rate: float
    """The rate that belongs to the voice; ``style.rate`` is this times ``prosody_rate``."""
    prosody_rate: float = 1.0
    stress: float | None = None
    content: Content = Content.SPOKEN
    reading: Callable[[AlignedText], AlignedText] | None = None
    """Of REPLACED content, which is not empty."""


class Opening(NamedTuple):
    """A start tag where it stands."""

    element: Element
    outer: Scope
    source: str
    options: MarkupOptions
    voices: Voices
    builder: ScriptBuilder

    def refusal(self, message: str) -> InvalidMarkup:
        return tag_refusal(self.source, message, self.element.char_start, self.element.char_end)

    def attribute(self, name: str) -> str | None:
        return self.element.attributes.get(name)

    def required(self, name: str) -> str:
        value = (self.attribute(name) or "").strip()
        if not value:
            raise self.refusal(f"the attribute {name!r} is needed")
        return value

    def style(self, before: Style) -> Style:
        """``before`` in the language that ``xml:lang`` names, if it is there."""
        code = self.attribute("xml:lang")
        if code is None:
            return before
        try:
            return replace(before, language=self.options.language_code(language_code(code)))
        except FleetError as error:
            raise placed(self.source, error, self.element.char_start, self.element.char_end) from error

    def at_rate(self, scope: Scope) -> Scope:
        """``scope`` with the rate that its parts make."""
        rate = scope.voice_rate * scope.prosody_rate
        place = (self.element.char_start, self.element.char_end)
        return scope._replace(style=self.voices.at_rate(scope.style, rate, *place))


def _container(at: Opening) -> Scope:
    return at.outer._replace(style=at.style(at.outer.style)) if "xml:lang" in at.element.attributes else at.outer


def _lang(at: Opening) -> Scope:
    at.required("xml:lang")
    return _container(at)


def _break(at: Opening) -> Scope:
    time, strength = at.attribute("time"), (at.attribute("strength") or "medium").strip().lower()
    seconds = BREAK_S.get(strength) if time is None else time_s(time)
    if strength not in BREAK_S:
        raise at.refusal(f"a strength is one of {', '.join(BREAK_S)}")
    if seconds is None:
        raise at.refusal("a time is written in seconds or milliseconds, as in 1.5s or 500ms")
    at.builder.pause(seconds, at.element.char_start, at.element.char_end)
    return at.outer._replace(content=Content.NONE)


def _mark(at: Opening) -> Scope:
    at.builder.mark(at.required("name"), at.element.char_start)
    return at.outer._replace(content=Content.NONE)


def _voice(at: Opening) -> Scope:
    style = at.voices.style(at.required("name"), at.outer.style, at.element.char_start, at.element.char_end)
    return at.at_rate(at.outer._replace(style=at.style(style), voice_rate=style.rate))


def _prosody(at: Opening) -> Scope:
    for name in ("pitch", "range"):
        if (at.attribute(name) or "default").strip().lower() not in {"default", "medium"}:
            raise at.refusal(f"the attribute {name!r} is not supported: the model cannot change it")
    rate, volume = _prosody_rate(at), at.outer.style.volume * _prosody_volume(at)
    if volume > MAX_VOLUME:
        raise at.refusal(f"this makes the volume {volume:.4g}; it must be at most {MAX_VOLUME:g}")
    style = replace(at.outer.style, volume=volume)
    return at.at_rate(at.outer._replace(style=style, prosody_rate=at.outer.prosody_rate * rate))


def _prosody_rate(at: Opening) -> float:
    written = at.attribute("rate")
    rate = 1.0 if written is None else prosody_rate(written)
    if rate is None:
        raise at.refusal("a rate is x-slow, slow, medium, fast, x-fast, a factor such as 1.2, or 80% or +20%")
    return rate


def _prosody_volume(at: Opening) -> float:
    written = at.attribute("volume")
    volume = 1.0 if written is None else prosody_volume(written)
    if volume is None:
        raise at.refusal(
            "a volume is silent, x-soft, soft, medium, loud, x-loud, decibels such as +6dB, 0 to 100, or 80% or +20%"
        )
    return volume


def _emphasis(at: Opening) -> Scope:
    level = (at.attribute("level") or "moderate").strip().lower()
    if level not in STRESSES:
        raise at.refusal(f"a level is one of {', '.join(STRESSES)}")
    return at.outer._replace(stress=STRESSES[level])


def _desc(at: Opening) -> Scope:
    return at.outer._replace(content=Content.UNSPOKEN)


def _sub(at: Opening) -> Scope:
    alias = at.required("alias").replace(OBJECT, " ")
    return _replaced(at, lambda content: content.reading(alias))


def _phoneme(at: Opening) -> Scope:
    alphabet = (at.attribute("alphabet") or "ipa").strip().lower()
    if alphabet != "ipa":
        raise at.refusal(f"the alphabet {quoted(alphabet)} is not supported, only ipa")
    try:
        phonemes = told_phonemes(at.required("ph"))
    except UnsayablePhonemes as error:
        raise at.refusal(str(error)) from None
    return _replaced(at, lambda content: content.as_object(Said(content.text, phonemes=phonemes)))


def _say_as(at: Opening) -> Scope:
    interpret_as, language = at.required("interpret-as"), at.outer.style.language
    form, detail = at.attribute("format") or "", at.attribute("detail") or ""

    def reading(content: AlignedText) -> AlignedText:
        try:
            said = at.options.say_as(content.text, interpret_as, language, format=form, detail=detail)
        except ValueError as error:
            raise at.refusal(str(error).removesuffix(".")) from error
        return content.reading(said.replace(OBJECT, " "))

    return _replaced(at, reading)


def _replaced(at: Opening, reading: Callable[[AlignedText], AlignedText]) -> Scope:
    return at.outer._replace(content=Content.REPLACED, reading=reading)


class Kind(NamedTuple):
    """An element of SSML."""

    open: Callable[[Opening], Scope]
    attributes: frozenset[str]
    ends_lines: bool = False
    """Neither before it nor after it does a sentence go on."""
    is_words: bool = False
    """Nothing that touches it from outside is a part of its words."""


ELEMENTS: dict[str, Kind] = {
    "speak": Kind(_container, frozenset({"xml:lang"})),
    "p": Kind(_container, frozenset({"xml:lang"}), ends_lines=True),
    "s": Kind(_container, frozenset({"xml:lang"}), ends_lines=True),
    "break": Kind(_break, frozenset({"time", "strength"})),
    "prosody": Kind(_prosody, frozenset({"rate", "volume", "pitch", "range"})),
    "voice": Kind(_voice, frozenset({"name", "xml:lang"})),
    "lang": Kind(_lang, frozenset({"xml:lang"})),
    "emphasis": Kind(_emphasis, frozenset({"level"})),
    "say-as": Kind(_say_as, frozenset({"interpret-as", "format", "detail"}), is_words=True),
    "sub": Kind(_sub, frozenset({"alias"}), is_words=True),
    "phoneme": Kind(_phoneme, frozenset({"alphabet", "ph"})),
    "mark": Kind(_mark, frozenset({"name"})),
    "w": Kind(_container, frozenset(), is_words=True),
    "token": Kind(_container, frozenset(), is_words=True),
    "desc": Kind(_desc, frozenset({"xml:lang"})),
}

_OF_DOCUMENTS = frozenset({"version", "xmlns", "xml:base", "xsi:schemaLocation"})
"""They say how to read the document, not how to speak it."""


def has_attribute(element: str, name: str) -> bool:
    """Whether ``name`` is an attribute that the element has here; "id" names an element for other documents."""
    if name in ELEMENTS[element].attributes or name in {"id", "xml:id"}:
        return True
    return element == "speak" and (name in _OF_DOCUMENTS or name.startswith("xmlns:"))
