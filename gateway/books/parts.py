"""A long text cut into parts that are spoken one by one. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.books.headings import FENCE, Chapter
from gateway.text.languages import Language
from gateway.text.sentences import split_sentences

PART_CHARS = 5_000
"""About five minutes of speech: little is lost with a runner, and there are enough of them for a fleet to share."""

_PARAGRAPH_END = re.compile(r"\n[^\S\n]*+\n\s*+")


class Part(NamedTuple):
    """``text[start:end]``. Parts follow one another without a gap: together they are the text."""

    chapter: int
    """Its place in the chapters."""
    start: int
    end: int


def cut_parts(
    text: str, chapters: Sequence[Chapter], language: Language = Language.EN_US, max_chars: int = PART_CHARS
) -> Iterator[Part]:
    """The parts of ``text``, whose ``chapters`` are all of it, lazily; no part is of two chapters.

    They end where a paragraph does, else a sentence, else a word, and have at most ``max_chars`` characters; only a
    block of code, which is not spoken, may be longer: nobody can tell from its middle what it is.
    """
    fences = [found.span() for found in FENCE.finditer(text)]
    for number, chapter in enumerate(chapters):
        start = chapter.start
        while chapter.end - start > max_chars:
            cut = _outside(fences, start, start + _place_to_cut(text[start : start + max_chars], language))
            if cut >= chapter.end:
                break
            yield Part(number, start, cut)
            start = cut
        if start < chapter.end:
            yield Part(number, start, chapter.end)


def _place_to_cut(window: str, language: Language) -> int:
    """Where in ``window``, which goes on, a part may end; never at its beginning."""
    half = len(window) // 2
    paragraph = max((found.end() for found in _PARAGRAPH_END.finditer(window, half)), default=0)
    if paragraph:
        return paragraph
    sentence = max((span.start for span in split_sentences(window, language)), default=0)
    if sentence > half:
        return sentence
    return window.rfind(" ", half) + 1 or window.rfind("\n", half) + 1 or len(window)


def _outside(fences: Sequence[tuple[int, int]], start: int, cut: int) -> int:
    """``cut``, or where the block of code that it is in begins, or ends if ``start`` is in it or at its beginning."""
    place = bisect_right(fences, (cut,)) - 1
    if place < 0 or not fences[place][0] < cut < fences[place][1]:
        return cut
    begin, end = fences[place]
    return begin if begin > start else end
