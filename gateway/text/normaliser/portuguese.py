"""Brazilian Portuguese: how its numbers, dates, amounts and abbreviations are said. Numbers by num2words."""

from __future__ import annotations

import regex
from num2words import num2words

from gateway.text.languages import Language
from gateway.text.normaliser import western, western_say_as
from gateway.text.normaliser.grammar import Grammar, alphabet, glossary, halves, nouns, powers
from gateway.text.normaliser.groups import by_groups
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import AnyRule

_MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()


_HUNDREDS_AND_MORE = regex.compile(r"\w*entos? (?=.*e)")


def _join(upper: str, lower: str, _: int) -> str:
    return f"{upper} {lower}" if _HUNDREDS_AND_MORE.match(lower) else f"{upper} e {lower}"


_cardinal = by_groups(lambda number: str(num2words(number, lang="pt_BR")).replace(",", ""), _join, limit=10**9)


def _ordinal(number: int, feminine: bool) -> str:
    said = str(num2words(number, lang="pt_BR", to="ordinal"))
    return " ".join(word[:-1] + "a" for word in said.split()) if feminine else said


def _agreeing(said: str, feminine: bool) -> str:
    if not feminine:
        return said
    words = said.replace("entos", "entas").split()
    words[-1] = {"um": "uma", "dois": "duas"}.get(words[-1], words[-1])
    return " ".join(words)


def _date(day: int | None, month: int | None, year: int | None) -> str:
    parts = [
        None if day is None else "primeiro" if day == 1 else _cardinal(day),
        None if month is None else _MONTHS[month - 1],
        None if year is None else _cardinal(year),
    ]
    return " de ".join(part for part in parts if part)


def _time(hours: int, minutes: int, seconds: int | None) -> str:
    said = f"{_agreeing(_cardinal(hours), True)} hora{'s' * (hours > 1)}"
    if minutes:
        said += " e meia" if minutes == 30 else f" e {_cardinal(minutes)}"
    return said if seconds is None else f"{said} e {_cardinal(seconds)} segundos"


GRAMMAR = Grammar(
    cardinal=_cardinal,
    ordinal=_ordinal,
    agreeing=_agreeing,
    date=_date,
    time=_time,
    decimal_mark=",",
    group_marks=".",
    point="vírgula",
    minus="menos",
    through="a",
    over="sobre",
    dot="ponto",
    at="arroba",
    and_part="e",
    of="de",
    percent="por cento",
    time_marks=r"(?::(?P<m>\d{2})|h(?P<m>\d{2})?)(?:[:](?P<s>\d{2}))?(?:min|h)?",
    ordinal_pattern=r"(?:\.?(?:º|°(?! ?C))|(?P<feminine>\.?ª))",
    scales="milhões|milhão|bilhões|bilhão|trilhões|trilhão",
    currencies=nouns(
        "R$, BRL = real, reais, centavo, centavos; €, EUR = euro, euros, centavo, centavos;"
        "$, USD, US$ = dólar, dólares, centavo, centavos; £, GBP = libra, libras, pêni, pence; ¥, JPY = iene, ienes",
        feminine=frozenset({"libra"}),
    ),
    units=nouns(
        "km = quilômetro, quilômetros; m = metro, metros; cm = centímetro, centímetros; mm = milímetro, milímetros;"
        "kg = quilograma, quilogramas; g = grama, gramas; mg = miligrama, miligramas; l, L = litro, litros;"
        "ml, mL = mililitro, mililitros; km/h = quilômetro por hora, quilômetros por hora; h = hora, horas;"
        "m² = metro quadrado, metros quadrados; km² = quilômetro quadrado, quilômetros quadrados;"
        "m³ = metro cúbico, metros cúbicos; °C, ºC, ℃ = grau Celsius, graus Celsius; min = minuto, minutos;"
        "°F, ºF, ℉ = grau Fahrenheit, graus Fahrenheit; s = segundo, segundos; GB = gigabyte, gigabytes;"
        "MB = megabyte, megabytes; kW = quilowatt, quilowatts",
        feminine=frozenset({"hora"}),
    ),
    abbreviations=glossary(
        "Sr. = senhor; Sra. = senhora; Srta. = senhorita; Dr. = doutor; Dra. = doutora; Prof. = professor;"
        "Profa., Profª. = professora; etc. = etcétera; p. ex., p.ex. = por exemplo; Av. = avenida; R. = rua;"
        "pág. = página; págs. = páginas; n.º, nº, N.º, Nº, núm. = número; a. C., a.C. = antes de Cristo;"
        "d. C., d.C. = depois de Cristo; tel., Tel. = telefone; aprox. = aproximadamente; Cia. = companhia;"
        "Ltda. = limitada; Exmo. = excelentíssimo"
    ),
    may_end=frozenset("etc. | a. C. | a.C. | d. C. | d.C. | Cia. | Ltda.".split(" | ")),
    symbols=glossary(
        "& = e; % = por cento; @ = arroba; # = cerquilha; + = mais; × = vezes; ÷ = dividido por; < = menor que;"
        "> = maior que; ° = graus; € = euros; $ = dólares; £ = libras; / = barra; - = hífen; _ = sublinhado"
    )
    | {"=": "igual a"},
    letters=alphabet(
        "abcdefghijklmnopqrstuvwxyz",
        "á bê cê dê é efe gê agá i jota cá ele eme ene ó pê quê erre esse tê u vê dáblio xis ípsilon zê",
    ),
    fractions=glossary("1/2 = um meio; 1/3 = um terço; 2/3 = dois terços; 1/4 = um quarto; 3/4 = três quartos"),
    mixed=halves(("meio", "meia"), ("e meio", "e meia")),
    power=powers("ao quadrado", "ao cubo", "elevado a", "menos"),
)


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:  # noqa: ARG001
    return western.rules(GRAMMAR, options)


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002, ARG001
    return western_say_as.say_as(text, interpret_as, GRAMMAR, format)
