"""What SSML's say-as asks for, in English."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import regex

from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from gateway.text.normaliser.english.addresses import SIGN_NAMES
from gateway.text.normaliser.english.counts import VULGAR
from gateway.text.normaliser.english.dates import SHORT_MONTHS, century_year, date_rules, spoken_date
from gateway.text.normaliser.english.money import money_rules
from gateway.text.normaliser.english.numbers import MONTHS, Numbers, digits, numbers_of, spelled
from gateway.text.normaliser.english.patterns import NUMBER, WHOLE
from gateway.text.normaliser.english.phones import grouped
from gateway.text.normaliser.english.times import time_rules
from gateway.text.normaliser.english.units import unit_rules
from gateway.text.rule_table import RuleTable

_NUMBER = regex.compile(rf"[-+−]?(?:{NUMBER})")
_ORDINAL = regex.compile(rf"(?P<number>{WHOLE})(?:st|nd|rd|th)?")
_FRACTION = regex.compile(r"(?:(?P<whole>\d{1,12})(?: |\+|-))?(?P<top>\d{1,12}) ?[/⁄] ?(?P<bottom>\d{1,12})")
_VULGAR = regex.compile(rf"(?P<whole>\d{{1,12}})? ?(?P<sign>[{''.join(VULGAR)}])")
_MEASURE = regex.compile(rf"[-+−]?(?:{NUMBER}) ?\S.{{0,40}}")
_FIELD = regex.compile(r"\d+|\p{L}+")
_MONTH_NUMBERS = {
    name.lower(): MONTHS.index(month) + 1
    for names in ({month: month for month in MONTHS}, SHORT_MONTHS)
    for name, month in names.items()
}
_FORMATS = frozenset({"mdy", "dmy", "ymd", "ydm", "ym", "my", "md", "dm", "y", "m", "d"})


class _Request(NamedTuple):
    say: Numbers
    text: str
    kind: str
    format: str


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    """See ``gateway.text.normaliser.say_as``."""
    return _READERS[interpret_as](_Request(numbers_of(language), text, interpret_as, format))


def _refuse(request: _Request, what: str) -> ValueError:
    return ValueError(f"{request.text[:40]!r} cannot be said as {request.kind}: {what}.")


def _number(request: _Request) -> str:
    if _FRACTION.fullmatch(request.text) or _VULGAR.fullmatch(request.text):
        return _fraction(request)
    if not _NUMBER.fullmatch(request.text):
        raise _refuse(request, "it is not a number")
    return request.say.number(request.text)


def _ordinal(request: _Request) -> str:
    found = _ORDINAL.fullmatch(request.text)
    if not found:
        raise _refuse(request, "it is not a whole number")
    return request.say.ordinal(found["number"])


def _fraction(request: _Request) -> str:
    say = request.say
    if found := _FRACTION.fullmatch(request.text):
        whole, top, bottom = found["whole"], found["top"], found["bottom"]
    elif found := _VULGAR.fullmatch(request.text):
        whole, (top, bottom) = found["whole"], VULGAR[found["sign"]]
    else:
        raise _refuse(request, "it is not a fraction such as 3/4")
    return say.mixed(whole, top, bottom) if whole else say.fraction(top, bottom)


def _digits(request: _Request) -> str:
    if not any(char.isdecimal() for char in request.text):
        raise _refuse(request, "it has no digits")
    return digits(request.text)


def _telephone(request: _Request) -> str:
    if not any(char.isdecimal() for char in request.text):
        raise _refuse(request, "it has no digits")
    plus = "plus " if request.text.startswith("+") else ""
    number, _, extension = request.text.lower().partition("x")
    if extension and any(char.isdecimal() for char in extension):
        return f"{plus}{grouped(number)}, extension {digits(extension)}"
    return plus + grouped(request.text)


def _characters(request: _Request) -> str:
    words: list[str] = []
    run = ""
    for char in request.text:
        if char.isalnum():
            run += char
            continue
        words += [spelled(run)] if run else []
        words += [SIGN_NAMES.get(char, char)] if not char.isspace() else []
        run = ""
    return " ".join([*words, *([spelled(run)] if run else [])])


@functools.cache
def _dates(say: Numbers) -> RuleTable:
    return RuleTable(date_rules(say))


@functools.cache
def _times(say: Numbers) -> RuleTable:
    return RuleTable(time_rules(say))


@functools.cache
def _amounts(say: Numbers) -> RuleTable:
    return RuleTable(money_rules(say))


@functools.cache
def _units(say: Numbers) -> RuleTable:
    return RuleTable(unit_rules(say, ambiguous=True))


def _by_rules(request: _Request, rules: RuleTable, what: str) -> str:
    """What the normaliser's own rules make of the text, all of which one of them must take."""
    said = rules.apply(AlignedText.of(request.text)).text
    if said == request.text or any(char.isdecimal() for char in said):
        raise _refuse(request, what)
    return said


