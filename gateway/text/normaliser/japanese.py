"""Japanese: what OpenJTalk would not read by itself. It reads numbers with their counters, so digits stay digits.

Units are read whether asked for or not: their Latin letters would else be spelt in English.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable

import regex
from num2words import num2words

from gateway.text.languages import Language
from gateway.text.normaliser.grammar import Mixed, glossary
from gateway.text.normaliser.numerals import Wording, fraction_rules, power_rules
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import DIGITS, AnyRule, Rule

_DIGITS = dict(zip("0123456789.", "ゼロ イチ ニ サン ヨン ゴ ロク ナナ ハチ キュウ 点".split(), strict=True))
_MAX_DIGITS = 16
_NUMBER = r"(?<![\d.,])(?:\d{1,3}(?:,\d{3}){1,5}(?![\d])(?:\.\d++)?|\d++(?:\.\d++)?+)"
_CURRENCIES = glossary(
    "¥, ￥, JPY = 円; $, US$, USD = ドル; €, EUR = ユーロ; £, GBP = ポンド; CNY = 元; ₩, KRW = ウォン"
)
_UNITS = glossary(
    "km = キロメートル; m = メートル; cm = センチメートル; mm = ミリメートル; kg = キログラム; g = グラム;"
    "mg = ミリグラム;"
    "t = トン; L, l = リットル; mL, ml = ミリリットル; km/h = キロメートル毎時; m², ㎡ = 平方メートル;"
    "km² = 平方キロメートル;"
    "m³ = 立方メートル; °C, ℃ = 度; °F, ℉ = 華氏度; h = 時間; min = 分; s = 秒; GB = ギガバイト; MB = メガバイト;"
    "kW = キロワット; ㎞ = キロメートル; ㎏ = キログラム; ㎝ = センチメートル"
)
_SIGNS = glossary(
    "& = アンド; % = パーセント; @ = アットマーク; # = シャープ; + = プラス; × = かける; ÷ = 割る; < = 小なり;"
    "> = 大なり;"
    "° = 度"
) | {"=": "イコール"}
_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "エー ビー シー ディー イー エフ ジー エイチ アイ ジェー ケー エル エム エヌ オー ピー キュー アール "
        "エス ティー ユー ブイ "
        "ダブリュー エックス ワイ ゼット".split(),
        strict=True,
    )
)


@functools.lru_cache(maxsize=4096)
def number(text: str) -> str:
    """A number as written, with a point or groups of three, in kanji."""
    compact = text.replace(",", "")
    whole, _, decimals = compact.partition(".")
    if len(whole) > _MAX_DIGITS or (whole.startswith("0") and len(whole) > 1):
        return digits(compact)
    said = str(num2words(int(whole), lang="ja"))
    return f"{said}点{digits(decimals)}" if decimals else said


def digits(text: str) -> str:
    return "".join(_DIGITS[char] for char in text)


def date(day: int | None, month: int | None, year: int | None) -> str:
    parts = [(year, "年"), (month, "月"), (day, "日")]
    return "".join(f"{value}{name}" for value, name in parts if value is not None)


def time(hours: int, minutes: int, seconds: int | None) -> str:
    said = f"{hours}時" + (f"{minutes}分" if minutes or seconds is not None else "")
    return said if seconds is None else f"{said}{seconds}秒"


def telephone(text: str) -> str:
    return "、".join(digits(group) for group in regex.findall(r"\d+", text))


def _date(match: regex.Match[str]) -> str:
    day, month = int(match["d"]), int(match["m"])
    return date(day, month, int(match["y"])) if 1 <= month <= 12 and 1 <= day <= 31 else match.group()


def _time(match: regex.Match[str]) -> str:
    hours, minutes = int(match["h"]), int(match["m"])
    seconds = int(match["s"]) if match["s"] else None
    return time(hours, minutes, seconds) if hours <= 24 and minutes < 60 else match.group()


def _named(names: dict[str, str]) -> str:
    return "|".join(regex.escape(name) for name in sorted(names, key=len, reverse=True))


def _digit_rule(name: str, pattern: str, read: Callable[[regex.Match[str]], str]) -> Rule:
    return Rule(name, regex.compile(pattern), read, DIGITS)


def _ungrouped(match: regex.Match[str]) -> str:
    return match["number"].replace(",", "")


_SUPERSCRIPTS = str.maketrans("23", "²³")
_SQUARED = Rule(
    "words in a square",
    regex.compile(r"[\u3300-\u33ff]"),
    lambda match: unicodedata.normalize("NFKC", match.group()).translate(_SUPERSCRIPTS),
)
_KANJI_DIGITS = "〇一二三四五六七八九十百千万億兆"
_CIRCLES = Rule(
    "circles",
    regex.compile(
        rf"(?<![{_KANJI_DIGITS}\d])〇(?![{_KANJI_DIGITS}\d])"
        r"|[○◯](?=[○◯\p{Han}\p{Hiragana}\p{Katakana}])|(?<=[○◯])[○◯]"
    ),
    lambda _: "マル",
    frozenset("〇○◯"),
)
"""As a mark, or in place of a name; in katakana, which stays apart from the particles around it."""

_DATES = (
    _digit_rule("dates", r"(?<![\w./-])(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?![\d./-])", _date),
    _digit_rule("times", r"(?<![\d:.])(?P<h>\d{1,2})[:：](?P<m>\d{2})(?:[:：](?P<s>\d{2}))?(?![\d:])", _time),
)
_PHONES = _digit_rule(
    "phones",
    r"(?<![\w.,-])(?:\+\d{1,3}[ -]?\d{1,4}|0\d{1,4})(?:[ -]\d{2,4}){1,3}(?![\d.-])",
    lambda match: telephone(match.group()),
)
_AMOUNTS = (
    _digit_rule("ranges", r"(?<=\d[%度年月日時分円]?)[-–—~～〜](?=\d)", lambda _: "から"),
    Rule("minus", regex.compile(r"(?<![\w)])[-−](?=\d)"), lambda _: "マイナス", frozenset("-−")),
    _digit_rule(
        "money",
        rf"(?P<name>{_named(_CURRENCIES)}) ?(?P<number>{_NUMBER})(?P<scale>[万億兆]?)",
        lambda match: f"{_ungrouped(match)}{match['scale']}{_CURRENCIES[match['name']]}",
    ),
    _digit_rule(
        "money after",
        rf"(?P<number>{_NUMBER})(?P<scale>[万億兆]?) ?(?P<name>{_named(_CURRENCIES)})(?![A-Za-z])",
        lambda match: f"{_ungrouped(match)}{match['scale']}{_CURRENCIES[match['name']]}",
    ),
    _digit_rule("percent", rf"(?P<number>{_NUMBER}) ?[%％]", lambda match: f"{_ungrouped(match)}パーセント"),
    _digit_rule(
        "units",
        rf"(?P<number>{_NUMBER}) ?(?P<name>{_named(_UNITS)})(?![A-Za-z\d])",
        lambda match: f"{_ungrouped(match)}{_UNITS[match['name']]}",
    ),
)
_NUMBERS = (
    _digit_rule(
        "fractions",
        r"(?<![\w/.])(?P<above>\d{1,3})/(?P<below>\d{1,3})(?![\w/.])",
        lambda match: f"{match['below']}分の{match['above']}",
    ),
    _digit_rule(
        "digits one by one",
        rf"(?<![\d.,])(?:0\d++|\d{{{_MAX_DIGITS + 1},}}+)(?![.,]?\d)",
        lambda match: digits(match.group()),
    ),
    _digit_rule("grouped numbers", r"(?<![\d.,])(?P<number>\d{1,3}(?:,\d{3}){1,5})(?!\d)", _ungrouped),
)
_SIGN_RULE = Rule(
    "signs",
    regex.compile(rf"[{''.join(map(regex.escape, _SIGNS))}]"),
    lambda match: _SIGNS[match.group()],
    frozenset(_SIGNS),
)


def _mixed(mixed: Mixed) -> str:
    said = f"{mixed.fraction.denominator}分の{mixed.fraction.numerator}"
    return f"{mixed.whole}と{said}" if mixed.whole else said


def _power(exponent: str) -> str:
    return f"の{exponent.replace('-', 'マイナス')}乗"


_WORDING = Wording(_mixed, _power, (*_UNITS, *_CURRENCIES), is_spaced=False)


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:  # noqa: ARG001
    phones = [_PHONES] if options.phone_normalization else []
    signs = [_SIGN_RULE] if options.replace_remaining_symbols else []
    return (
        _SQUARED,
        _CIRCLES,
        *fraction_rules(_WORDING),
        *_DATES,
        *phones,
        *_AMOUNTS,
        *power_rules(_WORDING),
        *_NUMBERS,
        *signs,
    )


def _characters(text: str) -> str:
    said = (_LETTERS.get(char.casefold()) or _DIGITS.get(char) or char for char in text if not char.isspace())
    return "、".join(said)


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    from gateway.text.normaliser.east_asian_say_as import Speaker, say_as_in

    speaker = Speaker(
        number=number,
        minus="マイナス",
        ordinal=lambda text: f"{number(text)}番目",
        digits=digits,
        telephone=telephone,
        date=date,
        time=time,
        fraction=lambda above, below: f"{below}分の{above}",
        characters=_characters,
        currencies=_CURRENCIES,
        units=_UNITS,
    )
    return say_as_in(speaker, text, interpret_as, format)
