"""The rules that Spanish, French, Hindi, Italian and Portuguese share, over the ``Grammar`` of each."""

from __future__ import annotations

import regex

from gateway.text.normaliser.grammar import (
    SPACES,
    Grammar,
    Noun,
    apart,
    counted,
    fraction,
    money,
    number_pattern,
    parse,
    spoken_number,
    spoken_whole,
    telephone,
)
from gateway.text.normaliser.numerals import Wording, fraction_rules, power_rules
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import DIGITS, AnyRule, Rule

_FOLLOWING = regex.compile(rf"[{SPACES}](\p{{Ll}}{{2,24}})")
_ONE_NUMBER = regex.compile(r"\d{1,3}(?:\.\d{3})+")
_SENTENCE_ENDS = regex.compile(r"[^\S\n]*(?:\Z|\n|(?<=\s)[¿¡«“\"]?\p{Lu})")
"""After an abbreviation whose stop is the sentence's as well."""


def rules(grammar: Grammar, options: NormalizationOptions) -> tuple[AnyRule, ...]:
    """The table, without what ``options`` switch off."""
    marks = {name for name in (*grammar.units, *grammar.currencies) if not name.endswith(".")}
    wording = Wording(grammar.mixed, grammar.power, marks, grammar.decimal_mark)
    table: list[AnyRule] = [*grammar.extra]
    if options.url_normalization or options.email_normalization:
        table += _addresses(grammar, options)
    table.append(_abbreviations(grammar))
    table += fraction_rules(wording)
    table += _times_and_dates(grammar)
    if options.phone_normalization:
        table.append(_phones(grammar))
    table += _signs_of_numbers(grammar)
    table += _amounts(grammar, units=options.unit_normalization or grammar.always_units)
    table += power_rules(wording)
    table += _numbers(grammar)
    if options.replace_remaining_symbols:
        table.append(_symbols(grammar))
    return tuple(table)


def _addresses(grammar: Grammar, options: NormalizationOptions) -> list[Rule]:
    names = {".": grammar.dot, "@": grammar.at, "/": grammar.symbols["/"], "-": grammar.symbols["-"]}
    names |= {"_": grammar.symbols["_"], ":": ""}

    def read(match: regex.Match[str]) -> str:
        address = regex.sub(r"\Ahttps?://", "", match.group()).rstrip("/")
        return " ".join("".join(f" {names[char]} " if char in names else char for char in address).split())

    label = r"[\p{L}\d](?:[\p{L}\d_-]{0,62}[\p{L}\d])?+"
    table = []
    if options.email_normalization:
        pattern = rf"(?<![\p{{L}}\d._%+-])[\p{{L}}\d._%+-]{{1,64}}+@{label}(?:\.{label}){{1,8}}+"
        table.append(Rule("e-mail", regex.compile(pattern), read, frozenset("@")))
    if options.url_normalization:
        path = r"(?:/[\p{L}\d_./~-]{0,200}+(?<![.]))?"
        pattern = rf"(?<![\p{{L}}\d@.])(?:https?://(?:{label}\.){{1,8}}+{label}|www(?:\.{label}){{2,8}}+){path}"
        table.append(Rule("url", regex.compile(pattern), read, frozenset(".")))
    return table


def _abbreviations(grammar: Grammar) -> Rule:
    known = sorted(grammar.abbreviations, key=len, reverse=True)
    pattern = rf"(?<![\p{{L}}\d.])(?:{'|'.join(map(regex.escape, known))})(?![\p{{L}}\d])"

    def read(match: regex.Match[str]) -> str:
        said = grammar.abbreviations[match.group()]
        ends = match.group() in grammar.may_end and _SENTENCE_ENDS.match(match.string, match.end())
        return f"{said}." if ends else said

    return Rule("abbreviations", regex.compile(pattern), read)


def _times_and_dates(grammar: Grammar) -> list[Rule]:
    def date(match: regex.Match[str]) -> str:
        day, month, year = (int(match[name]) for name in ("d", "m", "y"))
        return grammar.date(day, month, year) if 1 <= month <= 12 and 1 <= day <= 31 else match.group()

    def time(match: regex.Match[str]) -> str:
        hours, minutes = int(match["h"]), int(match["m"] or 0)
        seconds = int(match["s"]) if match["s"] else None
        return grammar.time(hours, minutes, seconds) if hours <= 24 and minutes < 60 else match.group()

    iso = r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"
    local = r"(?P<d>\d{1,2})(?P<mark>[/.-])(?P<m>\d{1,2})(?P=mark)(?P<y>\d{4})"
    clock = rf"(?P<h>\d{{1,2}}){grammar.time_marks}"
    return [
        Rule(name, regex.compile(rf"(?<![\w.,/-]){pattern}(?![\w/-]|[.,]\d)"), read, DIGITS)
        for name, pattern, read in (("ISO dates", iso, date), ("dates", local, date), ("times", clock, time))
    ]


