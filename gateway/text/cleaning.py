"""An ordered table of small rules that takes out of a text what no phonemiser should see. Offsets are kept.

Skipped, because they are no words: control and unassigned characters, invisible marks. Emoji and Markdown's signs stay
for ``normaliser``. Everything else with a letter or a digit in it is spoken or refused (see ``scripts`` and ``g2p``).
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata

import regex

from gateway.text.aligned import AlignedText
from gateway.text.normaliser.emoji import EMOJI
from gateway.text.rule_table import RuleTable
from gateway.text.rules import NOT_ASCII, Anchor, Respelling, Rule, remembered

_KNOWN_LETTERS = regex.compile(r"[\x00-\u017f\u0370-\u03ff\u0400-\u045f]+")
"""Latin, Greek and Cyrillic letters that espeak-ng's English voices read; of others they spell the code point."""

_ALPHABETS = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}]")


_ORDINARY = (
    r"\u0391-\u03a1\u03a3-\u03a9\u03b1-\u03c9\u0410-\u044f\u4e00-\u9fff"
    r"\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e"
)
"""Letters that stay what they are as long as no mark follows: those of most texts."""

_LETTER_HINT = re.compile(rf"[^\x00-\x7f\xa0-\xb4\xb6-\xbf\u2000-\u206f{_ORDINARY}]")
"""Of what is left some are letters in disguise, or marks; the standard library looks it up in a table."""

_MARK_HINT = re.compile(rf"[^\x00-\xac\xae-\xff\u2010-\u2027\u2030-\u205f{_ORDINARY}]")
"""The same of marks, visible or not."""

_APOSTROPHE_ANCHOR = Anchor(
    re.compile(r"[\u02bc\uff07\u201b\u00b4`](?:(?<=[\u02bc\uff07\u201b])|(?=[^\x00-@\[-`{-\x7f]))")
)

_MARKS_IN_ONE = {"‼": "!!", "⁇": "??", "⁈": "?!", "⁉": "!?"}

_MAX_MARKS = 8
"""On one letter, itself included; more is decoration."""


def _plain_letter(letter: regex.Match[str]) -> str:
    return _composed(letter.group())


@functools.lru_cache(maxsize=4096)
def _composed(letter: str) -> str:
    """One letter with its marks, composed and in its ordinary form; marks that no English G2P knows are dropped."""
    composed = unicodedata.normalize("NFKC", letter[:_MAX_MARKS])
    if _KNOWN_LETTERS.fullmatch(composed) or not _ALPHABETS.match(composed):
        return composed
    decomposed = unicodedata.normalize("NFKD", composed)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _plain_digit(digit: regex.Match[str]) -> str:
    # A digit that is younger than Python's tables has no meaning there, like any unassigned character.
    return str(unicodedata.decimal(digit.group(), " "))


@functools.lru_cache(maxsize=1024)
def _uncircled(circled: str) -> str:
    number = unicodedata.numeric(circled, None)
    plain = unicodedata.normalize("NFKC", circled) if number is None else f"{number:.0f}"
    return f" {plain} "


RULES = RuleTable(
    (
        Rule(
            "invisible marks",
            regex.compile(rf"(?V1){EMOJI}(*SKIP)(*FAIL)|[\p{{Cf}}\p{{Variation_Selector}}\u034f\u20e3]++"),
            lambda _: "",
            NOT_ASCII,
            hint=_MARK_HINT,
        ),
        Rule(
            "characters without meaning",
            regex.compile(r"(?V1)[[\p{Cc}--\s]\p{Co}\p{Cn}\u115f\u1160\u3164\uffa0\ufffd]"),
            lambda _: " ",
            NOT_ASCII | frozenset(map(chr, range(128))) - frozenset(string.printable),
        ),
        Rule(
            "apostrophes",
            regex.compile(r"[\u02bc\uff07\u201b]|(?<=\p{L})[\u00b4`](?=\p{L})"),
            lambda _: "'",
            frozenset("\u02bc\uff07\u201b\u00b4`"),
            anchor=_APOSTROPHE_ANCHOR,
        ),
        Rule(
            "marks on nothing",
            regex.compile(rf"(?V1){EMOJI}(*SKIP)(*FAIL)|(?<![\p{{L}}\p{{M}}])\p{{M}}++"),
            lambda _: "",
            NOT_ASCII,
            hint=_MARK_HINT,
        ),
        Rule(
            "letters in disguise",
            regex.compile(
                rf"(?V1)[\p{{L}}--[\x00-\x7f\xaa\xba\u2139{_ORDINARY}]]\p{{M}}*+|[A-Za-z{_ORDINARY}]\p{{M}}++"
            ),
            _plain_letter,
            NOT_ASCII,
            hint=_LETTER_HINT,
        ),
        Rule("digits in disguise", regex.compile(r"(?V1)[\p{Nd}--[0-9]]"), remembered(_plain_digit), NOT_ASCII),
        Respelling("marks in one", re.compile("[‼⁇⁈⁉]"), _MARKS_IN_ONE.__getitem__, frozenset(_MARKS_IN_ONE)),
        Respelling(
            "letters and numbers in circles", re.compile(r"[\u2460-\u24ff\u2776-\u2793]"), _uncircled, NOT_ASCII
        ),
    )
)
"""In this order: letters are composed after invisible marks between them are gone."""

_WHITESPACE = regex.compile(r"[^\S ]\s*+| \s++")


def clean(text: AlignedText) -> AlignedText:
    """Apply the rules. Line breaks stay, so that paragraphs can still be told apart."""
    return RULES.apply(text)


def on_one_line(text: AlignedText) -> AlignedText:
    """Make each run of whitespace one space, as a G2P expects of a sentence."""
    return text.sub(_WHITESPACE, lambda _: " ")
