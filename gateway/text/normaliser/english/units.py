"""Units of measurement after a number; temperatures, angles and percentages."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import regex

from gateway.text.normaliser.english.numbers import Numbers, plural
from gateway.text.normaliser.english.patterns import BEGIN, DECIMAL_DIGITS, NUMBER, SPACE, SPACES, any_of
from gateway.text.rules import DIGITS, LETTERS, Anchor, Rule, remembered

_PREFIXED = {
    "m": ("meter", ("k", "c", "m", "µ", "n")),
    "g": ("gram", ("k", "m", "µ")),
    "L": ("liter", ("m", "c", "d")),
    "l": ("liter", ("m", "c", "d")),
    "Hz": ("hertz", ("", "k", "M", "G", "T")),
    "W": ("watt", ("k", "M", "G", "m")),
    "Wh": ("watt hour", ("", "k", "M", "G")),
    "V": ("volt", ("k", "m")),
    "J": ("joule", ("k", "M")),
    "Pa": ("pascal", ("", "k", "M", "h")),
    "A": ("amp", ("m",)),
    "Ah": ("amp hour", ("", "m")),
    "B": ("byte", ("k", "K", "M", "G", "T", "P")),
    "iB": ("bibyte", ("K", "M", "G", "T")),
    "bit": ("bit", ("", "k", "M", "G")),
    "s": ("second", ("m", "µ", "n")),
    "cal": ("calorie", ("", "k")),
    "Ω": ("ohm", ("", "k", "M")),
    "eV": ("electronvolt", ("", "k", "M", "G")),
    "mol": ("mole", ("", "m")),
}
_PREFIXES = {
    "": "", "k": "kilo", "K": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta", "c": "centi", "m": "milli",
    "d": "deci", "µ": "micro", "n": "nano", "h": "hecto",
}  # fmt: skip
_BINARY = {"K": "kibibyte", "M": "mebibyte", "G": "gibibyte", "T": "tebibyte"}

CLEAR = (
    {
        prefix + sign: _BINARY[prefix] if sign == "iB" else _PREFIXES[prefix] + name
        for sign, (name, prefixes) in _PREFIXED.items()
        for prefix in prefixes
    }
    | {"mi": "mile", "ft": "foot", "yd": "yard", "yds": "yard", "lb": "pound", "lbs": "pound", "oz": "ounce"}
    | {"tbsp": "tablespoon", "tsp": "teaspoon", "gal": "gallon", "pt": "pint", "qt": "quart", "ha": "hectare"}
    | {"hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "sec": "second", "secs": "second"}
    | {"yr": "year", "yrs": "year", "wk": "week", "wks": "week", "mo": "month", "mos": "month", "kn": "knot"}
    | {"sq ft": "square foot", "sq. ft.": "square foot", "sq mi": "square mile", "cu ft": "cubic foot"}
    | {"sq m": "square meter", "sq km": "square kilometer", "cc": "cc", "px": "pixel", "dB": "decibel"}
    | {"fl oz": "fluid ounce", "fl. oz.": "fluid ounce", "hp": "horsepower", "psi": "psi", "rpm": "rpm", "fps": "fps"}
    | {"mph": "mile per hour", "kph": "kilometer per hour", "kmh": "kilometer per hour", "mpg": "mile per gallon"}
    | {"Kbps": "kilobit per second", "kbps": "kilobit per second", "Mbps": "megabit per second"}
    | {"Gbps": "gigabit per second", "bpm": "beat per minute", "ppm": "part per million", "dpi": "dpi", "ppi": "ppi"}
)
"""After a number these can be nothing else: always read by their names."""

AMBIGUOUS = {
    "m": "meter", "g": "gram", "l": "liter", "L": "liter", "t": "ton", "h": "hour", "s": "second", "d": "day",
    "in": "inch", "in.": "inch", "V": "volt", "W": "watt", "A": "amp", "J": "joule", "N": "newton", "Gb": "gigabit",
    "Mb": "megabit", "kb": "kilobit", "C": "degree Celsius", "F": "degree Fahrenheit",
}  # fmt: skip
"""These may be a word, a name or a series as well: "5 in", "the 5 A", "$5 M". Read when the option asks for it."""

_IRREGULAR = {
    "foot": "feet", "square foot": "square feet", "cubic foot": "cubic feet", "inch": "inches", "hertz": "hertz",
    "kelvin": "kelvin", "horsepower": "horsepower", "cc": "cc", "psi": "psi", "rpm": "rpm",
    "fps": "fps", "dpi": "dpi", "ppi": "ppi",
}  # fmt: skip
_SPELLED = {"cc": "C.C", "psi": "P.S.I", "rpm": "R.P.M", "fps": "F.P.S", "dpi": "D.P.I", "ppi": "P.P.I"}
_PER = {"h": "hour", "hr": "hour", "s": "second", "sec": "second", "min": "minute", "d": "day", "day": "day"} | {
    "L": "liter", "l": "liter", "kg": "kilogram", "ml": "milliliter", "mL": "milliliter", "gal": "gallon",
    "m": "meter", "m²": "square meter", "m2": "square meter", "m³": "cubic meter", "m3": "cubic meter", "ft": "foot",
    "cm²": "square centimeter", "cm2": "square centimeter", "cm³": "cubic centimeter", "cm3": "cubic centimeter",
    "km": "kilometer", "100km": "hundred kilometers", "wk": "week", "week": "week", "mo": "month", "month": "month",
    "yr": "year", "year": "year", "person": "person", "mol": "mole", "s²": "second squared", "s2": "second squared",
}  # fmt: skip
_POWERS = {"²": "square", "2": "square", "³": "cubic", "3": "cubic"}
_TEMPERATURES = {"C": " Celsius", "F": " Fahrenheit", "K": " kelvin", "℃": " Celsius", "℉": " Fahrenheit"}
_LENGTHS = ("m", "km", "cm", "mm", "ft", "mi", "in", "yd")
_ONE = regex.compile(rf"(?<![\d.,])1{SPACE}?-?\Z")


_INITIALS = "".join(sorted({name[0] for name in CLEAR | AMBIGUOUS}))
_AFTER_NUMBER = rf"[0-9](?P<gap>{SPACE}|-)?(?P<it>(?=[{_INITIALS}])"
_PER_UNIT = rf"{_AFTER_NUMBER}(?P<unit>{any_of(CLEAR | AMBIGUOUS)})/(?P<per>{any_of(_PER)})(?![\p{{L}}\p{{N}}²³]))"
_POWER = rf"(?P<unit>{any_of(_LENGTHS)})(?P<power>[²³]|[23](?=[^\p{{L}}\p{{N}}.,]|\Z|[.,](?!\d)))"
_AFTER_UNIT = r"(?![\p{L}\p{N}²³/^'’]|-\p{L})"
_DECIMAL = r"\d{1,3}+(?:\.\d{1,8}+)?"
_ANGLE = regex.compile(
    rf"(?P<degrees>{BEGIN}{_DECIMAL})°{SPACE}?(?:(?P<minutes>{_DECIMAL})['’′]{SPACE}?"
    rf"(?:(?P<seconds>{_DECIMAL})(?:''|[\"”″]){SPACE}?)?)?(?P<side>[NSEW])?(?!\p{{L}})(?<!°|° )"
)
_ANGLE_ANCHOR = Anchor(re.compile(rf"°(?<=\d.)(?=[\t\u00a0\u2009\u202f]|{SPACE}?[\dNSEW])"), run=f"{DECIMAL_DIGITS}.")
_DEGREES = regex.compile(r"[°º] ?(?P<scale>[CFK])(?!\p{L})|(?<=\d ?)[°º]|(?P<scale>[℃℉])")
_DEGREES_ANCHOR = Anchor(re.compile("[°º℃℉]"))
_PERCENT = regex.compile(rf"{SPACE}?[%％](?!\p{{L}})(?<=[0-9]{SPACE}?.)")
_PERCENT_ANCHOR = Anchor(re.compile(rf"[%％](?:(?<=[0-9].)|(?<=[0-9]{SPACE}.))(?![A-Za-z])"), run=SPACES)
_PER_MILLE = regex.compile(r"[0-9](?P<it> ?‰)")
_DIMENSIONS = regex.compile(
    rf"[0-9](?<!(?<![\d.,])0)(?P<it>{SPACE}?[x×]{SPACE}?)(?=(?!10[\^⁻⁰¹²³⁴-⁹]){NUMBER}(?!{SPACE}?=))"
)
_UNIT_ANCHOR = Anchor(re.compile(rf"[0-9](?=[-{SPACES}]?[{_INITIALS}])"))
_PER_UNIT_HINT = re.compile(
    rf"/(?<=[{''.join(sorted({name[-1] for name in CLEAR | AMBIGUOUS}))}].)"
    rf"(?=[{''.join(sorted({name[0] for name in _PER}))}])"
)
_DIMENSIONS_ANCHOR = Anchor(re.compile(rf"[x×](?={SPACE}?[\d.])"), run=DECIMAL_DIGITS + SPACES)
_POWER_HINT = re.compile(
    rf"[²³23](?:(?<=[²³])|(?![A-Za-z0-9]))(?:(?<=[-\d{SPACES}]m.)|(?<=[kcm]m.)|(?<=(?:ft|mi|in|yd).))"
)


def unit_rules(say: Numbers, *, ambiguous: bool) -> tuple[Rule, ...]:
    """Each replaces the unit only and leaves its number for the rules of numbers. ``ambiguous``: also AMBIGUOUS."""
    names = CLEAR | AMBIGUOUS if ambiguous else CLEAR
    inches = r"(?<=(?:ft\.?|feet|foot) \d{1,2} )in"
    simple = regex.compile(rf"{_AFTER_NUMBER}(?P<unit>{any_of(names)}|{inches}){_AFTER_UNIT})")
    unit, unit_per, power_of_unit = (_unit(part, british=say.british) for part in ("unit", "per", "power"))
    return (
        Rule("angle", _ANGLE, _angle, frozenset("°"), anchor=_ANGLE_ANCHOR),
        Rule("degrees", _DEGREES, _degrees, frozenset("°º℃℉"), anchor=_DEGREES_ANCHOR),
        Rule("percent", _PERCENT, lambda _: " percent", frozenset("%％"), anchor=_PERCENT_ANCHOR),
        Rule("per mille", _PER_MILLE, lambda _: " per mille", frozenset("‰")),
        Rule(
            "unit per unit",
            regex.compile(_PER_UNIT),
            unit_per,
            frozenset("/"),
            DIGITS,
            hint=_PER_UNIT_HINT,
        ),
        Rule(
            "square and cubic units",
            regex.compile(f"{_AFTER_NUMBER}{_POWER})"),
            power_of_unit,
            DIGITS,
            LETTERS,
            hint=_POWER_HINT,
        ),
        Rule("unit", simple, unit, DIGITS, LETTERS, anchor=_UNIT_ANCHOR),
        Rule("dimensions", _DIMENSIONS, lambda _: " by ", frozenset("x×"), DIGITS, anchor=_DIMENSIONS_ANCHOR),
    )


def _unit(part: str, *, british: bool) -> Callable[[regex.Match[str]], str]:
    """The replacement of a pattern with the group ``part``: "per" or "power", or "unit" where it has neither."""

    def read(match: regex.Match[str], *, is_one: bool) -> str:
        gap, unit, more = match.group("gap", "unit", part)
        name = CLEAR.get(unit) or AMBIGUOUS[unit]
        words = _named(f"{_POWERS[more]} {name}" if part == "power" else name, singular=is_one or gap == "-")
        words += f" per {_PER[more]}" if part == "per" else ""
        if british:
            words = words.replace("meter", "metre").replace("liter", "litre")
        return words if gap else f" {words}"

    one = remembered(functools.partial(read, is_one=True))
    many = remembered(functools.partial(read, is_one=False))

    def unit(match: regex.Match[str]) -> str:
        text = match.string
        return one(match) if text[match.start()] == "1" and _is_one(text, match.start("it")) else many(match)

    return unit


def _is_one(text: str, end: int) -> bool:
    """Whether the number before ``end`` is 1."""
    return _ONE.search(text, max(0, end - 4), end) is not None


def _named(name: str, *, singular: bool) -> str:
    if name in _SPELLED:
        return _SPELLED[name]
    if singular:
        return name
    if name in _IRREGULAR or name.endswith("hertz"):
        return _IRREGULAR.get(name, name)
    head, *rest = name.split(" per ")
    first, _, second = head.partition(" ")
    counted = f"degrees {second}" if first == "degree" else plural(head)
    return " per ".join([counted, *rest])


def _degrees(match: regex.Match[str]) -> str:
    text, start = match.string, match.start()
    words = ("degree" if _is_one(text, start) else "degrees") + _TEMPERATURES.get(match["scale"] or "", "")
    return f" {words}" if text[start - 1 : start].isdecimal() else words


def _angle(match: regex.Match[str]) -> str:
    sides = {"N": "north", "S": "south", "E": "east", "W": "west"}
    parts = [
        f"{match[part]} {part[:-1] if match[part] == '1' else part}"
        for part in ("degrees", "minutes", "seconds")
        if match[part]
    ]
    return " ".join([*parts, *([sides[match["side"]]] if match["side"] else [])])
