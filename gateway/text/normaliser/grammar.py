"""How Spanish, French, Hindi, Italian and Portuguese speak numbers: one ``Grammar`` each, and what they share.

Numbers may be grouped and have decimals as the language writes them, or the other way round where that is clear:
"1.234,5" and "3.5" are both read in Spanish. A number of more than 18 digits, or with a zero before it, is read digit
by digit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import regex

from gateway.text.rules import AnyRule


class Mixed(NamedTuple):
    """What is written ½ or 2½."""

    whole: str
    """Its digits; empty, if there is none."""
    fraction: Fraction
    """Less than one."""
    before_feminine: bool | None
    """Whether the word behind it is feminine; None, if there is no word."""

    @property
    def part(self) -> str:
        """The fraction alone, as "1/2"."""
        return f"{self.fraction.numerator}/{self.fraction.denominator}"


MAX_DIGITS = 18
SPACES = " \u00a0\u202f"


class Noun(NamedTuple):
    """What is counted."""

    one: str
    many: str
    feminine: bool = False
    part: tuple[str, str] = ("", "")
    """A hundredth of it, one and many: of money."""


@dataclass(frozen=True, eq=False)
class Grammar:
    """How a language says what is not written in letters."""

    cardinal: Callable[[int], str]
    ordinal: Callable[[int, bool], str]
    """The second argument: feminine."""
    agreeing: Callable[[str, bool], str]
    """A cardinal as it is before a noun; the second argument: feminine."""
    date: Callable[[int | None, int | None, int | None], str]
    """Of day, month and year, each of which may be missing."""
    time: Callable[[int, int, int | None], str]
    """Of hours, minutes and seconds."""
    decimal_mark: str
    group_marks: str
    point: str
    """The decimal mark's name."""
    minus: str
    through: str
    """Between the ends of a range."""
    over: str
    """Between the parts of a fraction without a name."""
    dot: str
    at: str
    and_part: str
    """Between euros and cents."""
    of: str
    """Between millions and euros."""
    percent: str
    time_marks: str
    ordinal_pattern: str
    """What follows the digits; its group "feminine" takes part in those that are."""
    scales: str
    """Words such as million, as a pattern."""
    currencies: Mapping[str, Noun]
    units: Mapping[str, Noun]
    abbreviations: Mapping[str, str]
    may_end: frozenset[str]
    """Abbreviations that can be the last word of a sentence."""
    symbols: Mapping[str, str]
    letters: Mapping[str, str]
    fractions: Mapping[str, str]
    """Those with a name, as "1/2"."""
    mixed: Callable[[Mixed], str]
    power: Callable[[str], str]
    """What comes after a base, by the digits of its exponent."""
    always_units: bool = False
    """Whether units are read though nobody asked, because their letters belong to another script."""
    digitwise_decimals: bool = False
    extra: tuple[AnyRule, ...] = ()
    """Rules that go before all others."""


def glossary(lines: str) -> dict[str, str]:
    """``a, b = c; d = e``: a and b mean c, d means e."""
    pairs = (entry.partition("=") for entry in lines.split(";") if entry.strip())
    return {sign.strip(): said.strip() for signs, _, said in pairs for sign in signs.split(",")}


def nouns(lines: str, *, feminine: frozenset[str] = frozenset()) -> dict[str, Noun]:
    """``km = kilómetro, kilómetros; €, EUR = euro, euros, céntimo, céntimos``; ``feminine`` by what one is called."""
    found: dict[str, Noun] = {}
    for signs, names in glossary(lines.replace(",", "\0")).items():
        one, many, *part = (name.strip() for name in names.split("\0"))
        noun = Noun(one, many, one in feminine, (part[0], part[1]) if part else ("", ""))
        found |= dict.fromkeys((sign.strip() for sign in signs.split("\0")), noun)
    return found


def alphabet(letters: str, names: str) -> dict[str, str]:
    """Each of ``letters`` by its name; ``_`` in a name is a space."""
    return dict(zip(letters, (name.replace("_", " ") for name in names.split()), strict=True))


def halves(alone: tuple[str, str], after: tuple[str, str]) -> Callable[[Mixed], str]:
    """A half before a noun, masculine and feminine, and what follows the whole; others by their digits."""

    plus = after[0].split()[0]

    def said(mixed: Mixed) -> str:
        if mixed.part != "1/2":
            return f"{mixed.whole} {plus} {mixed.part}" if mixed.whole else mixed.part
        if mixed.whole:
            return f"{mixed.whole} {after[bool(mixed.before_feminine)]}"
        return mixed.part if mixed.before_feminine is None else alone[mixed.before_feminine]

    return said


