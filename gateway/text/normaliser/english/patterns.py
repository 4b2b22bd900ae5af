"""Parts of which the patterns of the English rules are made. All repeats are bounded, so that every rule is linear."""

from __future__ import annotations

import re
from collections.abc import Iterable

import regex

BEGIN = r"(?<![\p{L}\p{N}_]|\p{N}[.,:])"
"""Not inside a word, nor inside a number."""

END = r"(?![\p{L}\p{N}_]|[.,:]\p{N})"

WHOLE = r"\d{1,3}+(?:(?:,\d{3}){1,12}+(?!\d)|\d{0,37}+)"
"""A whole number, perhaps with thousands separators."""

NUMBER = rf"(?:{WHOLE}(?:\.\d{{1,40}}+)?+|\.\d{{1,40}}+)"
"""The same, perhaps with decimals."""

SPACES = " \t\u00a0\u2009\u202f"

SPACE = f"[{SPACES}]"
"""One space that is no line break."""

DASH = r"[-‐‑‒–−]"
"""What stands between the ends of a range."""

LETTER = r"[A-Za-z\x80-\U0010ffff]"
"""A letter, or what may be one, for hints and signs: the standard library knows no classes of Unicode."""

DECIMAL_DIGITS = "0123456789"

NUMBER_BEGINS = re.compile(r"(?<![0-9A-Za-z])[0-9.]")
"""Where a match can that starts with a number, outside of words."""

ORDINAL_SUFFIX = r"(?:st|nd|rd|th)"


def ends_in(words: Iterable[str], then: str) -> str:
    """A lookbehind for the last letters of one of ``words`` before ``then``, which is one character."""
    ends = {word[-2:] for word in words}
    by_length = ([regex.escape(end) for end in sorted(ends) if len(end) == length] for length in (1, 2))
    return "(?:" + "|".join(f"(?<=(?:{'|'.join(each)}){then})" for each in by_length if each) + ")"


def any_of(words: Iterable[str]) -> str:
    """A pattern for any one of ``words``, the longest first: what they begin with in common is looked at once."""
    endings: dict[str, set[str]] = {}
    for word in words:
        endings.setdefault(word[0], set()).add(word[1:])
    return "|".join(regex.escape(char) + _ending(endings[char]) for char in sorted(endings))


def _ending(endings: set[str]) -> str:
    more = any_of(filter(None, endings))
    if not more:
        return ""
    return f"(?:{more})?" if "" in endings else f"(?:{more})"
