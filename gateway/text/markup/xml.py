"""XML with the exact place of every character, by the standard library's expat; without all that makes XML dangerous.

Refused: DTDs, and with them entities of one's own; processing instructions; deep nesting. ``defusedxml`` refuses the
same, but builds a tree, which has no places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol
from xml.parsers import expat

from gateway.text.aligned import OBJECT, AlignedText
from gateway.text.errors import InvalidMarkup, UnspeakableCharacters
from gateway.text.markup.places import refusal, tag_refusal

_BEFORE_DOCUMENT = re.compile(r"[\s\ufeff]*+")
_START_TAG = re.compile(r"""<(?:"[^"]*+"|'[^']*+'|[^"'>]++)*+>""")
_NOT_TEXT = re.compile(
    r"<!--(?>.*?-->)|<!\[CDATA\[(?P<cdata>(?>.*?(?=\]\]>)))\]\]>"
    r"|&(?:\#x(?P<hex>[0-9A-Fa-f]++)|\#(?P<decimal>[0-9]++)|(?P<name>[a-z]++));",
    re.DOTALL,
)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
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
        self._tag_end = offset
        """Of the last tag; what comes after it has not been read yet."""
        self._parser = expat.ParserCreate("utf-8")  # whatever encoding the document says it was in

    def read(self) -> None:
        parser = self._parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.ProcessingInstructionHandler = self._refuse_instruction
        try:
            parser.Parse(self._bytes, True)
        except expat.ExpatError as error:
            raise self._malformed(error) from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        start = self._place()
        self._read_text(start)
        tag = _START_TAG.match(self._source, start)
        self._tag_end = end = tag.end() if tag else start
        self._depth += 1
        if self._depth > self._max_depth:
            raise tag_refusal(self._source, f"elements are nested more than {self._max_depth} deep", start, end)
        self._handler.start(Element(name, attributes, start, end))

    def _end(self, _name: str) -> None:
        start = self._place()  # of an empty element, whose only tag has been read: where that ends
        self._read_text(start)
        self._depth -= 1
        if self._source.startswith("</", start) and start >= self._tag_end:
            self._tag_end = self._source.index(">", start) + 1
        self._handler.end(start)

    def _read_text(self, end: int) -> None:
        """Hand over what stands between the last tag and the one at ``end``.

        Expat has found it well-formed. It could say what it is, but not where each character comes from, and tells
        of every line by itself.
        """
        if self._depth and end > self._tag_end:
            text = _characters(AlignedText.of(self._source[self._tag_end : end], self._tag_end))
            if text.text:
                self._handler.text(text)

    def _place(self) -> int:
        """Of what expat has just read, in ``source``."""
        return self._place_of(self._parser.CurrentByteIndex)

    def _place_of(self, byte: int) -> int:
        if self._is_ascii:
            return self._offset + byte
        # Expat may stop inside a character that is no good.
        self._char += len(self._bytes[self._byte : byte].decode("utf-8", "ignore"))
        self._byte = max(self._byte, byte)
        return self._char

    def _refuse_doctype(self, *_declared: object) -> None:
        start = self._source.rindex("<!DOCTYPE", 0, self._place() + 1)
        raise tag_refusal(self._source, "a document type is not allowed", start, start + len("<!DOCTYPE"))

    def _refuse_instruction(self, target: str, _data: str) -> None:
        start = self._place()
        raise tag_refusal(self._source, "a processing instruction is not allowed", start, start + len("<?" + target))

    def _malformed(self, error: expat.ExpatError) -> InvalidMarkup:
        start = self._place_of(self._parser.ErrorByteIndex)
        reason = _EXPLAINED.get(error.code, expat.ErrorString(error.code))
        return refusal(self._source, f"The SSML cannot be read: {reason}", start, min(start + 1, len(self._source)))


def _characters(raw: AlignedText) -> AlignedText:
    """The text that ``raw``, which holds no tag, stands for."""
    if "&" not in raw.text and "<" not in raw.text:
        return raw
    return raw.edited(_edits(raw.text))


def _edits(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _NOT_TEXT.finditer(text):
        start, end = match.span()
        if match["cdata"] is not None:
            kept_start, kept_end = match.span("cdata")
            yield start, kept_start, ""
            yield kept_end, end, ""
        else:
            yield start, end, _character(match)


def _character(reference: re.Match[str]) -> str:
    """What an entity or a number stands for; nothing for a comment."""
    if reference["name"] is not None:
        return _ENTITIES[reference["name"]]
    digits, base = (reference["hex"], 16) if reference["hex"] is not None else (reference["decimal"], 10)
    return "" if digits is None else chr(int(digits, base)).replace(OBJECT, " ")


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
