"""Units of measurement after a number; temperatures, angles and percentages."""

from __future__ import annotations

import regex

from gateway.text.normaliser.english.numbers import Numbers, plural
from gateway.text.normaliser.english.patterns import BEGIN, NUMBER, SPACE, any_of
from gateway.text.rules import DIGITS, Rule

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
    "in": "inch", "in.": "inch", "V": "volt", "W": "watt", "A": "amp", "J": "joule", "N": "newton", "Gb": "gigabit", "Mb": "megabit", "kb": "kilobit", "C": "degree Celsius", "F": "degree Fahrenheit",
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


def unit_rules(say: Numbers, *, ambiguous: bool) -> tuple[Rule, ...]:
    """Each replaces the unit only and leaves its number for the rules of numbers. ``ambiguous``: also AMBIGUOUS."""
    names = CLEAR | AMBIGUOUS if ambiguous else CLEAR
    after_number = rf"[0-9](?:(?P<space>{SPACE})|(?P<hyphen>-))?(?P<it>(?=\p{{L}})"
    compound = rf"(?P<unit>{any_of(names | AMBIGUOUS)})/(?P<per>{any_of(_PER)})(?![\p{{L}}\p{{N}}²³])"
    power = rf"(?P<unit>{any_of(_LENGTHS)})(?P<power>[²³]|[23](?=[^\p{{L}}\p{{N}}.,]|\Z|[.,](?!\d)))"
    simple = rf"(?P<unit>{any_of(names)}|(?<=(?:ft\.?|feet|foot) \d{{1,2}} )in)(?![\p{{L}}\p{{N}}²³/^'’]|-\p{{L}})"

    def unit(match: regex.Match[str]) -> str:
        found = match.groupdict()
        name = names.get(match["unit"]) or AMBIGUOUS[match["unit"]]
        if found.get("power"):
            name = f"{_POWERS[match['power']]} {name}"
        singular = (
            _ONE.search(match.string, max(0, match.start() - 3), match.start("it")) is not None
            or match["hyphen"] is not None
        )
        words = _named(name, singular=singular)
        if found.get("per"):
            words += f" per {_PER[match['per']]}"
        if say.british:
            words = words.replace("meter", "metre").replace("liter", "litre")
        return words if match["space"] or match["hyphen"] else f" {words}"

    return (
        *_degrees(),
        Rule(
            "percent", regex.compile(rf"[0-9](?P<it>{SPACE}?[%％])(?!\p{{L}})"), lambda _: " percent", frozenset("%％")
        ),
        Rule("per mille", regex.compile(r"[0-9](?P<it> ?‰)"), lambda _: " per mille", frozenset("‰")),
        Rule(
            "unit per unit",
            regex.compile(f"{after_number}{compound})"),
            unit,
            frozenset("/"),
            hint=regex.compile(r"\p{L}/[\p{L}1]"),
        ),
        Rule(
            "square and cubic units",
            regex.compile(f"{after_number}{power})"),
            unit,
            DIGITS,
            hint=regex.compile(r"\p{L}[²³23]"),
        ),
        Rule(
            "unit",
            regex.compile(f"{after_number}{simple})"),
            unit,
            DIGITS,
            hint=regex.compile(r"[0-9](?:[ \u00a0\u2009\u202f]|-)?\p{L}"),
        ),
        Rule(
            "dimensions",
            regex.compile(
                rf"[0-9](?<!(?<![\d.,])0)(?P<it>{SPACE}?[x×]{SPACE}?)(?=(?!10[\^⁻⁰¹²³⁴-⁹]){NUMBER}(?!{SPACE}?=))"
            ),
            lambda _: " by ",
            frozenset("x×"),
        ),
    )


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


def _degrees() -> tuple[Rule, ...]:
    def degrees(match: regex.Match[str]) -> str:
        text, start = match.string, match.start()
        one = _ONE.search(text, max(0, start - 4), start) is not None
        scale = _TEMPERATURES.get(match["scale"] or "", "")
        return f"{' ' if text[start - 1 : start].isdecimal() else ''}{'degree' if one else 'degrees'}{scale}"

    return (
        Rule(
            "angle",
            regex.compile(
                rf"(?P<degrees>{BEGIN}\d{{1,3}}+(?:\.\d{{1,8}}+)?)°{SPACE}?(?:(?P<minutes>\d{{1,2}}+(?:\.\d{{1,8}}+)?)['’′]{SPACE}?"
                rf"(?:(?P<seconds>\d{{1,2}}+(?:\.\d{{1,8}}+)?)(?:''|[\"”″]){SPACE}?)?)?(?P<side>[NSEW])?(?!\p{{L}})(?<!°|° )"
            ),
            _angle,
            frozenset("°"),
        ),
        Rule(
            "degrees",
            regex.compile(r"[°º] ?(?P<scale>[CFK])(?!\p{L})|(?<=\d ?)[°º]|(?P<scale>[℃℉])"),
            degrees,
            frozenset("°º℃℉"),
        ),
    )


def _angle(match: regex.Match[str]) -> str:
    sides = {"N": "north", "S": "south", "E": "east", "W": "west"}
    parts = [
        f"{match[part]} {part[:-1] if match[part] == '1' else part}"
        for part in ("degrees", "minutes", "seconds")
        if match[part]
    ]
    return " ".join([*parts, *([sides[match["side"]]] if match["side"] else [])])
