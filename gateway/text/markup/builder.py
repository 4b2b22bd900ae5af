"""Collects what markup leaves, in order, into a ``Script``."""

from __future__ import annotations

from gateway.text.aligned import OBJECT, AlignedText
from gateway.text.languages import Language
from gateway.text.markup.joined import joined
from gateway.text.markup.options import MarkupOptions
from gateway.text.markup.places import quoted, refusal, tag_refusal
from gateway.text.segments import Mark, Pause, Script, Speech, Style

_ROUNDING_S = 1e-6

_LINE_END = "\n\n"

_MANY_PARTS = 500

_WITH_STRESS = frozenset({Language.EN_US, Language.EN_GB})


class ScriptBuilder:
    """Merges neighbouring speech of one style, drops what is blank, and keeps the pauses within their limits."""

    def __init__(self, source: str, options: MarkupOptions) -> None:
        self._source = source
        self._options = options
        self._segments: list[Speech | Pause] = []
        self._marks: list[Mark] = []
        self._parts: list[AlignedText] = []
        """Of the speech that is being collected; all in ``_style``, none empty."""
        self._earlier: list[AlignedText] = []
        """What came before those, many of them joined: a book's worth of small objects would burden the collector."""
        self._style: Style | None = None
        self._is_apart = False
        self._total_pause_s = 0.0

    def say(self, text: AlignedText, style: Style) -> None:
        """Add ``text``, which goes on from what was added before. Raises InvalidMarkup."""
        if not text.text:
            return
        if text.said:
            self._refuse_stress(text, style)
        # Spaces sound the same in every style, and so end no speech.
        if style is not self._style and style != self._style and not text.text.isspace():
            self._flush()
            self._style = style
        if self._is_apart and self._parts and _would_run_together(self._parts[-1].text[-1], text.text[0]):
            place = self._parts[-1].ends[-1]
            self._parts.append(AlignedText(" ", (place,), (place,)))
        self._is_apart = False
        self._parts.append(text)
        if len(self._parts) > _MANY_PARTS:
            self._earlier.append(joined(self._parts[:-1]))
            del self._parts[:-1]

    def apart(self) -> None:
        """What comes next is no part of the word that came last, even if nothing stands between them."""
        self._is_apart = True

    def end_line(self, place: int) -> None:
        """End the sentence for all that comes after, unless nothing has come since the last end."""
        if self._parts and self._parts[-1].text is not _LINE_END:
            self._parts.append(AlignedText(_LINE_END, (place, place), (place, place)))

    def pause(self, seconds: float, char_start: int, char_end: int) -> None:
        """Add silence. Raises InvalidMarkup for more than the limits allow."""
        self.apart()
        if seconds == 0:
            return
        limit, total = self._options.max_pause_s, self._options.max_total_pause_s
        if seconds > limit:
            raise tag_refusal(self._source, f"a pause is at most {limit:g} s long", char_start, char_end)
        self._total_pause_s += seconds
        if self._total_pause_s > total + _ROUNDING_S:
            message = f"the pauses up to here are longer than {total:g} s, the limit for all together"
            raise tag_refusal(self._source, message, char_start, char_end)
        self._flush()
        self._segments.append(Pause(seconds, char_start, char_end))

    def mark(self, name: str, char_start: int) -> None:
        self._marks.append(Mark(name, char_start))

    def script(self) -> Script:
        self._flush()
        return Script(tuple(self._segments), tuple(self._marks))

    def _refuse_stress(self, text: AlignedText, style: Style) -> None:
        """Only the G2P of English can stress a word or read a number as it is told."""
        if style.language in _WITH_STRESS:
            return
        for start, said in text.said.items():
            if said.phonemes is None:
                message = (
                    f"{quoted(said.text)}: stress and number flags are for English, this is {style.language.value}"
                )
                raise refusal(self._source, message, start, start + len(said.text))

    def _flush(self) -> None:
        parts = [*self._earlier, *self._parts]
        if self._style is not None and not all(part.text.isspace() for part in parts):
            self._segments.append(Speech(joined(parts), self._style))
        self._parts, self._earlier = [], []


def _would_run_together(before: str, after: str) -> bool:
    return (before.isalnum() or before == OBJECT) and (after.isalnum() or after == OBJECT)
