"""What is written and what is said, language by language; where each said character comes from."""

from __future__ import annotations

import itertools
import time

import pytest

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean
from gateway.text.languages import Language
from gateway.text.normaliser import INTERPRETATIONS, normalise, say_as
from gateway.text.normalization import NormalizationOptions
from tests.text.languages import cases_asian, cases_western

WITH_UNITS = NormalizationOptions(unit_normalization=True)
CASES = cases_western.CASES | cases_asian.CASES
ALL = [(language, before, after) for language, table in CASES.items() for before, after in table]
OTHERS = [language for language in Language if language not in {Language.EN_US, Language.EN_GB}]


def normalised(text: str, language: Language, options: NormalizationOptions = WITH_UNITS) -> AlignedText:
    return normalise(clean(AlignedText.of(text)), language, options)


@pytest.mark.parametrize(("language", "before", "after"), ALL, ids=lambda value: str(value)[:24])
def test_case(language: Language, before: str, after: str) -> None:
    assert normalised(before, language).text == after


@pytest.mark.parametrize("language", OTHERS)
def test_there_are_enough_cases(language: Language) -> None:
    assert len(CASES[language]) >= 25


@pytest.mark.parametrize(("language", "before"), [case[:2] for case in ALL], ids=lambda value: str(value)[:24])
def test_places(language: Language, before: str) -> None:
    """In order, without overlap, all of the input; a character that stands for itself is itself."""
    text = normalised(before, language)
    spans = [span for span, _ in itertools.groupby(zip(text.starts, text.ends, strict=True))]

    assert "".join(before[start:end] for start, end in spans).replace(" ", "") == before.replace(" ", "")
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    for char, start, end in zip(text.text, text.starts, text.ends, strict=True):
        if end - start == 1 and before[start:end].isalpha():
            assert char == before[start:end] or char not in before


SAID_AS = [
    (Language.ES, "cardinal", "1.234", "mil doscientos treinta y cuatro"),
    (Language.ES, "ordinal", "5", "quinto"),
    (Language.ES, "date", "25/12/2024", "veinticinco de diciembre de dos mil veinticuatro"),
    (Language.ES, "time", "10:30", "diez y media"),
    (Language.ES, "telephone", "555 12", "cinco cinco cinco, uno dos"),
    (Language.ES, "characters", "AñB1", "a, eñe, be, uno"),
    (Language.ES, "currency", "3,50 €", "tres euros con cincuenta céntimos"),
    (Language.ES, "unit", "5 km", "cinco kilómetros"),
    (Language.FR, "cardinal", "-71", "moins soixante et onze"),
    (Language.FR, "ordinal", "1re", "première"),
    (Language.FR, "date", "2024-12-25", "vingt-cinq décembre deux mille vingt-quatre"),
    (Language.FR, "time", "21h", "vingt et une heures"),
    (Language.FR, "telephone", "01 23", "zéro un, deux trois"),
    (Language.FR, "spell-out", "AY", "a, i grec"),
    (Language.FR, "currency", "£1", "une livre"),
    (Language.FR, "unit", "20 °C", "vingt degrés Celsius"),
    (Language.IT, "cardinal", "1234", "milleduecentotrentaquattro"),
    (Language.IT, "ordinal", "2ª", "seconda"),
    (Language.IT, "date", "1/5", "primo maggio"),
    (Language.IT, "time", "12:15", "dodici e un quarto"),
    (Language.IT, "telephone", "06 12", "zero sei, uno due"),
    (Language.IT, "characters", "AJ", "a, i lunga"),
    (Language.IT, "currency", "€5", "cinque euro"),
    (Language.IT, "unit", "1 h", "una ora"),
    (Language.PT_BR, "cardinal", "22", "vinte e dois"),
    (Language.PT_BR, "ordinal", "2ª", "segunda"),
    (Language.PT_BR, "date", "1/5/1990", "primeiro de maio de mil novecentos e noventa"),
    (Language.PT_BR, "time", "14h30", "catorze horas e meia"),
    (Language.PT_BR, "telephone", "11 91", "um um, nove um"),
    (Language.PT_BR, "characters", "BR", "bê, erre"),
    (Language.PT_BR, "currency", "R$ 2,01", "dois reais e um centavo"),
    (Language.PT_BR, "unit", "2 kg", "dois quilogramas"),
    (Language.HI, "cardinal", "1,00,000", "एक लाख"),
    (Language.HI, "ordinal", "2", "दूसरा"),
    (Language.HI, "date", "25/12/2024", "पच्चीस दिसंबर दो हज़ार चौबीस"),
    (Language.HI, "time", "10:30", "दस बजकर तीस मिनट"),
    (Language.HI, "telephone", "98 76", "नौ आठ, सात छह"),
    (Language.HI, "characters", "AB", "ए, बी"),
    (Language.HI, "currency", "₹5", "पाँच रुपये"),
    (Language.HI, "unit", "5 km", "पाँच किलोमीटर"),
    (Language.JA, "cardinal", "1,234", "千二百三十四"),
    (Language.JA, "ordinal", "5", "五番目"),
    (Language.JA, "date", "2024/12/25", "2024年12月25日"),
    (Language.JA, "time", "10:30", "10時30分"),
    (Language.JA, "telephone", "03-12", "ゼロサン、イチニ"),
    (Language.JA, "characters", "AB", "エー、ビー"),
    (Language.JA, "currency", "$5", "五ドル"),
    (Language.JA, "unit", "5km", "五キロメートル"),
    (Language.ZH, "cardinal", "-1,234", "负一千二百三十四"),
    (Language.ZH, "ordinal", "第5", "第五"),
    (Language.ZH, "date", "2024-12-25", "二零二四年十二月二十五日"),
    (Language.ZH, "time", "10:30", "十点三十分"),
    (Language.ZH, "telephone", "010-12", "零一零，一二"),
    (Language.ZH, "characters", "AB1", "A，B，一"),
    (Language.ZH, "currency", "5元", "五元"),
    (Language.ZH, "unit", "5km", "五公里"),
]


