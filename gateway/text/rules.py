"""Small rules over an ``AlignedText``, of which ``rule_table`` makes ordered tables."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import regex

from gateway.text.aligned import OBJECT, AlignedText, Draft

ANY_TEXT: frozenset[str] = frozenset()
"""As a rule's ``needs``: the rule looks at every text."""

DIGITS = frozenset("0123456789")

ANY_LETTER = "any letter"
"""Stands among a text's characters for its letters, whichever they are."""

LETTERS = frozenset({ANY_LETTER})

ANY_NOT_ASCII = "any character beyond ASCII"
"""The same for those."""

NOT_ASCII = frozenset({ANY_NOT_ASCII})


Pattern = regex.Pattern[str] | re.Pattern[str]
"""Of a plain set of many characters, the standard library's is three times as fast."""

Edit = tuple[int, int, str]
"""Start, end, and what comes there instead."""


_CHARS_A_SIGN = 32
"""Where signs stand closer than this, it is sooner to look for the pattern everywhere."""

_MAX_RUN = 256
"""More than any match has before its sign."""


class Anchor(NamedTuple):
    """Where to look for a pattern that is slow to look for: around a sign that each of its matches has."""

    sign: re.Pattern[str]
    """Matches one character, which is in every match of the pattern; the less often elsewhere, the better."""
    run: str = ""
    """Of these are all characters of a match before its sign."""
    begin: re.Pattern[str] | None = None
    """Matches one character, the first of every match; any, if None."""

    def matches(self, pattern: regex.Pattern[str], text: str) -> Iterable[regex.Match[str]]:
        """Those that ``pattern.finditer`` finds in ``text``, but for empty ones. Linear: no place is tried twice."""
        most = len(text) // _CHARS_A_SIGN
        signs = [sign.start() for sign in itertools.islice(self.sign.finditer(text), most + 1)]
        if len(signs) > most:
            return pattern.finditer(text)
        return self._around(signs, pattern, text)

    def _around(self, signs: list[int], pattern: regex.Pattern[str], text: str) -> Iterator[regex.Match[str]]:
        free = 0
        for place in signs:
            if place < free:
                continue
            for start in self._places(place, free, text) if self.run else (place,):
                if start >= free and (match := pattern.match(text, start)) and match.end() > start:
                    yield match
                    free = match.end()
            free = max(free, place + 1)

    def _places(self, place: int, free: int, text: str) -> Iterable[int]:
        """Where a match with the sign at ``place`` may begin, from ``free`` on."""
        before = text[max(free, place - _MAX_RUN) : place]
        first = place - len(before) + len(before.rstrip(self.run))
        if self.begin is None:
            return range(first, place + 1)
        return (begin.start() for begin in self.begin.finditer(text, first, place + 1))


class Rule(NamedTuple):
    """Replaces each match of ``pattern``, or only its group ``it`` where it has one."""

    name: str
    """For tests and for the one who reads the table."""
    pattern: regex.Pattern[str]
    replacement: Callable[[regex.Match[str]], str]
    needs: frozenset[str] = ANY_TEXT
    """Characters of which one must be in a text for the rule to match: most texts then cost it nothing."""
    also_needs: frozenset[str] = ANY_TEXT
    """The same, of others."""
    hint: Pattern | None = None
    """Is found in every text in which ``pattern`` is, and much sooner."""
    anchor: Anchor | None = None
    """For a pattern that is slow to look for even where there is something to be found."""

    def apply(self, text: AlignedText) -> AlignedText:
        """Every new character stands for all that was replaced. What holds an OBJECT stays as it is. Linear."""
        return text.edited(self.edits(text.text))

    def change(self, draft: Draft) -> list[str]:
        """``apply``, in place. What has been written, once for each change: none, if nothing changes."""
        return draft.edit(self.edits(draft.text))

    def edits(self, text: str) -> list[Edit]:
        """What ``apply`` does to a text."""
        if self.hint is not None and self.hint.search(text) is None:
            return []
        group = "it" if "it" in self.pattern.groupindex else 0
        replacement = self.replacement
        has_object = OBJECT in text
        if isinstance(replacement, Remembered) and replacement.looks_at_all and group == 0 and not has_object:
            return replacement.edits(self._matches(text), text)
        edits: list[Edit] = []
        for match in self._matches(text):
            start, end = match.span(group)
            if start < end and not (has_object and text.find(OBJECT, start, end) >= 0):
                edits.append((start, end, replacement(match)))
        return edits

    def _matches(self, text: str) -> Iterable[regex.Match[str]]:
        return self.pattern.finditer(text) if self.anchor is None else self.anchor.matches(self.pattern, text)


