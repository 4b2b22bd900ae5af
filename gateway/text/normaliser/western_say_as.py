"""What SSML's say-as asks for, in the languages that have a ``Grammar``."""

from __future__ import annotations

from collections.abc import Callable

import regex

from gateway.text.normaliser.grammar import (
    SPACES,
    Grammar,
    counted,
    digits,
    fraction,
    money,
    number_pattern,
    parse,
    spoken_number,
    telephone,
)

_ORDERS = frozenset("dmy mdy ymd ydm dm md my ym d m y".split())


def say_as(text: str, interpret_as: str, grammar: Grammar, format: str) -> str:  # noqa: A002
    """See ``gateway.text.normaliser.say_as``."""
    if interpret_as == "date":
        return _date(text, grammar, format)
    if interpret_as in {"characters", "spell-out", "verbatim"}:
        return _characters(text, grammar)
    said = _READERS[interpret_as](text, grammar)
    if said is None:
        raise ValueError(f"{text[:40]!r} cannot be said as {interpret_as}.")
    return said


def _number(text: str, grammar: Grammar) -> str | None:
    found = regex.fullmatch(rf"(?P<minus>[-−]?)(?P<number>{number_pattern(grammar)})", text)
    if not found:
        return None
    said = spoken_number(parse(found["number"], grammar), grammar)
    return f"{grammar.minus} {said}" if found["minus"] else said


def _ordinal(text: str, grammar: Grammar) -> str | None:
    found = regex.fullmatch(rf"(?P<number>\d{{1,6}})(?:{grammar.ordinal_pattern})?", text)
    return grammar.ordinal(int(found["number"]), found["feminine"] is not None) if found else None


def _digits(text: str, grammar: Grammar) -> str | None:
    found = regex.findall(r"\d", text)
    return digits("".join(found), grammar) if found and not regex.search(r"\p{L}", text) else None


def _telephone(text: str, grammar: Grammar) -> str | None:
    return telephone(text, grammar) if regex.search(r"\d", text) and not regex.search(r"\p{L}", text) else None


def _fraction(text: str, grammar: Grammar) -> str | None:
    return fraction(text, grammar) if regex.fullmatch(r"\d{1,9}/\d{1,9}", text) or text in grammar.fractions else None


def _time(text: str, grammar: Grammar) -> str | None:
    found = regex.fullmatch(rf"(?P<h>\d{{1,2}}){grammar.time_marks}", text)
    if not found or int(found["h"]) > 24 or int(found["m"] or 0) > 59:
        return None
    return grammar.time(int(found["h"]), int(found["m"] or 0), int(found["s"]) if found["s"] else None)


def _currency(text: str, grammar: Grammar) -> str | None:
    number = rf"(?P<number>{number_pattern(grammar)})"
    found = regex.fullmatch(rf"(?P<name>\D{{1,4}}?)[{SPACES}]?{number}", text) or regex.fullmatch(
        rf"{number}[{SPACES}]?(?P<name>\D{{1,4}})", text
    )
    noun = grammar.currencies.get(found["name"].strip()) if found else None
    return money(found["number"], noun, grammar) if found and noun else None


def _unit(text: str, grammar: Grammar) -> str | None:
    found = regex.fullmatch(rf"(?P<number>{number_pattern(grammar)})[{SPACES}]?(?P<name>\D{{1,12}})", text)
    noun = grammar.units.get(found["name"]) if found else None
    return counted(found["number"], noun, grammar) if found and noun else None


def _characters(text: str, grammar: Grammar) -> str:
    names = [
        digits(char, grammar)
        if char.isdecimal()
        else grammar.letters.get(char.casefold()) or grammar.symbols.get(char) or char
        for char in text
        if not char.isspace()
    ]
    return ", ".join(names)


def _date(text: str, grammar: Grammar, order: str) -> str:
    fields = regex.findall(r"\d+", text)
    if not order:
        order = "ymd" if fields and len(fields[0]) == 4 else "dmy"[: len(fields)] or "dmy"
    if order not in _ORDERS:
        raise ValueError(f"Unknown format {order[:40]!r} of a date. Known: {', '.join(sorted(_ORDERS))}.")
    if len(fields) != len(order) or not regex.fullmatch(r"[\d\s./-]+", text):
        raise ValueError(f"{text[:40]!r} is no date of the format {order}.")
    read = dict(zip(order, map(int, fields), strict=True))
    day, month = read.get("d"), read.get("m")
    if (day is not None and not 1 <= day <= 31) or (month is not None and not 1 <= month <= 12):
        raise ValueError(f"{text[:40]!r} is no date of the format {order}.")
    return grammar.date(day, month, read.get("y"))


_READERS: dict[str, Callable[[str, Grammar], str | None]] = {
    "cardinal": _number,
    "number": _number,
    "ordinal": _ordinal,
    "digits": _digits,
    "telephone": _telephone,
    "fraction": _fraction,
    "time": _time,
    "currency": _currency,
    "unit": _unit,
}
