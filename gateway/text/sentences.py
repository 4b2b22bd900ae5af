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
_UP_TO_LAST_WORD = re.compile(r".*[\s\"'“‘«(\[{—/*_]", re.DOTALL)
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
        after = stop.end()
        if after == end or not (text[after].isspace() or text[stop.start()] in _ENDS_ANYWHERE):
            continue
        if _ends_sentence(text, begin, stop, end, known):
            yield SentenceSpan(begin, after, ends_paragraph=False)
            begin = _skip_space(text, after, end)
    if begin < end:
        yield SentenceSpan(begin, end, ends_paragraph=ends_paragraph)


def _skip_space(text: str, start: int, end: int) -> int:
    found = _NON_SPACE.search(text, start, end)
    return found.start() if found else end


def _ends_sentence(text: str, begin: int, stop: re.Match[str], end: int, known: Abbreviations) -> bool:
    """Whether the sentence that began at ``begin`` ends at ``stop``: space follows, or it needs none."""
    follower = _FOLLOWER.match(text, stop.end(), end)
    assert follower is not None  # noqa: S101 - every part of the pattern may be empty
    run, closers = stop.groups()
    space, openers, word, following = follower.groups()
    if not space:
        # 「はい。」と言った goes on, 「はい。」「いいえ。」 and （はい。）次 do not.
        return not _QUOTES.intersection(closers) or bool(openers)
    if not word and following in {".", "!", "?", "…"}:
        return False  # ". . ." is one ellipsis
    goes_on = word[:1].islower()
    if goes_on and closers.strip("*_"):
        return False  # "Stop!" he said.
    if run == ".":
        return _full_stop_ends(text, begin, stop.start(), follower, known)
    if "!" in run or "?" in run or "؟" in run or run[0] in _ENDS_ANYWHERE:
        return True
    return not goes_on  # an ellipsis: "Wait... what?"


def _full_stop_ends(text: str, begin: int, stop: int, follower: re.Match[str], known: Abbreviations) -> bool:
    """Whether the single full stop at ``stop`` ends the sentence that began at ``begin``."""
    next_word, following = follower.group("word", "next")
    begin_of_word = max(begin, stop - _LONGEST_ABBREVIATION)
    before = _UP_TO_LAST_WORD.match(text, begin_of_word, stop)
    word = text[before.end() if before else begin_of_word : stop]
    if not word:
        return not next_word[:1].islower()
    if word.isdecimal() and stop - begin == len(word):
        return False  # "1. Open the lid."
    begins = next_word[:1].isupper() and next_word.lower() in known.begins
    lowered = word.lower()
    if lowered in known.continues:
        return False
    if lowered in known.continues_before_number:
        return not following.isdecimal() or bool(next_word)
    if lowered in known.may_end or _DOTTED_LETTERS.fullmatch(word):
        return begins
    return True
