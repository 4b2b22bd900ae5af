"""An ordered table of small rules over an ``AlignedText``: how texts are cleaned and normalised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import regex

from gateway.text.aligned import OBJECT, AlignedText

ANY_TEXT: frozenset[str] = frozenset()
"""As a rule's ``needs``: the rule looks at every text."""

DIGITS = frozenset("0123456789")


class Rule(NamedTuple):
    """Replaces each match of ``pattern``; ``name`` is for tests and for the one who reads the table."""

    name: str
    pattern: regex.Pattern[str]
    replacement: Callable[[regex.Match[str]], str]
    needs: frozenset[str] = ANY_TEXT
    """Characters of which one must be in a text for the rule to match: most texts then cost it nothing."""

    def apply(self, text: AlignedText) -> AlignedText:
        return text.sub(self.pattern, self.replacement)


class Unwrap(NamedTuple):
    """Leaves of each match of ``pattern`` only its group ``kept``, every character of which stays where it was."""

    name: str
    pattern: regex.Pattern[str]
    needs: frozenset[str] = ANY_TEXT

    def apply(self, text: AlignedText) -> AlignedText:
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        cursor = 0
        for match in self.pattern.finditer(text.text):
            start, end = match.span("kept")
            if OBJECT in match.group()[: start - match.start()] or OBJECT in match.group()[end - match.start() :]:
                continue
            for piece in (slice(cursor, match.start()), slice(start, end)):
                pieces.append(text.text[piece])
                starts += text.starts[piece]
                ends += text.ends[piece]
            cursor = match.end()
        if not cursor:
            return text
        return replace(
            text,
            text="".join([*pieces, text.text[cursor:]]),
            starts=[*starts, *text.starts[cursor:]],
            ends=[*ends, *text.ends[cursor:]],
        )


AnyRule = Rule | Unwrap


def apply_rules(text: AlignedText, rules: Iterable[AnyRule]) -> AlignedText:
    """``text`` after each of ``rules`` in turn."""
    characters = set(text.text)
    for rule in rules:
        if rule.needs and rule.needs.isdisjoint(characters):
            continue
        changed = rule.apply(text)
        if changed is not text:
            text, characters = changed, set(changed.text)
    return text
