"""Powers of ten and powers in general, and indices."""

from __future__ import annotations

import re

import regex

from gateway.text.normaliser.english.numbers import Numbers, spelled
from gateway.text.normaliser.english.patterns import BEGIN, END, NUMBER
from gateway.text.rules import Anchor, Rule, remembered

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")

_SCIENTIFIC_NOTATION = regex.compile(rf"{BEGIN}(?P<mantissa>{NUMBER})[eE](?P<exponent>[-+−]?\d{{1,4}}+){END}")
_SCIENTIFIC_NOTATION_HINT = regex.compile(r"[0-9][eE][-+−0-9]")
_POWER = regex.compile(
    r"(?<=[\p{L}\p{N})])(?:\^(?:[-+−]?\d{1,6}+|\{[-+−]?\w{1,6}\}|\([-+−]?\w{1,6}\)|[A-Za-z](?!\p{L}))"
    r"|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6}+|ⁿ|(?<=\d)\*\*\d{1,6}+)"
)
_POWER_ANCHOR = Anchor(
    re.compile(
        r"[\^*⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ](?<=[A-Za-z0-9)\x80-\U0010ffff].)"
        r"(?:(?<=\^)(?=[-+−\d{(A-Za-z])|(?<=\*)(?=\*\d)|(?<=[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ]))"
    )
)
_INDEX = regex.compile(r"[₀₁₂₃₄₅₆₇₈₉]{1,12}+(?P<more>(?=\p{L}))?")


def power_rules(say: Numbers) -> tuple[Rule, ...]:
    """Powers of ten and powers in general, and indices."""

    def scientific(match: regex.Match[str]) -> str:
        return f"{say.number(match['mantissa'])} times ten to the power of {say.number(match['exponent'].lstrip('+'))}"

    def power(match: regex.Match[str]) -> str:
        exponent = match.group().lstrip("^*").strip("{}()").translate(_SUPERSCRIPTS)
        if match.string[max(0, match.start() - 3) : match.start()].isalpha() and match.start() > 2:
            return f" {say.cardinal(exponent)}" if exponent.isdecimal() else f" {spelled(exponent)}"  # of a footnote
        if exponent in {"2", "3"}:
            return " squared" if exponent == "2" else " cubed"
        words = say.number(exponent) if exponent.lstrip("+-").isdecimal() else spelled(exponent)
        return f" to the power of {words}"

    return (
        Rule(
            "scientific notation",
            _SCIENTIFIC_NOTATION,
            remembered(scientific),
            frozenset("eE"),
            hint=_SCIENTIFIC_NOTATION_HINT,
        ),
        Rule("power", _POWER, power, frozenset("^*⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ"), anchor=_POWER_ANCHOR),
        Rule(
            "index",
            _INDEX,
            lambda match: (
                f" {say.cardinal(match.group().translate(_SUBSCRIPTS))}" + (" " if match["more"] is not None else "")
            ),
            frozenset("₀₁₂₃₄₅₆₇₈₉"),
        ),
    )
