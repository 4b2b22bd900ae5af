"""Spanish: how its numbers, dates, amounts and abbreviations are said. Numbers by num2words."""

from __future__ import annotations

import regex
from num2words import num2words

from gateway.text.languages import Language
from gateway.text.normaliser import western, western_say_as
from gateway.text.normaliser.grammar import Grammar, alphabet, glossary, halves, nouns, powers
from gateway.text.normaliser.groups import by_groups
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import DIGITS, AnyRule, Rule

_MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()


_cardinal = by_groups(
    lambda number: str(num2words(number, lang="es")), lambda upper, lower, _: f"{upper} {lower}", limit=10**9
)


def _ordinal(number: int, feminine: bool) -> str:
    said = str(num2words(number, lang="es", to="ordinal"))
    return " ".join(word[:-1] + "a" if word.endswith("o") else word for word in said.split()) if feminine else said


def _agreeing(said: str, feminine: bool) -> str:
    if feminine:
        said = said.replace("cientos", "cientas").replace("quinientos", "quinientas")
        return said[:-1] + "a" if said.endswith("uno") else said
    if said.endswith("veintiuno"):
        return said.removesuffix("uno") + "ún"
    return said[:-1] if said.endswith("uno") else said


def _date(day: int | None, month: int | None, year: int | None) -> str:
    parts = [
        None if day is None else "primero" if day == 1 else _cardinal(day),
        None if month is None else _MONTHS[month - 1],
        None if year is None else _cardinal(year),
    ]
    return " de ".join(part for part in parts if part)


def _time(hours: int, minutes: int, seconds: int | None) -> str:
    said = _agreeing(_cardinal(hours), True)
    if minutes:
        said += " y cuarto" if minutes == 15 else " y media" if minutes == 30 else f" y {_cardinal(minutes)}"
    return said if seconds is None else f"{said} y {_agreeing(_cardinal(seconds), False)} segundos"


_SHORT_ORDINALS = Rule(
    "ordinals before a noun",
    regex.compile(r"(?<![\d.,])[13](?:er|\.?[º°](?= \p{Ll}))(?!\p{L})"),
    lambda match: "primer" if match.group()[0] == "1" else "tercer",
    DIGITS,
)

GRAMMAR = Grammar(
    cardinal=_cardinal,
    ordinal=_ordinal,
    agreeing=_agreeing,
    date=_date,
    time=_time,
    decimal_mark=",",
    group_marks=".",
    point="coma",
    minus="menos",
    through="a",
    over="sobre",
    dot="punto",
    at="arroba",
    and_part="con",
    of="de",
    percent="por ciento",
    time_marks=r":(?P<m>\d{2})(?::(?P<s>\d{2}))?(?: ?h(?:s|oras)?\b)?",
    ordinal_pattern=r"(?:\.?(?:º|°(?! ?C)|er|ro|do|to|mo|vo|no)|(?P<feminine>\.?ª|ra|da|ta|ma|va|na))",
    scales="millones|millón|mil millones|billones|billón",
    currencies=nouns(
        "€, EUR = euro, euros, céntimo, céntimos; $, USD, US$ = dólar, dólares, centavo, centavos;"
        "£, GBP = libra, libras, penique, peniques; ¥, JPY = yen, yenes; MXN = peso, pesos, centavo, centavos",
        feminine=frozenset({"libra"}),
    ),
    units=nouns(
        "km = kilómetro, kilómetros; m = metro, metros; cm = centímetro, centímetros; mm = milímetro, milímetros;"
        "kg = kilogramo, kilogramos; g, gr = gramo, gramos; mg = miligramo, miligramos; l, L = litro, litros;"
        "ml, mL = mililitro, mililitros; km/h = kilómetro por hora, kilómetros por hora; h = hora, horas;"
        "m² = metro cuadrado, metros cuadrados; km² = kilómetro cuadrado, kilómetros cuadrados;"
        "m³ = metro cúbico, metros cúbicos; °C, ºC, ℃ = grado Celsius, grados Celsius; min = minuto, minutos;"
        "°F, ºF, ℉ = grado Fahrenheit, grados Fahrenheit; s = segundo, segundos; GB = gigabyte, gigabytes;"
        "MB = megabyte, megabytes; kW = kilovatio, kilovatios",
        feminine=frozenset({"hora"}),
    ),
    abbreviations=glossary(
        "Sr. = señor; Sra. = señora; Srta. = señorita; Sres. = señores; Dr. = doctor; Dra. = doctora; Dña. = doña;"
        "Ud., Vd. = usted; Uds., Vds. = ustedes; Prof. = profesor; Profa. = profesora;"
        "EE. UU., EE.UU. = Estados Unidos;"
        "p. ej., p.ej. = por ejemplo; etc. = etcétera; Avda., Av. = avenida; pág. = página; págs. = páginas;"
        "núm., n.º, nº, N.º, Nº = número; a. C., a.C. = antes de Cristo; d. C., d.C. = después de Cristo;"
        "a. m., a.m. = de la mañana; p. m., p.m. = de la tarde; tel., Tel. = teléfono; aprox. = aproximadamente"
    ),
    may_end=frozenset(
        "etc. | EE. UU. | EE.UU. | a. C. | a.C. | d. C. | d.C. | a. m. | a.m. | p. m. | p.m. | Ud. | Uds. | Vd. "
        "| Vds.".split(" | ")
    ),
    symbols=glossary(
        "& = y; % = por ciento; @ = arroba; # = almohadilla; + = más; × = por; ÷ = entre; < = menor que; > = mayor que;"
        "° = grados; € = euros; $ = dólares; £ = libras; / = barra; - = guion; _ = guion bajo"
    )
    | {"=": "igual a"},
    letters=alphabet(
        "abcdefghijklmnñopqrstuvwxyz",
        "a be ce de e efe ge hache i jota ka ele eme ene eñe o pe cu erre ese te u uve uve_doble equis ye zeta",
    ),
    fractions=glossary("1/2 = un medio; 1/3 = un tercio; 2/3 = dos tercios; 1/4 = un cuarto; 3/4 = tres cuartos"),
    mixed=halves(("medio", "media"), ("y medio", "y media")),
    power=powers("al cuadrado", "al cubo", "elevado a", "menos"),
    extra=(_SHORT_ORDINALS,),
)


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:  # noqa: ARG001
    return western.rules(GRAMMAR, options)


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    return western_say_as.say_as(text, interpret_as, GRAMMAR, format)
