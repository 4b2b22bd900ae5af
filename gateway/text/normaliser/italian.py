"""Italian: how its numbers, dates, amounts and abbreviations are said. Numbers by num2words."""

from __future__ import annotations

import regex
from num2words import num2words

from gateway.text.languages import Language
from gateway.text.normaliser import western, western_say_as
from gateway.text.normaliser.grammar import Grammar, alphabet, glossary, halves, nouns, powers
from gateway.text.normaliser.groups import by_groups
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import DIGITS, AnyRule, Rule

_MONTHS = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split()


def _by_library(number: int) -> str:
    said = str(num2words(number, lang="it"))
    return f"{said[:-1]}é" if said.endswith("tre") and number > 3 else said  # which it writes "tre" half of the time


def _join(upper: str, lower: str, _: int) -> str:
    lower = f"{lower[:-1]}é" if lower.endswith("tre") else lower
    return upper + lower if upper.endswith(("mila", "mille")) else f"{upper} e {lower}"


_cardinal = by_groups(_by_library, _join, limit=10**9)


def _ordinal(number: int, feminine: bool) -> str:
    said = str(num2words(number, lang="it", to="ordinal"))
    return said[:-1] + "a" if feminine else said


def _agreeing(said: str, feminine: bool) -> str:
    return ("una" if feminine else "un") if said == "uno" else said


def _date(day: int | None, month: int | None, year: int | None) -> str:
    parts = [
        None if day is None else "primo" if day == 1 else _cardinal(day),
        None if month is None else _MONTHS[month - 1],
        None if year is None else _cardinal(year),
    ]
    return " ".join(part for part in parts if part)


def _time(hours: int, minutes: int, seconds: int | None) -> str:
    said = _agreeing(_cardinal(hours), True)
    if minutes:
        said += " e un quarto" if minutes == 15 else " e mezza" if minutes == 30 else f" e {_cardinal(minutes)}"
    return said if seconds is None else f"{said} e {_cardinal(seconds)} secondi"


_THE_FIRST = Rule("l'1/5", regex.compile(r"\b[Ll]'(?=1[/.]\d{1,2}[/.]\d)"), lambda _: "il ", DIGITS)

GRAMMAR = Grammar(
    cardinal=_cardinal,
    ordinal=_ordinal,
    agreeing=_agreeing,
    date=_date,
    time=_time,
    decimal_mark=",",
    group_marks=".",
    point="virgola",
    minus="meno",
    through="a",
    over="su",
    dot="punto",
    at="chiocciola",
    and_part="e",
    of="di",
    percent="per cento",
    time_marks=r":(?P<m>\d{2})(?::(?P<s>\d{2}))?",
    ordinal_pattern=r"(?:º|°(?! ?C)|(?P<feminine>ª))",
    scales="milioni|milione|miliardi|miliardo",
    currencies=nouns(
        "€, EUR = euro, euro, centesimo, centesimi; $, USD, US$ = dollaro, dollari, centesimo, centesimi;"
        "£, GBP = sterlina, sterline, penny, pence; ¥, JPY = yen, yen; CHF = franco svizzero, franchi svizzeri",
        feminine=frozenset({"sterlina"}),
    ),
    units=nouns(
        "km = chilometro, chilometri; m = metro, metri; cm = centimetro, centimetri; mm = millimetro, millimetri;"
        "kg = chilogrammo, chilogrammi; g, gr = grammo, grammi; mg = milligrammo, milligrammi; l, L = litro, litri;"
        "ml, mL = millilitro, millilitri; km/h = chilometro orario, chilometri orari; h = ora, ore;"
        "m² = metro quadrato, metri quadrati; km² = chilometro quadrato, chilometri quadrati;"
        "m³ = metro cubo, metri cubi;"
        "°C, ℃ = grado Celsius, gradi Celsius; °F, ℉ = grado Fahrenheit, gradi Fahrenheit; min = minuto, minuti;"
        "s = secondo, secondi; GB = gigabyte, gigabyte; MB = megabyte, megabyte; kW = chilowatt, chilowatt",
        feminine=frozenset({"ora"}),
    ),
    abbreviations=glossary(
        "Sig. = signor; Sig.ra = signora; Sig.na = signorina; Sigg. = signori; Dott., Dr. = dottor;"
        "Dott.ssa = dottoressa;"
        "Prof. = professor; Prof.ssa = professoressa; Ing. = ingegner; Avv. = avvocato; ecc. = eccetera; es. = esempio;"
        "p. es., p.es. = per esempio; a. C., a.C. = avanti Cristo; d. C., d.C. = dopo Cristo; pag. = pagina;"
        "pagg. = pagine; n., n°, N°, nr. = numero; tel., Tel. = telefono; ca. = circa; S. = san; V.le = viale;"
        "P.za, P.zza = piazza; C.so = corso"
    ),
    may_end=frozenset("ecc. | a. C. | a.C. | d. C. | d.C.".split(" | ")),
    symbols=glossary(
        "& = e; % = per cento; @ = chiocciola; # = cancelletto; + = più; × = per; ÷ = diviso; < = minore di;"
        "> = maggiore di; ° = gradi; € = euro; $ = dollari; £ = sterline; / = barra; - = trattino; _ = trattino basso"
    )
    | {"=": "uguale"},
    letters=alphabet(
        "abcdefghijklmnopqrstuvwxyz",
        "a bi ci di e effe gi acca i i_lunga cappa elle emme enne o pi cu erre esse ti u vu doppia_vu ics ipsilon zeta",
    ),
    fractions=glossary("1/2 = un mezzo; 1/3 = un terzo; 2/3 = due terzi; 1/4 = un quarto; 3/4 = tre quarti"),
    mixed=halves(("mezzo", "mezza"), ("e mezzo", "e mezza")),
    power=powers("al quadrato", "al cubo", "elevato a", "meno"),
    extra=(_THE_FIRST,),
)


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:  # noqa: ARG001
    return western.rules(GRAMMAR, options)


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    return western_say_as.say_as(text, interpret_as, GRAMMAR, format)
