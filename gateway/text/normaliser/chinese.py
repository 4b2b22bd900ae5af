"""Mandarin: numbers, dates, amounts and signs in Han characters, which its G2P reads. Numbers by cn2an.

Units are read whether asked for or not: their Latin letters would else be spelt in English.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable

import cn2an
import regex

from gateway.text.languages import Language
from gateway.text.normaliser.grammar import Mixed, glossary
from gateway.text.normaliser.groups import by_groups
from gateway.text.normaliser.numerals import Wording, fraction_rules, power_rules
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import DIGITS, AnyRule, Rule

_DIGITS = dict(zip("0123456789.", "零一二三四五六七八九点", strict=True))
_MAX_DIGITS = 16
_NUMBER = r"(?<![\d.,])(?:\d{1,3}(?:,\d{3}){1,5}(?![\d])(?:\.\d++)?|\d++(?:\.\d++)?+)"
_COUNTED = "个只次本张位天年岁条件口杯瓶双对辆台家间层周分秒公千万亿百"
_CURRENCIES = glossary(
    "¥, ￥, CNY, RMB, 元 = 元; $, US$, USD = 美元; €, EUR = 欧元; £, GBP = 英镑; HK$, HKD = 港元; JPY = 日元"
)
_UNITS = glossary(
    "km = 公里; m = 米; cm = 厘米; mm = 毫米; kg = 公斤; g = 克; mg = 毫克; t = 吨; L, l = 升; mL, ml = 毫升;"
    "km/h = 公里每小时; m² = 平方米; km² = 平方公里; m³ = 立方米; °C, ℃ = 摄氏度; °F, ℉ = 华氏度; h = 小时; min = 分钟;"
    "s = 秒; GB = 吉字节; MB = 兆字节; kW = 千瓦"
)
_SIGNS = glossary("& = 和; % = 百分号; @ = 艾特; # = 井号; + = 加; × = 乘以; ÷ = 除以; < = 小于; > = 大于; ° = 度") | {
    "=": "等于"
}


def _join(upper: str, lower: str, value: int) -> str:
    return f"{upper}{'零' * (value < 1000)}{'一' * (10 <= value < 20)}{lower}"


_cardinal = by_groups(lambda number: str(cn2an.an2cn(str(number), "low")), _join, limit=10**8, group=10**4)


@functools.lru_cache(maxsize=4096)
def number(text: str) -> str:
    """A number as written, with a point or groups of three, in Han characters."""
    compact = text.replace(",", "")
    whole, _, decimals = compact.partition(".")
    if len(whole) > _MAX_DIGITS or (whole.startswith("0") and len(whole) > 1):
        return digits(compact)
    said = _cardinal(int(whole))
    return f"{said}点{digits(decimals)}" if decimals else said


def digits(text: str) -> str:
    return "".join(_DIGITS[char] for char in text)


def date(day: int | None, month: int | None, year: int | None) -> str:
    parts = [
        "" if year is None else f"{digits(str(year))}年",
        "" if month is None else f"{number(str(month))}月",
        "" if day is None else f"{number(str(day))}日",
    ]
    return "".join(parts)


def time(hours: int, minutes: int, seconds: int | None) -> str:
    said = f"{'两' if hours == 2 else number(str(hours))}点"
    if minutes or seconds is not None:
        said += f"{'零' * (minutes < 10)}{number(str(minutes))}分" if minutes else "整" * (seconds is None)
    return said if seconds is None else f"{said}{number(str(seconds))}秒"


def telephone(text: str) -> str:
    return "，".join(digits(group) for group in regex.findall(r"\d+", text))


def _date(match: regex.Match[str]) -> str:
    day, month = int(match["d"]), int(match["m"])
    return date(day, month, int(match["y"])) if 1 <= month <= 12 and 1 <= day <= 31 else match.group()


def _time(match: regex.Match[str]) -> str:
    hours, minutes = int(match["h"]), int(match["m"])
    seconds = int(match["s"]) if match["s"] else None
    return time(hours, minutes, seconds) if hours <= 24 and minutes < 60 else match.group()


def _fraction(match: regex.Match[str]) -> str:
    return f"{number(match['below'])}分之{number(match['above'])}"


def _named(names: dict[str, str]) -> str:
    return "|".join(regex.escape(name) for name in sorted(names, key=len, reverse=True))


def _digit_rule(name: str, pattern: str, read: Callable[[regex.Match[str]], str]) -> Rule:
    return Rule(name, regex.compile(pattern), read, DIGITS)


_SUPERSCRIPTS = str.maketrans("23", "²³")
_SQUARED = Rule(
    "words in a square",
    regex.compile(r"[\u3300-\u33ff]"),
    lambda match: unicodedata.normalize("NFKC", match.group()).translate(_SUPERSCRIPTS),
)
_DATES = (
    _digit_rule("dates", r"(?<![\w./-])(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?![\d./-])日?", _date),
    _digit_rule("years", r"(?<!\d)(?P<y>\d{4})(?=年(?!前|后|来|间))", lambda match: digits(match["y"])),
    _digit_rule("times", r"(?<![\d:.])(?P<h>\d{1,2})[:：](?P<m>\d{2})(?:[:：](?P<s>\d{2}))?(?![\d:])", _time),
)
_PHONES = _digit_rule(
    "phones",
    r"(?<![\w.,-])(?:\+\d{1,3}[ -]?)?(?:1[3-9]\d(?:[ -]?\d{4}){2}|0\d{2,3}[ "
    r"-]\d{7,8}|\d{3,4}(?:-\d{3,4}){1,3})(?![\d.-])",
    lambda match: telephone(match.group()),
)
_AMOUNTS = (
    _digit_rule("ranges", r"(?<=\d[%℃年月日点]?)[-–—~～〜](?=\d)", lambda _: "到"),
    Rule("minus", regex.compile(r"(?<![\w)])[-−](?=\d)"), lambda _: "负", frozenset("-−")),
    _digit_rule(
        "money",
        rf"(?P<name>{_named(_CURRENCIES)}) ?(?P<number>{_NUMBER})(?P<scale>[万亿]?)",
        lambda match: f"{number(match['number'])}{match['scale']}{_CURRENCIES[match['name']]}",
    ),
    _digit_rule(
        "money after",
        rf"(?P<number>{_NUMBER})(?P<scale>[万亿]?) ?(?P<name>{_named(_CURRENCIES)})(?![A-Za-z])",
        lambda match: f"{number(match['number'])}{match['scale']}{_CURRENCIES[match['name']]}",
    ),
    _digit_rule("percent", rf"(?P<number>{_NUMBER}) ?[%％]", lambda match: f"百分之{number(match['number'])}"),
    _digit_rule("per mille", rf"(?P<number>{_NUMBER}) ?‰", lambda match: f"千分之{number(match['number'])}"),
    _digit_rule(
        "units",
        rf"(?P<number>{_NUMBER}) ?(?P<name>{_named(_UNITS)})(?![A-Za-z\d])",
        lambda match: f"{number(match['number'])}{_UNITS[match['name']]}",
    ),
)
_NUMBERS = (
    _digit_rule("fractions", r"(?<![\w/.])(?P<above>\d{1,3})/(?P<below>\d{1,3})(?![\w/.])", _fraction),
    _digit_rule("ordinals", r"(?<=第)\d{1,9}", lambda match: number(match.group())),
    _digit_rule("two", rf"(?<![\d.,])2(?=[{_COUNTED}])", lambda _: "两"),
    _digit_rule("numbers", _NUMBER, lambda match: number(match.group())),
    _digit_rule("digits", r"\d++", lambda match: digits(match.group())),
)
_SIGN_RULE = Rule(
    "signs",
    regex.compile(rf"[{''.join(map(regex.escape, _SIGNS))}]"),
    lambda match: _SIGNS[match.group()],
    frozenset(_SIGNS),
)


def _mixed(mixed: Mixed) -> str:
    said = f"{number(str(mixed.fraction.denominator))}分之{number(str(mixed.fraction.numerator))}"
    return f"{number(mixed.whole)}又{said}" if mixed.whole else said


def _power(exponent: str) -> str:
    said = number(exponent.lstrip("-"))
    return {"2": "的平方", "3": "的立方"}.get(exponent) or f"的{'负' * exponent.startswith('-')}{said}次方"


_WORDING = Wording(_mixed, _power, (*_UNITS, *_CURRENCIES), is_spaced=False)


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:  # noqa: ARG001
    phones = [_PHONES] if options.phone_normalization else []
    signs = [_SIGN_RULE] if options.replace_remaining_symbols else []
    return (
        _SQUARED,
        *fraction_rules(_WORDING),
        *_DATES,
        *phones,
        *_AMOUNTS,
        *power_rules(_WORDING),
        *_NUMBERS,
        *signs,
    )


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    from gateway.text.normaliser.east_asian_say_as import Speaker, say_as_in

    def ordinal(text: str) -> str:
        return f"第{number(text)}"

    def letters(text: str) -> str:
        return "，".join(
            digits(char) if char.isascii() and char.isdigit() else char for char in text if not char.isspace()
        )

    speaker = Speaker(
        number=number,
        minus="负",
        ordinal=ordinal,
        digits=digits,
        telephone=telephone,
        date=date,
        time=time,
        fraction=lambda above, below: f"{number(below)}分之{number(above)}",
        characters=letters,
        currencies=_CURRENCIES,
        units=_UNITS,
    )
    return say_as_in(speaker, text, interpret_as, format)
