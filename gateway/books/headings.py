"""Where the chapters of a book begin, found by how headings are written. Pure, one pass, linear in the text's length.

Of four ways to write them the first that a text uses is taken: Markdown; "Chapter 1", "CHAPTER ONE", "Prologue" and
their like in the languages spoken here; Roman numerals alone on a line; short titles set apart by blank lines. Where a
text has none, it is one chapter. A heading is spoken as part of its chapter: nothing of the input is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from gateway.text.normaliser.english.roman import value

MAX_TITLE_CHARS = 200
MAX_HEADING_LINES = 3
MAX_LINE_CHARS = 100
MAX_TITLE_WORDS = 10
CONTENTS_LENGTH = 3
"""So many headings with nothing between them are a table of contents, fewer are "Part One" before "Chapter 1"."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """``text[start:end]``, heading included. Chapters follow one another without a gap."""

    title: str
    start: int
    end: int


class Heading(NamedTuple):
    """``text[start:end]`` is a heading, of the whole lines that it takes."""

    title: str
    start: int
    end: int
    level: int = 1


class _Block(NamedTuple):
    """Lines between blank ones."""

    lines: tuple[str, ...]
    """The first of them, without blanks and emphasis around."""
    start: int
    first_end: int
    """Of the first line."""
    end: int
    blank_before: int
    """Blank lines before it; two at the beginning of the text."""


_BLOCK = re.compile(r"(?m)(?:^[^\S\n]*+\S[^\n]*+(?:\n|\Z))++")
_HEAD_CHARS = 600
"""Of a block, enough to hold MAX_HEADING_LINES and to see that there are more."""
_AROUND = " \t\r\f*_"
_ATX = re.compile(r"(?m)^[ \t]{0,3}(?P<signs>#{1,6})[ \t]++(?=\S)(?P<title>[^\n]*+)\n?")
_SETEXT = re.compile(r"(?m)^(?=[^\n]{0,99}[^\W_])(?P<title>[^\n]{1,100}+)\n(?P<signs>={3,}|-{3,})[ \t\r]*+(?:\n|\Z)")
FENCE = re.compile(r"(?ms)^[ \t]{0,8}(?P<signs>`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^[ \t]{0,8}(?P=signs)[ \t]*+$|\Z)")
"""A block of code, which is not spoken unless that is asked for."""

_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_TENS = "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth last"
_WORDS = "|".join(f"{_ONES} {_TENS}".split())
_NUMBER = rf"(?:[0-9]{{1,4}}|(?-i:{_ROMAN})|(?:{_WORDS})(?:[ -](?:{_WORDS}))?)"
_COUNTED = (
    rf"(?:chapter|part|book|act|volume|canto|letter|stave)[ \t]++{_NUMBER}",
    rf"the[ \t]++(?:{'|'.join(_ORDINALS.split())})[ \t]++(?:chapter|part|book)",
    rf"(?:chapitre|partie|livre|capitolo|parte|libro|capítulo|livro|kapitel|teil)[ \t]++(?:{_NUMBER}|\w{{3,12}})",
    r"(?:अध्याय|भाग)[ \t]++[\w\u0900-\u097f]{1,12}",
    r"第[ \t]?[0-9０-９一二三四五六七八九十百千零〇两]{1,6}[ \t]?[章节節回卷巻部話话]",
)
_NAMED = (
    "prologue epilogue preface foreword introduction afterword acknowledgements acknowledgments conclusion interlude "
    "prólogo epílogo prefacio introducción préface avant-propos épilogue prologo epilogo prefazione introduzione "
    "prefácio introdução 序章 終章 序言 前言 楔子 尾声 あとがき まえがき प्रस्तावना उपसंहार"
)
_CHAPTER_LINE = re.compile(
    rf"(?i)(?:{'|'.join(_COUNTED)})(?:[ \t]*+(?:[.:)—–-]|\Z)|[ \t]{{2,}}|[ \t]++(?-i:(?=\W{{0,2}}[^\W\d_a-z])))[^\n]*+"
    rf"|(?:{'|'.join(_NAMED.split())})[.:]?"
)
_ROMAN_LINE = re.compile(rf"({_ROMAN})\.?")
_SENTENCE_END = re.compile(r"[.,;:…。，；：]\W*+\Z")


def find_chapters(text: str) -> list[Chapter]:
    """The chapters of ``text``, by its headings."""
    return chapters_from(text, [(_titled(run), run[0].start) for run in _runs(text, find_headings(text))])


def chapters_from(text: str, begins: Iterable[tuple[str, int]]) -> list[Chapter]:
    """The chapters of ``text`` that begin there, each with its title, in order; together they are all of it.

    What stands before the first is a chapter of its own, without a title: the only one where none begins anywhere.
    """
    begins = list(begins)
    if not begins or text[: begins[0][1]].strip():
        begins.insert(0, ("", 0))
    starts = [0, *(start for _, start in begins[1:]), len(text)]
    return [Chapter(title, *edges) for (title, _), *edges in zip(begins, starts, starts[1:], strict=False)]


def find_headings(text: str) -> list[Heading]:
    """The headings that begin chapters, in order."""
    if headings := _markdown(text):
        return headings
    blocks = list(_blocks(text))
    for kind, at_least in ((_chapter_words, 1), (_roman_numerals, 2), (_titles, 2)):
        headings = kind(blocks)
        if len(headings) >= at_least:
            return headings
    return []


def _runs(text: str, headings: Sequence[Heading]) -> Iterator[list[Heading]]:
    """Headings with nothing between them: they begin one chapter. Of a table of contents only the last may."""
    run: list[Heading] = []
    for heading, following in zip_longest(headings, headings[1:]):
        run.append(heading)
        if following is not None and not text[heading.end : following.start].strip():
            continue
        yield run if len(run) <= CONTENTS_LENGTH else run[-1:]
        run = []


def _titled(run: Iterable[Heading]) -> str:
    return " – ".join(heading.title for heading in run)[:MAX_TITLE_CHARS]


def _markdown(text: str) -> list[Heading]:
    """Those of the shallowest level that there are two of, and of the levels above it."""
    if "#" not in text and "\n---" not in text and "\n===" not in text:
        return []
    fences = [found.span() for found in FENCE.finditer(text)]
    found = sorted((*_marked(_ATX, text), *_marked(_SETEXT, text)), key=lambda heading: heading.start)
    headings = [each for each in found if not any(start <= each.start < end for start, end in fences)]
    counts = Counter(heading.level for heading in headings)
    level = min((level for level, count in counts.items() if count > 1), default=6)
    return [heading for heading in headings if heading.level <= level]


def _marked(pattern: re.Pattern[str], text: str) -> Iterator[Heading]:
    for found in pattern.finditer(text):
        signs = found["signs"]
        level = len(signs) if signs[0] == "#" else 1 if signs[0] == "=" else 2
        title = found["title"].strip(_AROUND + "#")
        yield Heading(title[:MAX_TITLE_CHARS], found.start(), found.end(), level)


def _blocks(text: str) -> Iterator[_Block]:
    last = 0
    for found in _BLOCK.finditer(text):
        start, end = found.span()
        head = text[start : min(end, start + _HEAD_CHARS)]
        lines = tuple(line.strip(_AROUND) for line in head.splitlines()[: MAX_HEADING_LINES + 1])
        first_end = start + (head.find("\n") + 1 or len(head))
        yield _Block(lines, start, first_end, end, text.count("\n", last, start) if last else 2)
        last = end


def _chapter_words(blocks: Iterable[_Block]) -> list[Heading]:
    """ "Chapter 1" and its like at the beginning of a block, with the title on its lines if it is nothing else."""
    headings = []
    for block in blocks:
        first, *rest = block.lines
        if len(first) > MAX_LINE_CHARS or not _CHAPTER_LINE.fullmatch(first):
            continue
        if any(map(_CHAPTER_LINE.fullmatch, rest)):
            continue  # a table of contents
        if len(rest) < MAX_HEADING_LINES and all(map(_is_title, rest)):
            title = ("" if first.endswith((".", ":")) else ":") + " " + " ".join(rest) if rest else ""
            headings.append(Heading((first + title)[:MAX_TITLE_CHARS], block.start, block.end))
        else:
            headings.append(Heading(first, block.start, block.first_end))
    return headings


def _roman_numerals(blocks: Iterable[_Block]) -> list[Heading]:
    """Numerals that count: each one more than the one before it, or the first again."""
    headings, last = [], 0
    for block in blocks:
        found = _ROMAN_LINE.fullmatch(block.lines[0]) if len(block.lines) == 1 else None
        if found and (number := value(found[1])) in {1, last + 1}:
            headings.append(Heading(block.lines[0], block.start, block.end))
            last = number
    return headings


def _titles(blocks: Iterable[_Block]) -> list[Heading]:
    """Single short lines after two blank ones."""
    return [
        Heading(block.lines[0], block.start, block.end)
        for block in blocks
        if len(block.lines) == 1 and block.blank_before >= 2 and _is_title(block.lines[0])
    ]


def _is_title(line: str) -> bool:
    """Whether a line may be a title: short, no sentence, and not begun in lower case."""
    first = next((char for char in line if char.isalpha()), "")
    is_short = len(line) <= MAX_LINE_CHARS and len(line.split()) <= MAX_TITLE_WORDS
    return is_short and bool(first) and not first.islower() and not _SENTENCE_END.search(line)
