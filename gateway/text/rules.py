"""An ordered table of small rules over an ``AlignedText``: how texts are cleaned and normalised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import regex

from gateway.text.aligned import OBJECT, AlignedText

ANY_TEXT: frozenset[str] = frozenset()
"""As a rule's ``needs``: the rule looks at every text."""

DIGITS = frozenset("0123456789")

ANY_LETTER = "any letter"
"""Stands among a text's characters for its letters, whichever they are."""

LETTERS = frozenset({ANY_LETTER})


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
    hint: regex.Pattern[str] | None = None
    """Is found in every text in which ``pattern`` is, and much sooner."""

    def apply(self, text: AlignedText) -> AlignedText:
        """Every new character stands for all that was replaced. What holds an OBJECT stays as it is. Linear."""
        if self.hint is not None and self.hint.search(text.text) is None:
            return text
        return text.edited(self._edits(text.text))

    def _edits(self, text: str) -> Iterator[tuple[int, int, str]]:
        group = "it" if "it" in self.pattern.groupindex else 0
        replacement = self.replacement
        has_object = OBJECT in text
        for match in self.pattern.finditer(text):
            start, end = match.span(group)
            if start == end or (has_object and text.find(OBJECT, start, end) >= 0):
                continue
            yield start, end, replacement(match)


class Unwrap(NamedTuple):
    """Leaves of each match of ``pattern`` only its group ``kept``, every character of which stays where it was."""

    name: str
    pattern: regex.Pattern[str]
    needs: frozenset[str] = ANY_TEXT
    also_needs: frozenset[str] = ANY_TEXT

    def apply(self, text: AlignedText) -> AlignedText:
        """A match with an OBJECT in what it would take away stays as it is. Linear."""
        return text.edited(self._edits(text.text))

    def _edits(self, text: str) -> Iterator[tuple[int, int, str]]:
        for match in self.pattern.finditer(text):
            (start, end), (kept_start, kept_end) = match.span(), match.span("kept")
            if OBJECT in text[start:kept_start] or OBJECT in text[kept_end:end]:
                continue
            if start < kept_start:
                yield start, kept_start, ""
            if kept_end < end:
                yield kept_end, end, ""


AnyRule = Rule | Unwrap

_MAX_REMEMBERED = 4096


def remembered(replacement: Callable[[regex.Match[str]], str], *groups: str | int) -> Callable[[regex.Match[str]], str]:
    """``replacement``, which looks at nothing but these groups (all of the match, if none), asked once for each."""
    asked = groups or (0,)
    known: dict[object, str] = {}

    def remember(match: regex.Match[str]) -> str:
        key = match.group(*asked)
        new = known.get(key)
        if new is None:
            if len(known) >= _MAX_REMEMBERED:
                known.clear()
            new = known[key] = replacement(match)
        return new

    return remember


def apply_rules(text: AlignedText, rules: Iterable[AnyRule]) -> AlignedText:
    """``text`` after each of ``rules`` in turn."""
    characters = _characters(text)
    for rule in rules:
        if rule.needs and rule.needs.isdisjoint(characters):
            continue
        if rule.also_needs and rule.also_needs.isdisjoint(characters):
            continue
        changed = rule.apply(text)
        if changed is not text:
            text, characters = changed, _characters(changed)
    return text


def _characters(text: AlignedText) -> set[str]:
    characters = set(text.text)
    if any(map(str.isalpha, characters)):
        characters.add(ANY_LETTER)
    return characters