@pytest.mark.parametrize(("language", "kind", "text", "said"), SAID_AS)
def test_say_as(language: Language, kind: str, text: str, said: str) -> None:
    assert say_as(text, kind, language) == said


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("kind", sorted(INTERPRETATIONS - {"characters", "spell-out", "verbatim"}))
def test_what_is_no_such_thing_is_refused(language: Language, kind: str) -> None:
    with pytest.raises(ValueError, match="hello"):
        say_as("hello", kind, language)


@pytest.mark.parametrize("language", OTHERS)
def test_format_of_a_date(language: Language) -> None:
    assert say_as("12/25", "date", language, format="md") == say_as("25/12", "date", language, format="dm")
    with pytest.raises(ValueError, match="Unknown format"):
        say_as("12/25", "date", language, format="ddmm")
    with pytest.raises(ValueError, match="no date"):
        say_as("31/13/2024", "date", language, format="dmy")


@pytest.mark.parametrize("language", OTHERS)
def test_normalisation_is_optional(language: Language) -> None:
    text = "1984 & 50% 10:30"

    assert normalised(text, language, NormalizationOptions(normalize=False)).text == text


@pytest.mark.parametrize("language", OTHERS)
def test_no_digit_is_left_in_a_language_that_writes_numbers_out(language: Language) -> None:
    said = normalised("1 22 3,3 4.4 5/5 6:66 7% 8-8 $9 0000 11.22.33.44 1,234.5,6 v2 +1-2", language).text

    assert language is Language.JA or not any(char.isdigit() for char in said)


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1.",
        "1,",
        "1 ",
        "1-",
        "+1 ",
        "(1",
        "$1",
        "1:",
        "a1",
        "1/",
        "a.",
        "a@",
        "www.a",
        "-",
        "%",
        "1º",
        "年",
        "Sr.",
    ],
)
@pytest.mark.parametrize("language", OTHERS)
def test_a_section_of_one_kind(language: Language, unit: str) -> None:
    """Ten times the longest section, in the share of the limit of 2 s for 1 MB that its numbers leave it."""
    text = AlignedText.of(unit * (50_000 // len(unit)))
    started = time.process_time()
    normalise(text, language, WITH_UNITS)

    assert time.process_time() - started < 1