def _time(request: _Request) -> str:
    if request.format not in {"", "hms12", "hms24", "hm", "hms", "h"}:
        raise _refuse(request, f"{request.format[:20]!r} is no format of times")
    return _by_rules(request, _times(request.say), "it is not a time such as 14:30 or 2:30 pm")


def _currency(request: _Request) -> str:
    return _by_rules(request, _amounts(request.say), "it is not an amount such as $5.20 or 5 EUR")


def _unit(request: _Request) -> str:
    if not _MEASURE.fullmatch(request.text):
        raise _refuse(request, "it is not a number with a unit such as 5 km")
    said = _units(request.say).apply(AlignedText.of(request.text)).text
    found = _NUMBER.match(said)
    if said == request.text or found is None:
        raise _refuse(request, "its unit is not known")
    return request.say.number(found.group()) + said[found.end() :]


def _date(request: _Request) -> str:
    order = request.format.lower()
    fields = _FIELD.findall(request.text)
    if not order:
        return _by_rules(request, _dates(request.say), "it is not a date such as 2024-03-15")
    if order not in _FORMATS:
        raise _refuse(request, f"{order[:20]!r} is no format of dates")
    if len(fields) == 1 and len(order) > 1 and fields[0].isdecimal():
        fields = _split(fields[0], order)
    if len(fields) != len(order):
        raise _refuse(request, f"it does not have the fields {order!r}")
    return _fields_in_words(request, dict(zip(order, fields, strict=True)))


def _split(digits_only: str, order: str) -> list[str]:
    """ "20240315" with "ymd"."""
    year = len(digits_only) - 2 * (len(order) - 1) if "y" in order else 2
    fields, place = [], 0
    for name in order:
        size = year if name == "y" else 2
        fields.append(digits_only[place : place + size])
        place += size
    return [field for field in fields if field]


def _fields_in_words(request: _Request, fields: dict[str, str]) -> str:
    say = request.say
    year, month, day = fields.get("y", ""), fields.get("m", ""), fields.get("d", "").rstrip("dhnrst")
    if not (year + day).isdecimal() and year + day:
        raise _refuse(request, "its day and year must be numbers")
    number = _MONTH_NUMBERS.get(month.lower()) or (int(month) if month.isdecimal() else 0)
    if ("m" in fields and not 1 <= number <= 12) or ("d" in fields and not 1 <= int(day) <= 31):
        raise _refuse(request, "there is no such day or month")
    if len(year) == 2:
        year = century_year(year)
    if day and month:
        return spoken_date(say, year, number, int(day))
    words = [MONTHS[number - 1]] if month else [say.ordinal(day)] if day else []
    return " ".join([*words, *([say.year(year)] if year else [])])


_READERS: dict[str, Callable[[_Request], str]] = {
    "cardinal": _number,
    "number": _number,
    "ordinal": _ordinal,
    "date": _date,
    "time": _time,
    "telephone": _telephone,
    "characters": _characters,
    "spell-out": _characters,
    "verbatim": _characters,
    "unit": _unit,
    "currency": _currency,
    "fraction": _fraction,
    "digits": _digits,
}
