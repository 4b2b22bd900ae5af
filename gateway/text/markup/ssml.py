"""SSML 1.1 (W3C Recommendation of 7 September 2010), as far as the model can follow it; the rest is refused by name.

What the elements do is in ``elements``; here is what they do it to.
"""

from __future__ import annotations

import re

from gateway.text.aligned import AlignedText
from gateway.text.markup.brackets import ALWAYS_ON, WITH_VOICE_TAGS, Tag, pause_s, pieces, stressed
from gateway.text.markup.builder import ScriptBuilder
from gateway.text.markup.elements import ELEMENTS, Content, Opening, Scope, has_attribute
from gateway.text.markup.options import MarkupOptions
from gateway.text.markup.places import refusal, tag_refusal
from gateway.text.markup.voices import Voices
from gateway.text.markup.xml import Element, parse_xml
from gateway.text.segments import Script, Style

_SSML = re.compile(r"\ufeff?(?:\s++|<!--(?>.*?-->)|<\?(?>.*?\?>))*+(?:<!DOCTYPE\b|<speak(?=[\s/>]))", re.DOTALL)


def is_ssml(text: str) -> bool:
    """Whether a document begins here. One with a DOCTYPE or an instruction is none that ``read_ssml`` takes."""
    return _SSML.match(text) is not None


def read_ssml(text: str, base: Style, options: MarkupOptions) -> Script:
    """``read_script`` of an SSML document."""
    builder = ScriptBuilder(text, options)
    parse_xml(text, _SsmlReader(text, base, options, builder), max_depth=options.ssml_max_depth)
    return builder.script()


class _SsmlReader:
    """The ``Handler`` of a document. What an element asks for holds until its end, so there is a stack of scopes."""

    def __init__(self, source: str, base: Style, options: MarkupOptions, builder: ScriptBuilder) -> None:
        self._source = source
        self._options = options
        self._builder = builder
        self._voices = Voices(source, options)
        self._tags = WITH_VOICE_TAGS if options.allow_voice_tags else ALWAYS_ON
        self._scopes = [Scope(base, voice_rate=base.rate)]
        self._elements: list[Element] = []
        self._content: AlignedText | None = None
        """Of the element whose content is replaced."""

    def start(self, element: Element) -> None:
        at = Opening(element, self._scopes[-1], self._source, self._options, self._voices, self._builder)
        self._refuse_unsupported(at)
        self._scopes.append(ELEMENTS[element.name].open(at))
        self._elements.append(element)
        self._set_apart(element, element.char_start)

    def end(self, char_start: int) -> None:
        element, scope = self._elements.pop(), self._scopes.pop()
        if scope.reading is not None:
            if self._content is None:
                message = "this element has no text to be said in another way"
                raise tag_refusal(self._source, message, element.char_start, element.char_end)
            self._builder.say(scope.reading(self._content), scope.style)
            self._content = None
        self._set_apart(element, char_start)

    def text(self, text: AlignedText) -> None:
        scope = self._scopes[-1]
        if scope.content is Content.SPOKEN:
            self._speak(text, scope)
        elif scope.content is Content.REPLACED:
            self._content = _stripped(text)
        elif scope.content is Content.NONE and not text.text.isspace():
            start, end = text.span(0, len(text.text))
            raise refusal(self._source, f"<{self._elements[-1].name}> must be empty", start, end)

    def _speak(self, text: AlignedText, scope: Scope) -> None:
        for piece in pieces(text, self._tags, self._source) if "[" in text.text else (text,):
            if isinstance(piece, Tag):
                self._pause(piece)
            else:
                spoken = stressed(piece, scope.stress) if scope.stress is not None else piece
                self._builder.say(spoken, scope.style)

    def _pause(self, tag: Tag) -> None:
        if tag.name != "pause":
            message = "in SSML, voice and rate are changed by <voice> and <prosody>"
            raise tag_refusal(self._source, message, tag.char_start, tag.char_end)
        self._builder.pause(pause_s(tag, self._source), tag.char_start, tag.char_end)

    def _set_apart(self, element: Element, place: int) -> None:
        kind = ELEMENTS[element.name]
        if kind.is_words:
            self._builder.apart()
        if kind.ends_lines:
            self._builder.end_line(place)

    def _refuse_unsupported(self, at: Opening) -> None:
        element = at.element
        if element.name not in ELEMENTS:
            raise at.refusal(f"this element is not supported; those that are: {', '.join(ELEMENTS)}")
        if self._elements and (element.name == "speak" or at.outer.content is not Content.SPOKEN):
            raise at.refusal(f"this element cannot stand inside <{self._elements[-1].name}>")
        for name in element.attributes:
            if not has_attribute(element.name, name):
                raise at.refusal(f"the attribute {name!r} is not supported")


def _stripped(text: AlignedText) -> AlignedText | None:
    """Without the spaces around it; None if there is nothing else."""
    core = text.text.strip()
    start = text.text.index(core)
    return text.slice(start, start + len(core)) if core else None