def powers(squared: str, cubed: str, to_the: str, minus: str) -> Callable[[str], str]:
    """``to_the`` goes before any exponent that has no name."""
    named = {"2": squared, "3": cubed}

    def power(exponent: str) -> str:
        said = named.get(exponent) or f"{to_the} {exponent.replace('-', f'{minus} ')}"
        return f" {said} "

    return power


class Number(NamedTuple):
    whole: str
    decimals: str


@functools.lru_cache(maxsize=4096)
def parse(text: str, grammar: Grammar) -> Number:
    """The digits of a number as ``number_pattern`` finds it."""
    marks = regex.escape(grammar.group_marks + SPACES)
    compact = text
    if regex.fullmatch(rf"\d{{1,3}}(?:[{marks}]\d{{2,3}})*[{marks}]\d{{3}}(?:[{grammar.decimal_mark}]\d+)?", text):
        compact = regex.sub(rf"[{marks}]", "", text)
    whole, _, decimals = compact.replace(",", ".").partition(".")
    return Number(whole, decimals)


def number_pattern(grammar: Grammar) -> str:
    marks = regex.escape(grammar.group_marks + SPACES)
    # Hindi groups by two: 12,34,567.
    grouped = rf"\d{{1,3}}(?:[{marks}]\d{{2,3}}){{0,12}}[{marks}]\d{{3}}(?!\d)(?:[{grammar.decimal_mark}]\d++)?"
    return rf"(?<![\d.,])(?:{grouped}|\d++(?:[.,]\d++)?+)"


def spoken_number(number: Number, grammar: Grammar, noun: Noun | None = None) -> str:
    """In words; as it is before ``noun``, if one is given."""
    if not number.decimals:
        return spoken_whole(number.whole, grammar, noun)
    decimals = number.decimals
    as_number = len(decimals) <= 2 and not decimals.startswith("0") and not grammar.digitwise_decimals
    said = grammar.cardinal(int(decimals)) if as_number else digits(decimals, grammar)
    return f"{spoken_whole(number.whole, grammar)} {grammar.point} {said}"


@functools.lru_cache(maxsize=4096)
def spoken_whole(whole: str, grammar: Grammar, noun: Noun | None = None) -> str:
    if len(whole) > MAX_DIGITS or (whole.startswith("0") and len(whole) > 1):
        return digits(whole, grammar)
    said = grammar.cardinal(int(whole))
    return said if noun is None else grammar.agreeing(said, noun.feminine)


def digits(text: str, grammar: Grammar) -> str:
    names = {digit: grammar.cardinal(int(digit)) for digit in set(text)}
    return " ".join(names[digit] for digit in text)


def counted(text: str, noun: Noun, grammar: Grammar) -> str:
    number = parse(text, grammar)
    is_one = number.whole == "1" and not number.decimals
    return f"{spoken_number(number, grammar, noun)} {noun.one if is_one else noun.many}"


def money(text: str, noun: Noun, grammar: Grammar) -> str:
    """An amount; two decimals are cents, where there are any."""
    number = parse(text, grammar)
    if len(number.decimals) != 2 or not noun.part[0]:
        return counted(text, noun, grammar)
    said = counted(number.whole, noun, grammar)
    if number.decimals == "00":
        return said
    cents = counted(number.decimals.lstrip("0"), Noun(*noun.part), grammar)
    return " ".join(filter(None, (said, grammar.and_part, cents)))


def telephone(text: str, grammar: Grammar) -> str:
    groups = [digits(group, grammar) for group in regex.findall(r"\d+", text)]
    plus = grammar.symbols.get("+", "") + " " if text.lstrip().startswith("+") else ""
    return plus + ", ".join(groups)


def fraction(text: str, grammar: Grammar) -> str:
    if text in grammar.fractions:
        return grammar.fractions[text]
    above, below = text.split("/")
    return f"{spoken_whole(above, grammar)} {grammar.over} {spoken_whole(below, grammar)}"


def apart(match: regex.Match[str], said: str) -> str:
    """``said``, with a space where a letter or a digit stands next to it."""
    text, start, end = match.string, match.start(), match.end()
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return f"{' ' * before.isalnum()}{said}{' ' * after.isalnum()}"
