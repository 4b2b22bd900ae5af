"""A long text in sections of bounded size, cut where sentences end, so that no step ever sees the whole of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from gateway.text.sentences import split_sentences

SECTION_CHARS = (60, 180, 1_000, 2_400)
"""Characters of the first sections, and of all later ones. The first, a sentence, bounds the wait for the first chunk;
the last, how long one section holds a process: 0.1 s of ordinary text, about 1 s of the most tangled."""

_NON_SPACE = re.compile(r"\S")
_LAST_SPACE = re.compile(r"\s(?=\S*\Z)")
_SPACE_RUN = re.compile(r"\s{0,64}")

_CLAUSE_ENDS = (", ", "; ", ": ", "— ", "，", "、", "；", "：")

_LOOKAHEAD_CHARS = 64
"""What follows a stop, and may decide that it ends no sentence."""


class Section(NamedTuple):
    text: AlignedText
    is_last: bool


def cut_sections(aligned: AlignedText, language: Language = Language.EN_US) -> Iterator[Section]:
    """The sections of a text, lazily; whitespace at their beginnings is left out. None for a blank text."""
    text = aligned.text
    end = len(text.rstrip())
    sizes = itertools.chain(SECTION_CHARS, itertools.repeat(SECTION_CHARS[-1]))
    start = _skip_space(text, 0)
    while start < end:
        section_end = end
        if end - start > (size := next(sizes)):
            window = text[start : min(end, start + 2 * size + _LOOKAHEAD_CHARS)]
            # The blank line belongs to the section: it is what makes its last sentence the end of a paragraph.
            after = _SPACE_RUN.match(text, start + _place_to_cut(window, size, language))
            section_end = after.end() if after else end
        following = _skip_space(text, section_end)
        yield Section(aligned.slice(start, section_end), is_last=following >= end)
        start = following


def _skip_space(text: str, start: int) -> int:
    found = _NON_SPACE.search(text, start)
    return found.start() if found else len(text)


def _place_to_cut(window: str, size: int, language: Language) -> int:
    """Where in ``window``, up to twice ``size``, a section ends: after the sentence that ends nearest to ``size``."""
    cut = 0
    for span in split_sentences(window, language):  # lazily: what comes after the cut is split once it is its turn
        if span.end > size:
            cut = cut or (span.end if span.end <= 2 * size else 0)
            break
        cut = span.end
    return cut or _cut_inside_sentence(window, size)


def _cut_inside_sentence(window: str, size: int) -> int:
    """A place between ``size`` and twice that: after a clause, else between words, else anywhere."""
    clause = max(window.rfind(mark, size, 2 * size) for mark in _CLAUSE_ENDS)
    if clause >= 0:
        return clause + 1
    space = _LAST_SPACE.search(window, size, 2 * size)
    return space.start() if space else 2 * size
