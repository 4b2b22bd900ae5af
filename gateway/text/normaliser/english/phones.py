"""Telephone numbers, and other numbers that are read digit by digit."""

from __future__ import annotations

import regex

from gateway.text.normaliser.english.numbers import digits
from gateway.text.rules import DIGITS, Rule

_GAP = r"[ .‑-]"
_EXTENSION = r"(?:,? ?(?:ext\.?|x|extension) ?(?P<extension>\d{1,6}+))?"
_GROUPS = regex.compile(r"\d+")


def phone_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "international telephone number",
            regex.compile(
                rf"(?<![\p{{L}}\p{{N}}+])\+(?P<number>\d{{1,3}}(?:{_GAP}?\(0?\)|{_GAP})?(?:{_GAP}?\(?\d{{2,5}}\)?){{1,6}}"
                rf"(?<=\d){_GAP}?\d{{2,4}}){_EXTENSION}(?![\p{{L}}\p{{N}}]|{_GAP}\d)"
            ),
            _phone,
            frozenset("+"),
        ),
        Rule(
            "telephone number",
            regex.compile(
                rf"(?<![\p{{L}}\p{{N}}$£€.]|\d[-/ ])(?P<number>(?:1{_GAP})?(?:\(\d{{3}}\) ?|\d{{3}}{_GAP})\d{{3}}{_GAP}\d{{4}}"
                rf"|\d{{3}}-\d{{4}}|0\d{{2,4}}[ -]\d{{3,4}}(?:[ -]?\d{{3,4}})?)"
                rf"{_EXTENSION}(?![\p{{L}}\p{{N}}]|[-/]\d)"
            ),
            _phone,
            DIGITS,
            hint=regex.compile(r"[0-9]{3}\)?[ .‑-][0-9]{3}|[0-9]{3}\)[0-9]"),
        ),
        Rule(
            "emergency number",
            regex.compile(
                r"\b(?:[Cc]all(?:ed|ing)?|[Dd]ial(?:led|ling|ed|ing)?|[Pp]hon(?:e|ed|ing)|[Rr]ing) (?P<it>[2-8]11|911|112|999|988|101|111|000)(?![\p{L}\p{N}]|[.,-]\d)"
            ),
            lambda match: digits(match.group()),
            DIGITS,
        ),
    )


def _phone(match: regex.Match[str]) -> str:
    words = grouped(match["number"])
    if match.group().startswith("+"):
        words = "plus " + words
    return f"{words}, extension {digits(match['extension'])}" if match["extension"] else words


def grouped(text: str) -> str:
    """The digits of ``text`` by their names, with a comma where they are written apart."""
    return ", ".join(digits(group) for group in _GROUPS.findall(text))


def digit_run_rules() -> tuple[Rule, ...]:
    """Numbers of books, cards and accounts."""
    return (
        Rule(
            "digit groups",
            regex.compile(
                r"(?<![\p{L}\p{N}.,]|\d[-/])(?:\d{1,7}-){3,8}+[\dX]{1,7}(?![\p{L}\p{N}]|-\d)"
                r"|(?<![\p{L}\p{N}.,]|\d[ -])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{3}-\d{2}-\d{4}|\d{3}-\d{10})(?![\p{L}\p{N}]|[ -]\d)"
            ),
            lambda match: grouped(match.group()) + (" X" if match.group().endswith("X") else ""),
            DIGITS,
            hint=regex.compile(r"[0-9]-[0-9]|[0-9]{4} [0-9]{4}"),
        ),
    )
