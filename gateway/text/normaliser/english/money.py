"""Amounts of money."""

from __future__ import annotations

import re
from typing import NamedTuple

import regex

from gateway.text.normaliser.english.numbers import Numbers
from gateway.text.normaliser.english.patterns import (
    BEGIN,
    DASH,
    DECIMAL_DIGITS,
    NUMBER,
    NUMBER_BEGINS,
    SPACE,
    SPACES,
    any_of,
)
from gateway.text.rules import DIGITS, Anchor, Rule, remembered


class Currency(NamedTuple):
    one: str
    many: str
    small_one: str = ""
    """The hundredth part; empty where nobody uses it."""
    small_many: str = ""


_DOLLAR = Currency("dollar", "dollars", "cent", "cents")
_POUND = Currency("pound", "pounds", "penny", "pence")
_EURO = Currency("euro", "euros", "cent", "cents")
_YEN = Currency("yen", "yen")


def _dollars_of(country: str) -> Currency:
    return Currency(f"{country} dollar", f"{country} dollars", "cent", "cents")


CURRENCIES: dict[str, Currency] = {
    "$": _DOLLAR,
    "£": _POUND,
    "€": _EURO,
    "¥": _YEN,
    "￥": _YEN,
    "₹": Currency("rupee", "rupees", "paisa", "paise"),
    "₩": Currency("won", "won"),
    "₽": Currency("rouble", "roubles", "kopeck", "kopecks"),
    "₺": Currency("lira", "lira"),
    "₪": Currency("shekel", "shekels"),
    "₫": Currency("dong", "dong"),
    "₴": Currency("hryvnia", "hryvnia"),
    "฿": Currency("baht", "baht"),
    "₦": Currency("naira", "naira"),
    "₱": Currency("peso", "pesos"),
    "₿": Currency("bitcoin", "bitcoins"),
    "US$": _dollars_of("U.S"),
    "A$": _dollars_of("Australian"),
    "AU$": _dollars_of("Australian"),
    "C$": _dollars_of("Canadian"),
    "CA$": _dollars_of("Canadian"),
    "NZ$": _dollars_of("New Zealand"),
    "HK$": _dollars_of("Hong Kong"),
    "S$": _dollars_of("Singapore"),
    "R$": Currency("real", "reals", "centavo", "centavos"),
}
CODES: dict[str, Currency] = {
    "USD": _dollars_of("U.S"),
    "AUD": _dollars_of("Australian"),
    "CAD": _dollars_of("Canadian"),
    "NZD": _dollars_of("New Zealand"),
    "EUR": _EURO,
    "GBP": _POUND,
    "JPY": _YEN,
    "CNY": Currency("yuan", "yuan"),
    "RMB": Currency("yuan", "yuan"),
    "INR": CURRENCIES["₹"],
    "KRW": CURRENCIES["₩"],
    "RUB": CURRENCIES["₽"],
    "CHF": Currency("Swiss franc", "Swiss francs", "centime", "centimes"),
    "SEK": Currency("Swedish krona", "Swedish kronor"),
    "NOK": Currency("Norwegian krone", "Norwegian kroner"),
    "DKK": Currency("Danish krone", "Danish kroner"),
    "PLN": Currency("zloty", "zlotys"),
    "MXN": Currency("Mexican peso", "Mexican pesos"),
    "BTC": CURRENCIES["₿"],
}
SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "mio": "million",
    "MM": "million", "bn": "billion", "b": "billion", "B": "billion", "tn": "trillion", "T": "trillion",
    "t": "trillion", "tr": "trillion",
} | {word: word for word in ("hundred", "thousand", "million", "billion", "trillion")}  # fmt: skip

