"""Where English sentences end, as spans of the text. One pass, linear in the length of the text.

A stop ends a sentence unless what stands before or after it says otherwise: an abbreviation, an initial, a number, a
lower-case continuation. A blank line always does. Where both readings are possible ("in the U.S. Army"), the capital
after the stop decides by a list of words that often begin sentences: a wrong join costs nothing audible (the stop is
still spoken as a pause), a wrong split falls into a voice's final tone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class SentenceSpan(NamedTuple):
    """``text[start:end]``, without surrounding whitespace."""

    start: int
    end: int
    ends_paragraph: bool
    """A blank line follows."""


_LINE_BREAK = r"(?>\r\n|[\r\n\u2028])"
_PARAGRAPH_BREAK = re.compile(rf"(?:\u2029|{_LINE_BREAK}[^\S\r\n\u2028\u2029]*+{_LINE_BREAK})\s*+")

_STOP = re.compile(r"""(?P<stop>[.!?…]++|[。！？｡]++)(?P<closers>(?:["'”’»)\]}」』*_]|\[[0-9]{1,3}\])*+)""")
_FOLLOWER = re.compile(r"""(?P<space>\s*+)(?P<openers>["'“‘«(\[{「『*_]*+)(?P<word>[^\W\d_]{0,24}+)(?P<next>\S?)""")
_LAST_WORD = re.compile(r"[^\s\"'“‘«(\[{—/*_]*+\Z")
_DOTTED_LETTERS = re.compile(r"(?:[^\W\d_]\.)*+[^\W\d_]")
_NON_SPACE = re.compile(r"\S")

_LONGEST_ABBREVIATION = 24

CONTINUES = frozenset(
    # before a name
    "dr mr mrs ms mx prof rev fr hon pres gov sen rep amb gen maj col lt cmdr capt sgt cpl pvt adm supt insp mme mlle "
    "messrs mt ft "
    # before an example, a comparison, an amount
    "e.g i.e eg ie cf viz vs v approx ca resp incl excl esp nr "
    # before a number or a letter, and no English words themselves
    "nos fig figs eq eqs vol vols pp ch chap tel ext".split()
)
"""A stop after one of these never ends a sentence."""

CONTINUES_BEFORE_NUMBER = frozenset("no art sec p par pt bk mar".split())
"""A stop after one of these does not end a sentence if a number follows: "No. 5", but "No. He left."."""

MAY_END = frozenset(
    "etc al inc ltd co corp llc plc bros jr sr esq ph.d m.sc b.sc st ave blvd rd hwy apt dept est assn univ "
    "oz lb lbs hr hrs jan feb apr jun jul aug sept oct nov dec".split()
)
"""A stop after one of these ends a sentence only before a word of BEGINS; so does one after initials ("U.S.", "J.")."""

BEGINS = frozenset(
    "a an the this that these those i you he she it we they my your his her its our their there here "
    "and but or so yet if when while after before as because although though since until unless once "
    "in on at by for from with without of to what who why how where which whose then now today "
    "not no yes all some many most each every both one however also even just only perhaps maybe "
    "is are was were do does did have has had can could will would should may might must let please".split()
)
"""Words that, with a capital after a stop, begin a sentence rather than go on with a name."""


def split_sentences(text: str) -> Iterator[SentenceSpan]:
    """The sentences of ``text``, in order; between them lies only whitespace."""
    start = 0
    for gap in _PARAGRAPH_BREAK.finditer(text):
        yield from _split_paragraph(text, start, gap.start(), ends_paragraph=True)
        start = gap.end()
    yield from _split_paragraph(text, start, len(text), ends_paragraph=False)


def _split_paragraph(text: str, start: int, end: int, *, ends_paragraph: bool) -> Iterator[SentenceSpan]:
    begin = _skip_space(text, start, end)
    while end > begin and text[end - 1].isspace():
        end -= 1
    for stop in _STOP.finditer(text, begin, end):
        if stop.end() < end and _ends_sentence(text, begin, stop, end):
            yield SentenceSpan(begin, stop.end(), ends_paragraph=False)
            begin = _skip_space(text, stop.end(), end)
    if begin < end:
        yield SentenceSpan(begin, end, ends_paragraph=ends_paragraph)


def _skip_space(text: str, start: int, end: int) -> int:
    found = _NON_SPACE.search(text, start, end)
    return found.start() if found else end


def _ends_sentence(text: str, begin: int, stop: re.Match[str], end: int) -> bool:
    follower = _FOLLOWER.match(text, stop.end(), end)
    assert follower is not None  # noqa: S101 - every part of the pattern may be empty
    run, word = stop["stop"], follower["word"]
    if not follower["space"]:
        return run[0] in "。！？｡"
    if follower["next"] in {".", "!", "?", "…"} and not word:
        return False  # ". . ." is one ellipsis
    goes_on = word[:1].islower()
    if goes_on and stop["closers"].strip("*_"):
        return False  # "Stop!" he said.
    if "!" in run or "?" in run:
        return True
    if run != ".":
        return not goes_on  # an ellipsis: "Wait... what?"
    return _full_stop_ends(text, begin, stop.start(), follower)


def _full_stop_ends(text: str, begin: int, stop: int, follower: re.Match[str]) -> bool:
    """Whether the single full stop at ``stop`` ends the sentence that began at ``begin``."""
    found = _LAST_WORD.search(text, max(begin, stop - _LONGEST_ABBREVIATION), stop)
    word = found.group() if found else ""
    if not word:
        return not follower["word"][:1].islower()
    if word.isdecimal() and stop - begin == len(word):
        return False  # "1. Open the lid."
    begins = follower["word"][:1].isupper() and follower["word"].lower() in BEGINS
    lowered = word.lower()
    if lowered in CONTINUES:
        return False
    if lowered in CONTINUES_BEFORE_NUMBER:
        return not follower["next"].isdecimal() or bool(follower["word"])
    if lowered in MAY_END or _DOTTED_LETTERS.fullmatch(word):
        return begins
    return True
