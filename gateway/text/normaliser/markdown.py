"""Markdown without its signs, in any language."""

from __future__ import annotations

import regex

from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import AnyRule, Rule

RULED_LINES = Rule("ruled lines", regex.compile(r"([=_*~#+|^])\1{2,}+"), lambda _: " ", needs=frozenset("=_*~#+|^"))


def rules(options: NormalizationOptions) -> tuple[AnyRule, ...]:
    return ()