_SIGNS = frozenset(sign[-1] for sign in CURRENCIES)
_SIGN = rf"(?P<sign>[{''.join(sign for sign in CURRENCIES if len(sign) == 1)}])"
_SIGN_OF_COUNTRY = rf"\b(?P<sign>{any_of(sign for sign in CURRENCIES if len(sign) > 1)})"
_CODE = rf"\b(?P<code>{any_of(CODES)})"
_SCALE = rf"(?:(?:{SPACE}|-)?(?P<scale>{any_of(SCALES)})(?![\p{{L}}\p{{N}}]))?"
_AMOUNT = rf"(?P<minus>[-−])?(?P<amount>{NUMBER})"
_RANGE = rf"(?:(?:{SPACE}?{DASH}{SPACE}?| to )(?P<upper>{NUMBER}))?"
_ADJECTIVE = (
    rf"(?P<adjective>-(?=\p{{L}}{{2}})|(?={SPACE}(?:bill|note|coin|fee|fine|ticket|deal|tip|deposit|price|prize)\b))?+"
)
_TAIL = rf"{_RANGE}{_SCALE}{_ADJECTIVE}(?!\p{{N}}|[.,]\p{{N}})"


_MINUS_BEFORE_MONEY = regex.compile(rf"(?<![\p{{L}}\p{{N}})])[-−](?=(?:{any_of(CURRENCIES)}){SPACE}?\d)")
_MINUS_BEFORE_MONEY_HINT = re.compile(rf"[-−](?=[A-Z]{{0,2}}[{''.join(sorted(_SIGNS))}]{SPACE}?\d)(?<![0-9A-Za-z)].)")
_MONEY_SIGN_OF_A_COUNTRY = regex.compile(rf"{_SIGN_OF_COUNTRY}{SPACE}?{_AMOUNT}{_TAIL}")
_MONEY_SIGN_OF_A_COUNTRY_HINT = re.compile(
    rf"\$(?<=[{''.join(sorted({sign[-2] for sign in CURRENCIES if len(sign) > 1}))}].)"
)
_MONEY_SIGN_FIRST = regex.compile(rf"{_SIGN}{SPACE}?{_AMOUNT}{_TAIL}")
_MONEY_SIGN_FIRST_ANCHOR = Anchor(re.compile(rf"[{''.join(sorted(_SIGNS))}](?={SPACE}?[-−]?[\d.])"))
_MONEY_CODE_FIRST = regex.compile(rf"{_CODE}{SPACE}?{_AMOUNT}{_TAIL}")
_MONEY_CODE_FIRST_HINT = regex.compile(rf"[A-Z]{{3}}{SPACE}?[-−]?\.?[0-9]")
_MONEY_SIGN_LAST = regex.compile(
    rf"{BEGIN}(?P<amount>{NUMBER})(?=[-‐‑‒–−$£€¥₹₩₽₺₪₫₴฿₦₱₿A-Za-z]|{SPACE}){_RANGE}{_SCALE}"
    rf"{SPACE}?(?P<unit>[£€¥₹₩₽₺₪₫₴฿₦₱₿]|\$(?![\d.])|(?:{any_of(CODES)})\b)(?P<minus>(?!))?(?P<adjective>(?!))?"
)
_ENDS_OF_SCALES = "".join(sorted({scale[-1] for scale in SCALES}))
_MONEY_SIGN_LAST_ANCHOR = Anchor(
    re.compile(
        rf"[£€¥₹₩₽₺₪₫₴฿₦₱₿${''.join(sorted({code[0] for code in CODES}))}]"
        rf"(?:(?<=[\d{_ENDS_OF_SCALES}].)|(?<=[\d{_ENDS_OF_SCALES}]{SPACE}.))"
        rf"(?:(?<=[A-Z])(?={any_of(code[1:] for code in CODES)})|(?<=\$)(?![\d.])|(?<=[£€¥₹₩₽₺₪₫₴฿₦₱₿]))"
    ),
    run="".join(sorted({*DECIMAL_DIGITS, *SPACES, *".,to-‐‑‒–−", *"".join(SCALES)})),
    begin=NUMBER_BEGINS,
)
_CENTS = regex.compile(rf"{BEGIN}(?P<amount>\d{{1,6}}+){SPACE}?¢")
_PENCE = regex.compile(rf"{BEGIN}(?P<amount>\d{{1,3}}+)p(?![\p{{L}}\p{{N}}])")


