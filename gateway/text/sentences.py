"""Where sentences end, as spans of the text. One pass, linear in the length of the text.

A stop ends a sentence unless what stands before or after it says otherwise: an abbreviation, an initial, a number, a
lower-case continuation. A blank line always does. Where both readings are possible ("in the U.S. Army"), the capital
after the stop decides by a list of words that often begin sentences: a wrong join costs nothing audible (the stop is
still spoken as a pause), a wrong split falls into a voice's final tone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.text.abbreviations import ABBREVIATIONS, Abbreviations
from gateway.text.languages import Language


class SentenceSpan(NamedTuple):
    """``text[start:end]``, without surrounding whitespace."""

    start: int
    end: int
    ends_paragraph: bool
    """A blank line follows."""


_LINE_BREAK = r"(?>\r\n|[\r\n\u2028])"
_PARAGRAPH_BREAK = re.compile(rf"(?:\u2029|{_LINE_BREAK}[^\S\r\n\u2028\u2029]*+{_LINE_BREAK})\s*+")

_CLOSERS = r"""["'”’»)\]}」』）］】》〉*_]"""
_STOP = re.compile(
    rf"(?P<stop>[.!?…؟]++|[。！？｡．।॥]++)(?P<closers>(?:{_CLOSERS}|[ \u00a0\u202f]»|\[[0-9]{{1,3}}\])*+)"
)
_FOLLOWER = re.compile(
    r"""(?P<space>\s*+)(?P<openers>["'“‘«(\[{「『（［【《〈¿¡*_]*+)(?P<word>[^\W\d_]{0,24}+)(?P<next>\S?)"""
)
_LAST_WORD = re.compile(r"[^\s\"'“‘«(\[{—/*_]*+\Z")
_DOTTED_LETTERS = re.compile(r"(?:[^\W\d_]\.)*+[^\W\d_]")
_NON_SPACE = re.compile(r"\S")

_LONGEST_ABBREVIATION = 24

_ENDS_ANYWHERE = frozenset("。！？｡．।॥")
"""Stops of scripts that put no space after them."""

_QUOTES = frozenset("\"'”’」』")


def split_sentences(text: str, language: Language = Language.EN_US) -> Iterator[SentenceSpan]:
    """The sentences of ``text``, in order; between them lies only whitespace.

    Every script's stops end them, whatever the language; that knows its own abbreviations.
    """
    known = ABBREVIATIONS[language]
    start = 0
    for gap in _PARAGRAPH_BREAK.finditer(text):
        yield from _split_paragraph(text, start, gap.start(), known, ends_paragraph=True)
        start = gap.end()
    yield from _split_paragraph(text, start, len(text), known, ends_paragraph=False)


def _split_paragraph(
    text: str, start: int, end: int, known: Abbreviations, *, ends_paragraph: bool
) -> Iterator[SentenceSpan]:
    begin = _skip_space(text, start, end)
    while end > begin and text[end - 1].isspace():
        end -= 1
    for stop in _STOP.finditer(text, begin, end):
        if stop.end() < end and _ends_sentence(text, begin, stop, end, known):
            yield SentenceSpan(begin, stop.end(), ends_paragraph=False)
            begin = _skip_space(text, stop.end(), end)
    if begin < end:
        yield SentenceSpan(begin, end, ends_paragraph=ends_paragraph)


def _skip_space(text: str, start: int, end: int) -> int:
    found = _NON_SPACE.search(text, start, end)
    return found.start() if found else end


def _ends_sentence(text: str, begin: int, stop: re.Match[str], end: int, known: Abbreviations) -> bool:
    follower = _FOLLOWER.match(text, stop.end(), end)
    assert follower is not None  # noqa: S101 - every part of the pattern may be empty
    run, word = stop["stop"], follower["word"]
    if not follower["space"]:
        # 「はい。」と言った goes on, 「はい。」「いいえ。」 and （はい。）次 do not.
        goes_on = _QUOTES.intersection(stop["closers"]) and not follower["openers"]
        return run[0] in _ENDS_ANYWHERE and not goes_on
    if follower["next"] in {".", "!", "?", "…"} and not word:
        return False  # ". . ." is one ellipsis
    goes_on = word[:1].islower()
    if goes_on and stop["closers"].strip("*_"):
        return False  # "Stop!" he said.
    if "!" in run or "?" in run or "؟" in run or run[0] in _ENDS_ANYWHERE:
        return True
    if run != ".":
        return not goes_on  # an ellipsis: "Wait... what?"
    return _full_stop_ends(text, begin, stop.start(), follower, known)


def _full_stop_ends(text: str, begin: int, stop: int, follower: re.Match[str], known: Abbreviations) -> bool:
    """Whether the single full stop at ``stop`` ends the sentence that began at ``begin``."""
    found = _LAST_WORD.search(text, max(begin, stop - _LONGEST_ABBREVIATION), stop)
    word = found.group() if found else ""
    if not word:
        return not follower["word"][:1].islower()
    if word.isdecimal() and stop - begin == len(word):
        return False  # "1. Open the lid."
    begins = follower["word"][:1].isupper() and follower["word"].lower() in known.begins
    lowered = word.lower()
    if lowered in known.continues:
        return False
    if lowered in known.continues_before_number:
        return not follower["next"].isdecimal() or bool(follower["word"])
    if lowered in known.may_end or _DOTTED_LETTERS.fullmatch(word):
        return begins
    return True