class Unwrap(NamedTuple):
    """Leaves of each match of ``pattern`` only its group ``kept``, every character of which stays where it was."""

    name: str
    pattern: regex.Pattern[str]
    needs: frozenset[str] = ANY_TEXT
    also_needs: frozenset[str] = ANY_TEXT

    def apply(self, text: AlignedText) -> AlignedText:
        """A match with an OBJECT in what it would take away stays as it is. Linear."""
        return text.edited(self.edits(text.text))

    def change(self, draft: Draft) -> list[str]:
        """``apply``, in place. What has been written, once for each change: none, if nothing changes."""
        return draft.edit(self.edits(draft.text))

    def edits(self, text: str) -> list[Edit]:
        """What ``apply`` does to a text."""
        edits: list[Edit] = []
        for match in self.pattern.finditer(text):
            (start, end), (kept_start, kept_end) = match.span(), match.span("kept")
            if OBJECT in text[start:kept_start] or OBJECT in text[kept_end:end]:
                continue
            if start < kept_start:
                edits.append((start, kept_start, ""))
            if kept_end < end:
                edits.append((kept_end, end, ""))
        return edits


class Respelling(NamedTuple):
    """Replaces each match of ``pattern``, which has no groups, as ``read`` says, which changes all of them.

    For what a text may be full of: in a third of the time of a ``Rule``.
    """

    name: str
    pattern: Pattern
    read: Callable[[str], str]
    needs: frozenset[str] = ANY_TEXT
    also_needs: frozenset[str] = ANY_TEXT
    hint: Pattern | None = None

    def apply(self, text: AlignedText) -> AlignedText:
        """As ``Rule.apply``. ``pattern`` matches no OBJECT. Linear."""
        draft = Draft(text)
        self.change(draft)
        return draft.aligned()

    def change(self, draft: Draft) -> list[str]:
        """``apply``, in place. What has been written, once for each change: none, if nothing changes."""
        if self.hint is not None and self.hint.search(draft.text) is None:
            return []
        return draft.respell(_as_group(self.pattern), self.read)

    def edits(self, text: str) -> list[Edit]:
        """What ``apply`` does to a text."""
        if self.hint is not None and self.hint.search(text) is None:
            return []
        return [(*match.span(), self.read(match.group())) for match in self.pattern.finditer(text)]


@functools.cache
def _as_group(pattern: Pattern) -> Pattern:
    compile_ = re.compile if isinstance(pattern, re.Pattern) else regex.compile
    return compile_(f"({pattern.pattern})", pattern.flags)


class Finder(NamedTuple):
    """Replaces what ``find`` finds in a text, which is no OBJECT."""

    name: str
    find: Callable[[str], list[Edit]]
    needs: frozenset[str] = ANY_TEXT
    also_needs: frozenset[str] = ANY_TEXT
    hint: Pattern | None = None

    def apply(self, text: AlignedText) -> AlignedText:
        """As ``Rule.apply``."""
        return text.edited(self.edits(text.text))

    def change(self, draft: Draft) -> list[str]:
        """``apply``, in place. What has been written, once for each change: none, if nothing changes."""
        return draft.edit(self.edits(draft.text))

    def edits(self, text: str) -> list[Edit]:
        """What ``apply`` does to a text."""
        return self.find(text) if self.hint is None or self.hint.search(text) is not None else []


AnyRule = Rule | Respelling | Finder | Unwrap

_MAX_REMEMBERED = 4096


class Remembered:
    """A rule's replacement, which looks at nothing but some groups, asked once for each."""

    def __init__(self, replacement: Callable[[regex.Match[str]], str], groups: tuple[str | int, ...]) -> None:
        self.looks_at_all = groups == (0,)
        self._replacement = replacement
        self._groups = groups
        self._known: dict[object, str] = {}

    def __call__(self, match: regex.Match[str]) -> str:
        key = match.group(*self._groups)
        new = self._known.get(key)
        if new is None:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            new = self._known[key] = self._replacement(match)
        return new

    def edits(self, matches: Iterable[regex.Match[str]], text: str) -> list[Edit]:
        """All ``matches`` in ``text`` with what replaces them, if it looks at all of a match."""
        known = self._known
        edits: list[Edit] = []
        for match in matches:
            start, end = match.span()
            if start < end:
                edits.append((start, end, known.get(text[start:end]) or self(match)))
        return edits


def remembered(replacement: Callable[[regex.Match[str]], str], *groups: str | int) -> Remembered:
    """``replacement``, which looks at nothing but these groups (all of the match, if none), asked once for each."""
    return Remembered(replacement, groups or (0,))
