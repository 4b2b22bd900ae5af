"""XML with the exact place of every character, by the standard library's expat; without all that makes XML dangerous.

Refused: DTDs, and with them entities of one's own; processing instructions; deep nesting. ``defusedxml`` refuses the
same, but builds a tree, which has no places.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol
from xml.parsers import expat

from gateway.text.aligned import OBJECT, AlignedText
from gateway.text.errors import InvalidMarkup, UnspeakableCharacters
from gateway.text.markup.joined import joined
from gateway.text.markup.places import refusal, tag_refusal

_BEFORE_DOCUMENT = re.compile(r"[\s\ufeff]*+")
_START_TAG = re.compile(r"""<(?:"[^"]*+"|'[^']*+'|[^"'>]++)*+>""")
_EXPLAINED = {
    expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: "only &amp;, &lt;, &gt;, &quot;, &apos; and numbers "
    "such as &#233; can be used; write any other character as it is",
    expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]: 'not well-formed; "<" is written &lt; and "&" is &amp;',
}


class Element(NamedTuple):
    """A start tag; ``source[char_start:char_end]``."""

    name: str
    attributes: dict[str, str]
    char_start: int
    char_end: int


class Handler(Protocol):
    """Takes a document as it is read."""

    def start(self, element: Element) -> None: ...

    def end(self, char_start: int) -> None:
        """Of the element that began last: where its end tag begins, or where its only tag ends."""

    def text(self, text: AlignedText) -> None:
        """All characters between two tags."""


def parse_xml(source: str, handler: Handler, *, max_depth: int) -> None:
    """Read the document ``source`` to its end.

    Raises InvalidMarkup for XML that is malformed or refused, UnspeakableCharacters for lone surrogates, and what
    ``handler`` raises.
    """
    before = _BEFORE_DOCUMENT.match(source)
    _Reader(source, before.end() if before else 0, handler, max_depth).read()


class _Run(NamedTuple):
    """Characters of a text, ``source[start:end]``: as they are, or what an entity stands for."""

    start: int
    end: int
    replacement: str | None


class _Reader:
    def __init__(self, source: str, offset: int, handler: Handler, max_depth: int) -> None:
        self._source = source
        self._bytes = _encoded(source[offset:], offset)
        self._byte, self._char = 0, offset
        """A place in the bytes that has been reached, and the same place in ``source``."""
        self._is_ascii = len(self._bytes) == len(source) - offset
        self._offset = offset
        self._handler = handler
        self._max_depth = max_depth
        self._depth = 0
        self._runs: list[_Run] = []
        self._in_cdata = False
        self._parser = expat.ParserCreate("utf-8")  # whatever encoding the document says it was in

    def read(self) -> None:
        parser = self._parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.StartCdataSectionHandler = self._begin_cdata
        parser.EndCdataSectionHandler = self._end_cdata
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.ProcessingInstructionHandler = self._refuse_instruction
        try:
            parser.Parse(self._bytes, True)
        except expat.ExpatError as error:
            raise self._malformed(error) from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._flush()
        start = self._place()
        tag = _START_TAG.match(self._source, start)
        end = tag.end() if tag else start
        self._depth += 1
        if self._depth > self._max_depth:
            raise tag_refusal(self._source, f"elements are nested more than {self._max_depth} deep", start, end)
        self._handler.start(Element(name, attributes, start, end))

    def _end(self, _name: str) -> None:
        self._flush()
        self._depth -= 1
        self._handler.end(self._place())

    def _data(self, data: str) -> None:
        start, runs = self._place(), self._runs
        if self._source[start] == "&" and not self._in_cdata:
            runs.append(_Run(start, self._source.index(";", start) + 1, data))
            return
        # Of a line break of two characters, expat gives one.
        end = start + (2 if data == "\n" and self._source.startswith("\r\n", start) else len(data))
        if runs and runs[-1].replacement is None and runs[-1].end == start:
            start = runs.pop().start
        runs.append(_Run(start, end, None))

    def _begin_cdata(self) -> None:
        self._in_cdata = True

    def _end_cdata(self) -> None:
        self._in_cdata = False

    def _flush(self) -> None:
        if self._runs:
            self._handler.text(joined([self._aligned(run) for run in self._runs]))
            self._runs = []

    def _aligned(self, run: _Run) -> AlignedText:
        if run.replacement is None:
            return AlignedText.of(self._source[run.start : run.end], run.start)
        return AlignedText(run.replacement.replace(OBJECT, " "), [run.start], [run.end])

    def _place(self) -> int:
        """Of what expat has just read, in ``source``."""
        return self._place_of(self._parser.CurrentByteIndex)

    def _place_of(self, byte: int) -> int:
        if self._is_ascii:
            return self._offset + byte
        # An error may lie inside a character.
        self._char += len(self._bytes[self._byte : byte].decode(errors="ignore"))
        self._byte = max(self._byte, byte)
        return self._char

    def _refuse_doctype(self, *_declared: object) -> None:
        start = self._source.index("<!DOCTYPE")
        raise tag_refusal(self._source, "a document type is not allowed", start, start + len("<!DOCTYPE"))

    def _refuse_instruction(self, target: str, _data: str) -> None:
        start = self._place()
        raise tag_refusal(self._source, "a processing instruction is not allowed", start, start + len("<?" + target))

    def _malformed(self, error: expat.ExpatError) -> InvalidMarkup:
        start = self._place_of(self._parser.ErrorByteIndex)
        reason = _EXPLAINED.get(error.code, expat.ErrorString(error.code))
        return refusal(self._source, f"The SSML cannot be read: {reason}", start, min(start + 1, len(self._source)))


def _encoded(text: str, offset: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        start = offset + error.start
        raise UnspeakableCharacters(
            f"The input holds a lone surrogate (U+{ord(text[error.start]):04X}) at character {start}: "
            "it is not valid Unicode text.",
            char_start=start,
            char_end=start + 1,
        ) from None