def _phones(grammar: Grammar) -> Rule:
    pattern = (
        r"(?<![\w.,-])(?:\+\d{1,3}(?:[ -]?\(?\d{1,5}\)?)(?:[ -]\d{2,6}){1,5}|\(\d{2,4}\)(?:[ -]?\d{3,6}){1,3}"
        r"|0\d{1,4}(?:[ -]\d{2,6}){1,5}|\d{2,4}(?:-\d{3,4}){2,3})(?![\w-]|[.,]\d)"
    )
    return Rule("phones", regex.compile(pattern), lambda match: telephone(match.group(), grammar), DIGITS)


def _amounts(grammar: Grammar, *, units: bool) -> list[Rule]:
    number = number_pattern(grammar)
    names = "|".join(regex.escape(name) for name in sorted(grammar.currencies, key=len, reverse=True))
    space = rf"[{SPACES}]?"
    scale = rf"(?:[{SPACES}](?P<scale>{grammar.scales})(?!\p{{L}}))?"

    def price(match: regex.Match[str]) -> str:
        noun, text = grammar.currencies[match["name"]], match["number"]
        if match["scale"]:
            said = f"{spoken_number(parse(text, grammar), grammar, Noun('', ''))} {match['scale']}"
            return " ".join(filter(None, (said, grammar.of, noun.many)))
        return money(text, noun, grammar)

    before = rf"(?<!\p{{L}})(?P<name>{names}){space}(?P<number>{number}){scale}"
    after = rf"(?P<number>{number}){scale}{space}(?P<name>{names})(?!\p{{L}})"
    table = [
        Rule("money", regex.compile(before), price, DIGITS),
        Rule("money after", regex.compile(after), price, DIGITS),
    ]
    table.append(
        Rule(
            "percent",
            regex.compile(rf"(?P<number>{number}){space}%"),
            lambda match: f"{spoken_number(parse(match['number'], grammar), grammar)} {grammar.percent}",
            frozenset("%"),
        )
    )
    if units:
        names = "|".join(regex.escape(name) for name in sorted(grammar.units, key=len, reverse=True))
        pattern = rf"(?P<number>{number}){space}(?P<name>{names})(?![\p{{L}}\d])"
        table.append(
            Rule(
                "units",
                regex.compile(pattern),
                lambda match: counted(match["number"], grammar.units[match["name"]], grammar),
                DIGITS,
            )
        )
    return table


def _signs_of_numbers(grammar: Grammar) -> list[Rule]:
    """Of ranges and negative numbers, before anything else is done to the numbers."""
    between = rf"(?<=\d[{SPACES}]?[%€$£°CF]{{0,2}})[{SPACES}]?[–—-][{SPACES}]?(?=[€$£]?\d)"
    return [
        Rule("ranges", regex.compile(between), lambda _: f" {grammar.through} ", frozenset("–—-")),
        Rule("minus", regex.compile(r"(?<![\w)])[-−](?=[€$£]?\d)"), lambda _: f"{grammar.minus} ", frozenset("-−")),
    ]


def _numbers(grammar: Grammar) -> list[Rule]:
    def ordinal(match: regex.Match[str]) -> str:
        return grammar.ordinal(int(match["number"]), match["feminine"] is not None)

    def dotted(match: regex.Match[str]) -> str:
        if "." in grammar.group_marks and _ONE_NUMBER.fullmatch(match.group()):
            return match.group()
        parts = (spoken_whole(part, grammar) for part in match.group().split("."))
        return apart(match, f" {grammar.dot} ".join(parts))

    def plain(match: regex.Match[str]) -> str:
        following = _FOLLOWING.match(match.string, match.end())
        noun = Noun("", "", following[1].rstrip("s").endswith("a")) if following else None
        said = spoken_number(parse(match.group(), grammar), grammar, noun)
        return apart(match, said)

    return [
        Rule(
            "ordinals",
            regex.compile(rf"(?<![\d.,])(?P<number>\d{{1,6}}){grammar.ordinal_pattern}(?!\p{{L}})"),
            ordinal,
            DIGITS,
        ),
        Rule("fractions", regex.compile(r"(?<![\w/.,])\d/\d(?![\w/])"), lambda m: fraction(m.group(), grammar), DIGITS),
        Rule("dotted numbers", regex.compile(r"(?<![\d.,])\d{1,4}(?:\.\d{1,4}){2,7}+(?!\.?\d)"), dotted, DIGITS),
        Rule("numbers", regex.compile(number_pattern(grammar)), plain, DIGITS),
        Rule(
            "digits", regex.compile(r"\d++"), lambda match: apart(match, spoken_whole(match.group(), grammar)), DIGITS
        ),
    ]


def _symbols(grammar: Grammar) -> Rule:
    known = {symbol: name for symbol, name in grammar.symbols.items() if symbol not in "/-_"}
    pattern = rf"[{SPACES}]?(?P<sign>[{''.join(map(regex.escape, known))}])[{SPACES}]?"
    return Rule("signs", regex.compile(pattern), lambda match: f" {known[match['sign']]} ", frozenset(known))
