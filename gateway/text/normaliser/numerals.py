"""Numerals that are no decimal digits, outside English: ½, x², H₂O, Ⅳ. In digits, which a language's own rules read.

Where a number goes on with a unit, a fraction becomes decimals, since that is what units follow: "2½ km" is 2,5 km.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import regex

from gateway.text.normaliser.grammar import Mixed, apart
from gateway.text.rules import NOT_ASCII, Rule

_VULGAR = "¼-¾⅐-⅞↉"
_RAISED = "²³¹⁰⁴-⁹"
_LARGEST_BELOW = 320
"""Of all fractions that are one character."""

_VULGAR_HINT, _RAISED_HINT = re.compile(f"[{_VULGAR}]"), re.compile(f"[{_RAISED}]")
_OTHERS_HINT = re.compile("[²³¹¼-¾\u0970-\U0010ffff]")


@dataclass(frozen=True, eq=False)
class Wording:
    """How a language says them, in letters and digits."""

    mixed: Callable[[Mixed], str]
    power: Callable[[str], str]
    """What follows a base, by the exponent's digits, before which there may be a minus."""
    units: Iterable[str]
    """Signs that follow a number with decimals."""
    decimal_mark: str = "."
    is_spaced: bool = True
    """Whether there are spaces between words."""


def fraction_rules(wording: Wording) -> tuple[Rule, ...]:
    """Before all rules of numbers."""
    units = "|".join(regex.escape(unit) for unit in sorted(wording.units, key=len, reverse=True))
    unit = regex.compile(rf"[ \u00a0\u202f]?(?:%|(?:{units})(?!\p{{L}}))")
    word = regex.compile(r"[ \u00a0\u202f](\p{Ll}{2,24})")

    def fraction(match: regex.Match[str]) -> str:
        whole, part = match["whole"] or "", _fraction(match["part"])
        if unit.match(match.string, match.end()) and 10**3 % part.denominator == 0:
            return f"{whole or 0}{wording.decimal_mark}{str(float(part))[2:]}"
        following = word.match(match.string, match.end())
        feminine = following and following[1].rstrip("s").endswith("a")
        said = wording.mixed(Mixed(whole, part, feminine))
        return apart(match, said) if wording.is_spaced else said

    pattern = regex.compile(rf"(?:(?<![\d.,])(?P<whole>\d{{1,9}})[ \u00a0\u202f]?)?(?P<part>[{_VULGAR}])")
    return (Rule("vulgar fractions", pattern, fraction, NOT_ASCII, hint=_VULGAR_HINT),)


@functools.cache
def _fraction(char: str) -> Fraction:
    return Fraction(unicodedata.numeric(char)).limit_denominator(10)


def power_rules(wording: Wording) -> tuple[Rule, ...]:
    """Before the numbers, after the units; the latter know m²."""

    def power(match: regex.Match[str]) -> str:
        return wording.power(unicodedata.normalize("NFKC", match.group()).replace("−", "-").lstrip("+"))

    def plain(match: regex.Match[str]) -> str:
        said = _plain(match.group())
        return apart(match, said) if wording.is_spaced else said

    base = r"(?<=[\d)\]]|(?<!\p{L})\p{L}{1,3})"
    note = rf"¹(?![{_RAISED}])"  # to the first is nothing that anybody writes
    return (
        Rule(
            "powers", regex.compile(rf"{base}(?!{note})[⁺⁻]?[{_RAISED}]{{1,6}}+"), power, NOT_ASCII, hint=_RAISED_HINT
        ),
        # Those of Han are letters like others.
        Rule("other numerals", regex.compile(r"(?V1)[[\p{No}\p{Nl}]--\p{Han}]++"), plain, NOT_ASCII, hint=_OTHERS_HINT),
    )


def _plain(run: str) -> str:
    """Digits that stand elsewhere as they are, Roman numerals added up, what else there is one by one."""
    if (digits := unicodedata.normalize("NFKC", run)).isdecimal():
        return digits
    values = [unicodedata.numeric(char, None) for char in run]
    known = [value for value in values if value is not None]  # others are younger than Python's tables
    if len(known) == len(run) and "Ⅰ" <= min(run) <= max(run) <= "ↈ":
        known = [_added_up(known)]
    return " ".join(f"{Fraction(value).limit_denominator(_LARGEST_BELOW)}" for value in known)


def _added_up(numerals: list[float]) -> float:
    """What comes before a larger one is taken away."""
    total = largest = 0.0
    for value in reversed(numerals):
        total += -value if value < largest else value
        largest = max(largest, value)
    return total
