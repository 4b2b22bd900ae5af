"""An ordered table of small rules over an ``AlignedText``: how texts are cleaned and normalised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import regex

from gateway.text.aligned import AlignedText


class Rule(NamedTuple):
    """Replaces each match of ``pattern``; ``name`` is for tests and for the one who reads the table."""

    name: str
    pattern: regex.Pattern[str]
    replacement: Callable[[regex.Match[str]], str]


def apply_rules(text: AlignedText, rules: Iterable[Rule]) -> AlignedText:
    """``text`` after each of ``rules`` in turn."""
    for rule in rules:
        text = text.sub(rule.pattern, rule.replacement)
    return text