def money_rules(say: Numbers) -> tuple[Rule, ...]:
    def before(match: regex.Match[str]) -> str:
        return spoken_amount(say, CURRENCIES[match["sign"]], match)

    def after_code(match: regex.Match[str]) -> str:
        return spoken_amount(say, CODES[match["code"]], match)

    def after(match: regex.Match[str]) -> str:
        unit = match["unit"]
        return spoken_amount(say, CURRENCIES.get(unit) or CODES[unit], match)

    return (
        Rule("minus before money", _MINUS_BEFORE_MONEY, lambda _: "minus ", _SIGNS, hint=_MINUS_BEFORE_MONEY_HINT),
        Rule(
            "money, sign of a country",
            _MONEY_SIGN_OF_A_COUNTRY,
            before,
            frozenset("$"),
            hint=_MONEY_SIGN_OF_A_COUNTRY_HINT,
        ),
        Rule(
            "money, sign first",
            _MONEY_SIGN_FIRST,
            remembered(before, 0, "adjective"),
            _SIGNS,
            anchor=_MONEY_SIGN_FIRST_ANCHOR,
        ),
        Rule("money, code first", _MONEY_CODE_FIRST, after_code, DIGITS, hint=_MONEY_CODE_FIRST_HINT),
        Rule(
            "money, sign last",
            _MONEY_SIGN_LAST,
            remembered(after),
            _SIGNS | frozenset(code[0] for code in CODES),
            DIGITS,
            anchor=_MONEY_SIGN_LAST_ANCHOR,
        ),
        Rule(
            "cents",
            _CENTS,
            lambda match: f"{say.cardinal(match['amount'])} {'cent' if match['amount'] == '1' else 'cents'}",
            frozenset("¢"),
        ),
        Rule(
            "pence",
            _PENCE,
            lambda match: (
                f"{say.cardinal(match['amount'])} {'penny' if match['amount'] == '1' else 'pence'}"
                if say.british
                else f"{say.cardinal(match['amount'])} p"
            ),
            frozenset("p"),
        ),
    )


def spoken_amount(say: Numbers, currency: Currency, match: regex.Match[str]) -> str:
    """The amount of a match with the groups of ``_AMOUNT`` and ``_TAIL``."""
    amount, is_negative, scale, upper, adjective = match.group("amount", "minus", "scale", "upper", "adjective")
    minus = "minus " if is_negative else ""
    if not (scale or upper or adjective is not None):
        return minus + plain_amount(say, currency, amount)
    to = f" to {say.number(upper)}" if upper else ""
    singular = adjective is not None or (amount == "1" and not upper and not scale)
    scaled = f" {SCALES[scale]}" if scale else ""
    unit = currency.one if singular else currency.many
    return f"{minus}{say.number(amount)}{to}{scaled} {unit}{' ' if adjective else ''}"


def plain_amount(say: Numbers, currency: Currency, amount: str) -> str:
    """ "1.20" is one dollar and twenty cents; with other than two decimals, one point two dollars."""
    whole, _, small = amount.partition(".")
    whole = whole or "0"
    if not small or (len(small) == 2 and small == "00"):
        return f"{say.cardinal(whole)} {currency.one if whole == '1' else currency.many}"
    if len(small) != 2 or not currency.small_one:
        return f"{say.number(amount)} {currency.many}"
    cents = f"{say.cardinal(str(int(small)))} {currency.small_one if small == '01' else currency.small_many}"
    if not whole.strip("0,"):
        return cents
    return f"{say.cardinal(whole)} {currency.one if whole == '1' else currency.many} and {cents}"
