"""French: how its numbers, dates, amounts and abbreviations are said. Numbers by num2words."""

from __future__ import annotations

from num2words import num2words

from gateway.text.languages import Language
from gateway.text.normaliser import western, western_say_as
from gateway.text.normaliser.grammar import Grammar, alphabet, glossary, halves, nouns, powers
from gateway.text.normaliser.groups import by_groups
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import AnyRule

_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()


_cardinal = by_groups(
    lambda number: str(num2words(number, lang="fr")), lambda upper, lower, _: f"{upper} {lower}", limit=10**18
)


def _ordinal(number: int, feminine: bool) -> str:
    if number == 1:
        return "première" if feminine else "premier"
    return str(num2words(number, lang="fr", to="ordinal"))


def _agreeing(said: str, feminine: bool) -> str:
    return f"{said}e" if feminine and said.rsplit(maxsplit=1)[-1] == "un" else said


def _date(day: int | None, month: int | None, year: int | None) -> str:
    parts = [
        None if day is None else "premier" if day == 1 else _cardinal(day),
        None if month is None else _MONTHS[month - 1],
        None if year is None else _cardinal(year),
    ]
    return " ".join(part for part in parts if part)


def _time(hours: int, minutes: int, seconds: int | None) -> str:
    said = f"{_agreeing(_cardinal(hours), True)} heure{'s' * (hours > 1)}"
    if minutes:
        said += f" {_agreeing(_cardinal(minutes), True)}"
    return said if seconds is None else f"{said} et {_agreeing(_cardinal(seconds), True)} secondes"


GRAMMAR = Grammar(
    cardinal=_cardinal,
    ordinal=_ordinal,
    agreeing=_agreeing,
    date=_date,
    time=_time,
    decimal_mark=",",
    group_marks=".",
    point="virgule",
    minus="moins",
    through="à",
    over="sur",
    dot="point",
    at="arobase",
    and_part="et",
    of="de",
    percent="pour cent",
    time_marks=r"(?::(?P<m>\d{2})|[ \u00a0\u202f]?h(?:[ \u00a0\u202f]?(?P<m>\d{2}))?)(?:[:](?P<s>\d{2}))?",
    ordinal_pattern=r"(?:er|e|è|ème|ième|nd|(?P<feminine>re|ère|nde))",
    scales="millions|million|milliards|milliard",
    currencies=nouns(
        "€, EUR = euro, euros, centime, centimes; $, USD, US$ = dollar, dollars, cent, cents;"
        "£, GBP = livre, livres, penny, pence; ¥, JPY = yen, yens;"
        "CHF = franc suisse, francs suisses, centime, centimes",
        feminine=frozenset({"livre"}),
    ),
    units=nouns(
        "km = kilomètre, kilomètres; m = mètre, mètres; cm = centimètre, centimètres; mm = millimètre, millimètres;"
        "kg = kilogramme, kilogrammes; g = gramme, grammes; mg = milligramme, milligrammes; l, L = litre, litres;"
        "ml, mL = millilitre, millilitres; km/h = kilomètre heure, kilomètres heure; h = heure, heures;"
        "m² = mètre carré, mètres carrés; km² = kilomètre carré, kilomètres carrés; m³ = mètre cube, mètres cubes;"
        "°C, ℃ = degré Celsius, degrés Celsius; °F, ℉ = degré Fahrenheit, degrés Fahrenheit; min = minute, minutes;"
        "s = seconde, secondes; Go = gigaoctet, gigaoctets; Mo = mégaoctet, mégaoctets; kW = kilowatt, kilowatts",
        feminine=frozenset({"heure", "minute", "seconde"}),
    ),
    abbreviations=glossary(
        "M. = monsieur; MM. = messieurs; Mme = madame; Mmes = mesdames; Mlle = mademoiselle; Dr, Dr. = docteur;"
        "Pr, Pr. = professeur; Me = maître; etc. = et cetera; p. ex., p.ex. = par exemple; c.-à-d. = c'est-à-dire;"
        "av. J.-C. = avant Jésus-Christ; apr. J.-C. = après Jésus-Christ; bd, Bd, bld = boulevard; av. = avenue;"
        "n°, N°, no. = numéro; n° = numéro; tél., Tél. = téléphone; env. = environ; St. = saint; Ste. = sainte"
    ),
    may_end=frozenset("etc.".split(" | ")),
    symbols=glossary(
        "& = et; % = pour cent; @ = arobase; # = dièse; + = plus; × = fois; ÷ = divisé par; < = inférieur à;"
        "> = supérieur à; ° = degrés; € = euros; $ = dollars; £ = livres; / = barre oblique; - = tiret; _ = tiret bas"
    )
    | {"=": "égale"},
    letters=alphabet(
        "abcdefghijklmnopqrstuvwxyz",
        "a bé cé dé e effe gé hache i ji ka elle emme enne o pé ku erre esse té u vé double_vé ixe i_grec zède",
    ),
    fractions=glossary("1/2 = un demi; 1/3 = un tiers; 2/3 = deux tiers; 1/4 = un quart; 3/4 = trois quarts"),
    mixed=halves(("un demi", "une demi"), ("et demi", "et demie")),
    power=powers("au carré", "au cube", "puissance", "moins"),
)


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:  # noqa: ARG001
    return western.rules(GRAMMAR, options)


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    return western_say_as.say_as(text, interpret_as, GRAMMAR, format)
