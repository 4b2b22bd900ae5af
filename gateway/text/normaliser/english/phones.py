"""Telephone numbers, and other numbers that are read digit by digit."""

from __future__ import annotations

import re

import regex

from gateway.text.normaliser.english.numbers import digits
from gateway.text.rules import DIGITS, LETTERS, Rule, remembered

_GAP = r"[ .‑-]"
_EXTENSION = r"(?:,? ?(?:ext\.?|x|extension) ?(?P<extension>\d{1,6}+))?"
_GROUPS = regex.compile(r"\d+")


_INTERNATIONAL_TELEPHONE_NUMBER = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}+])\+(?P<number>\d{{1,3}}(?:{_GAP}?\(0?\)|{_GAP})?(?:{_GAP}?\(?\d{{2,5}}\)?){{1,6}}"
    rf"(?<=\d){_GAP}?\d{{2,4}}){_EXTENSION}(?![\p{{L}}\p{{N}}]|{_GAP}\d)"
)
_TELEPHONE_NUMBER = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}$£€.]|\d[-/ ])(?P<number>(?:1{_GAP})?(?:\(\d{{3}}\) ?|\d{{3}}{_GAP})\d{{3}}{_GAP}\d{{4}}"
    rf"|\d{{3}}-\d{{4}}|0\d{{2,4}}[ -]\d{{3,4}}(?:[ -]?\d{{3,4}})?)"
    rf"{_EXTENSION}(?![\p{{L}}\p{{N}}]|[-/]\d)"
)
_TELEPHONE_NUMBER_HINT = regex.compile(
    r"[0-9]{3}[) .‑-](?:(?<=[ -])[0-9]{3}|(?<=[.‑])[0-9]{3}[ .‑-][0-9]|(?<=\))(?:[ .‑-][0-9]{3}|[0-9]))"
)
_EMERGENCY_NUMBER = regex.compile(
    r"\b(?:[Cc]all(?:ed|ing)?|[Dd]ial(?:led|ling|ed|ing)?|[Pp]hon(?:e|ed|ing)|[Rr]ing) "
    r"(?P<it>[2-8]11|911|112|999|988|101|111|000)(?![\p{L}\p{N}]|[.,-]\d)"
)


def phone_rules() -> tuple[Rule, ...]:
    return (
        Rule("international telephone number", _INTERNATIONAL_TELEPHONE_NUMBER, remembered(_phone), frozenset("+")),
        Rule(
            "telephone number",
            _TELEPHONE_NUMBER,
            remembered(_phone),
            DIGITS,
            frozenset("-.‑ ("),
            hint=_TELEPHONE_NUMBER_HINT,
        ),
        Rule("emergency number", _EMERGENCY_NUMBER, lambda match: digits(match.group()), DIGITS, LETTERS),
    )


def _phone(match: regex.Match[str]) -> str:
    words = grouped(match["number"])
    if match.group().startswith("+"):
        words = "plus " + words
    return f"{words}, extension {digits(match['extension'])}" if match["extension"] else words


def grouped(text: str) -> str:
    """The digits of ``text`` by their names, with a comma where they are written apart."""
    return ", ".join(digits(group) for group in _GROUPS.findall(text))


_DIGIT_GROUPS = regex.compile(
    r"(?<![\p{L}\p{N}.,]|\d[-/])(?:\d{1,7}-){3,8}+[\dX]{1,7}(?![\p{L}\p{N}]|-\d)"
    r"|(?<![\p{L}\p{N}.,]|\d[ -])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{3}-\d{2}-\d{4}|\d{3}-\d{10})"
    r"(?![\p{L}\p{N}]|[ -]\d)"
)
_DIGIT_GROUPS_HINT = re.compile(
    r"[- ](?<=\d.)(?:(?<=-)(?=\d{1,7}-\d{1,7}-)|(?<=\d{4}.)(?=\d{4})|(?<=\d{3}-)(?=\d\d-\d{4}|\d{10}))"
)


def digit_run_rules() -> tuple[Rule, ...]:
    """Numbers of books, cards and accounts."""
    return (
        Rule(
            "digit groups",
            _DIGIT_GROUPS,
            lambda match: grouped(match.group()) + (" X" if match.group().endswith("X") else ""),
            DIGITS,
            hint=_DIGIT_GROUPS_HINT,
        ),
    )
