"""Spanish: how its numbers, dates, amounts and abbreviations are said. Numbers by num2words."""

from __future__ import annotations

import functools

from num2words import num2words

from gateway.text.languages import Language
from gateway.text.normaliser import western, western_say_as
from gateway.text.normaliser.grammar import Grammar, Noun, month_rule, named
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import AnyRule

_MONTHS = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
)


def _cardinal(number: int) -> str:
    return str(num2words(number, lang="es"))


def _ordinal(number: int, feminine: bool) -> str:  # noqa: FBT001
    said = str(num2words(number, lang="es", to="ordinal"))
    return " ".join(word[:-1] + "a" if word.endswith("o") else word for word in said.split()) if feminine else said


def _agreeing(said: str, feminine: bool) -> str:  # noqa: FBT001
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
    currencies=named(
        {
            "€ EUR": Noun("euro", "euros", part=("céntimo", "céntimos")),
            "$ USD US$": Noun("dólar", "dólares", part=("centavo", "centavos")),
            "£ GBP": Noun("libra", "libras", feminine=True, part=("penique", "peniques")),
            "¥ JPY": Noun("yen", "yenes"),
            "MXN": Noun("peso", "pesos", part=("centavo", "centavos")),
        }
    ),
    units=named(
        {
            "km": Noun("kilómetro", "kilómetros"),
            "m": Noun("metro", "metros"),
            "cm": Noun("centímetro", "centímetros"),
            "mm": Noun("milímetro", "milímetros"),
            "kg": Noun("kilogramo", "kilogramos"),
            "g gr": Noun("gramo", "gramos"),
            "mg": Noun("miligramo", "miligramos"),
            "l L": Noun("litro", "litros"),
            "ml mL": Noun("mililitro", "mililitros"),
            "km/h": Noun("kilómetro por hora", "kilómetros por hora"),
            "m²": Noun("metro cuadrado", "metros cuadrados"),
            "km²": Noun("kilómetro cuadrado", "kilómetros cuadrados"),
            "m³": Noun("metro cúbico", "metros cúbicos"),
            "°C ºC ℃": Noun("grado Celsius", "grados Celsius"),
            "°F ºF ℉": Noun("grado Fahrenheit", "grados Fahrenheit"),
            "h": Noun("hora", "horas", feminine=True),
            "min": Noun("minuto", "minutos"),
            "s": Noun("segundo", "segundos"),
            "GB": Noun("gigabyte", "gigabytes"),
            "MB": Noun("megabyte", "megabytes"),
            "kW": Noun("kilovatio", "kilovatios"),
        }
    ),
    abbreviations={
        "Sr.": "señor",
        "Sra.": "señora",
        "Srta.": "señorita",
        "Sres.": "señores",
        "Dr.": "doctor",
        "Dra.": "doctora",
        "D.": "don",
        "Dña.": "doña",
        "Ud.": "usted",
        "Uds.": "ustedes",
        "Prof.": "profesor",
        "Profa.": "profesora",
        "EE. UU.": "Estados Unidos",
        "EE.UU.": "Estados Unidos",
        "p. ej.": "por ejemplo",
        "p.ej.": "por ejemplo",
        "etc.": "etcétera",
        "Avda.": "avenida",
        "Av.": "avenida",
        "C/": "calle ",
        "pág.": "página",
        "págs.": "páginas",
        "núm.": "número",
        "n.º": "número",
        "nº": "número",
        "N.º": "número",
        "Nº": "número",
        "a. C.": "antes de Cristo",
        "a.C.": "antes de Cristo",
        "d. C.": "después de Cristo",
        "d.C.": "después de Cristo",
        "a. m.": "de la mañana",
        "a.m.": "de la mañana",
        "p. m.": "de la tarde",
        "p.m.": "de la tarde",
        "tel.": "teléfono",
        "Tel.": "teléfono",
        "aprox.": "aproximadamente",
    },
    symbols={
        "&": "y",
        "%": "por ciento",
        "@": "arroba",
        "#": "almohadilla",
        "+": "más",
        "=": "igual a",
        "×": "por",
        "÷": "entre",
        "<": "menor que",
        ">": "mayor que",
        "°": "grados",
        "€": "euros",
        "$": "dólares",
        "£": "libras",
        "/": "barra",
        "-": "guion",
        "_": "guion bajo",
    },
    letters=dict(
        zip(
            "abcdefghijklmnñopqrstuvwxyz",
            "a be ce de e efe ge hache i jota ka ele eme ene eñe o pe cu erre ese te u uve uve_doble equis ye zeta".split(),
            strict=True,
        )
    ),
    fractions={"1/2": "un medio", "1/3": "un tercio", "2/3": "dos tercios", "1/4": "un cuarto", "3/4": "tres cuartos"},
    extra=(month_rule(r"(?<=\d )de (?=(?:%s)\b)", _MONTHS),),
)


@functools.lru_cache(maxsize=16)
def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:  # noqa: ARG001
    return western.rules(GRAMMAR, options)


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    return western_say_as.say_as(text, interpret_as, GRAMMAR, format)
