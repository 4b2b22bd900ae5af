"""What is to be spoken of a book, piece by piece. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from gateway.books.headings import Chapter, chapters_from, find_chapters
from gateway.books.parts import cut_parts
from gateway.text.segments import Script, Speech, Style
from shared.voices import mix_name

FIRST_CHAPTER = "Opening"
"""What comes before the first heading, in a book that has chapters."""


class Piece(NamedTuple):
    """A part of a book, ``text[start:end]``, or an item of several."""

    start: int
    end: int
    title: str | None
    """Of the chapter that begins with it; None: it goes on with one, or there are none."""
    before: str = ""
    """Markup to put before it, so that it sounds as it does where it comes from."""


def pieces_of(
    text: str,
    chapters: Literal["auto", "none"] | Sequence[tuple[str, int]],
    style: Style,
    script: Script,
    max_chars: int,
) -> Iterator[Piece]:
    """The parts of ``text``, which begins in ``style`` and was read as ``script``; together they are all of it.

    chapters: found by headings, none, or (title, start) of each.
    """
    found = _chapters(text, chapters)
    styles = _Styles(style, script)
    has_titles = any(chapter.title for chapter in found)
    last = -1
    for part in cut_parts(text, found, style.language, max_chars):
        begins, last = part.chapter != last, part.chapter
        title = (found[part.chapter].title or FIRST_CHAPTER) if begins and has_titles else None
        yield Piece(part.start, part.end, title, styles.before(part.start))


def _chapters(text: str, asked: Literal["auto", "none"] | Sequence[tuple[str, int]]) -> list[Chapter]:
    if asked == "auto":
        return find_chapters(text)
    return chapters_from(text, [] if isinstance(asked, str) else asked)


class _Styles:
    """Which style holds where in a text."""

    def __init__(self, first: Style, script: Script) -> None:
        self._first = first
        self._speeches = [part for part in script.segments if isinstance(part, Speech) and part.text.text]
        self._starts = [speech.text.starts[0] for speech in self._speeches]

    def before(self, place: int) -> str:
        """Markup for what begins at ``place``: a tag that stands there itself comes after it."""
        number = bisect_right(self._starts, place) - 1
        style = self._speeches[number].style if number >= 0 else self._first
        if (style.voice, style.rate) == (self._first.voice, self._first.rate):
            return ""
        return f"[voice:{mix_name(style.voice)}][rate:{style.rate:g}]"
