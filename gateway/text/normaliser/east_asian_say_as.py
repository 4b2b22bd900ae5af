"""What SSML's say-as asks for, in Japanese and Mandarin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import regex

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_ORDERS = frozenset("ymd mdy dmy ydm ym md my dm y m d".split())


@dataclass(frozen=True)
class Speaker:
    """How the language says each of them, of texts in digits."""

    number: Callable[[str], str]
    minus: str
    ordinal: Callable[[str], str]
    digits: Callable[[str], str]
    telephone: Callable[[str], str]
    date: Callable[[int | None, int | None, int | None], str]
    time: Callable[[int, int, int | None], str]
    fraction: Callable[[str, str], str]
    characters: Callable[[str], str]
    currencies: Mapping[str, str]
    units: Mapping[str, str]


def say_as_in(speaker: Speaker, text: str, interpret_as: str, format: str) -> str:  # noqa: A002
    """See ``gateway.text.normaliser.say_as``."""
    if interpret_as == "date":
        return _date(speaker, text, format)
    if interpret_as in {"characters", "spell-out", "verbatim"}:
        return speaker.characters(text)
    said = _READERS[interpret_as](speaker, text)
    if said is None:
        raise ValueError(f"{text[:40]!r} cannot be said as {interpret_as}.")
    return said


def _number(speaker: Speaker, text: str) -> str | None:
    found = regex.fullmatch(rf"(?P<minus>[-−]?)(?P<number>{_NUMBER})", text)
    return (speaker.minus if found["minus"] else "") + speaker.number(found["number"]) if found else None


def _ordinal(speaker: Speaker, text: str) -> str | None:
    found = regex.fullmatch(r"第?(?P<number>\d{1,9})", text)
    return speaker.ordinal(found["number"]) if found else None


def _digits(speaker: Speaker, text: str) -> str | None:
    found = regex.findall(r"\d", text)
    return speaker.digits("".join(found)) if found and not regex.search(r"\p{L}", text) else None


def _telephone(speaker: Speaker, text: str) -> str | None:
    return speaker.telephone(text) if regex.search(r"\d", text) and not regex.search(r"\p{L}", text) else None


def _fraction(speaker: Speaker, text: str) -> str | None:
    found = regex.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    return speaker.fraction(found[1], found[2]) if found else None


def _time(speaker: Speaker, text: str) -> str | None:
    found = regex.fullmatch(r"(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?", text)
    if not found or int(found[1]) > 24 or int(found[2]) > 59:
        return None
    return speaker.time(int(found[1]), int(found[2]), int(found[3]) if found[3] else None)


def _currency(speaker: Speaker, text: str) -> str | None:
    return _amount(speaker, text, speaker.currencies)


def _unit(speaker: Speaker, text: str) -> str | None:
    return _amount(speaker, text, speaker.units)


def _amount(speaker: Speaker, text: str, names: Mapping[str, str]) -> str | None:
    before = regex.fullmatch(rf"(?P<name>\D{{1,8}}?) ?(?P<number>{_NUMBER})", text)
    found = before or regex.fullmatch(rf"(?P<number>{_NUMBER}) ?(?P<name>\D{{1,8}})", text)
    name = names.get(found["name"]) if found else None
    return speaker.number(found["number"]) + name if found and name else None


def _date(speaker: Speaker, text: str, order: str) -> str:
    fields = regex.findall(r"\d+", text)
    order = order or {3: "ymd", 2: "md"}.get(len(fields), "y")
    if order not in _ORDERS:
        raise ValueError(f"Unknown format {order[:40]!r} of a date. Known: {', '.join(sorted(_ORDERS))}.")
    read = dict(zip(order, map(int, fields), strict=False))
    day, month = read.get("d"), read.get("m")
    is_day = day is None or 1 <= day <= 31
    is_month = month is None or 1 <= month <= 12
    if len(fields) != len(order) or not is_day or not is_month or not regex.fullmatch(r"[\d\s./年月日-]+", text):
        raise ValueError(f"{text[:40]!r} is no date of the format {order}.")
    return speaker.date(day, month, read.get("y"))


_READERS: dict[str, Callable[[Speaker, str], str | None]] = {
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
