"""Numerals that are no decimal digits, in the languages that have no rules of their own for them."""

from __future__ import annotations

import pytest

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean
from gateway.text.languages import Language
from gateway.text.normaliser import normalise
from gateway.text.normalization import NormalizationOptions

ES, FR, HI, IT, JA, PT, ZH = (Language(code) for code in ("es", "fr-fr", "hi", "it", "ja", "pt-br", "zh"))
OPTIONS = NormalizationOptions(unit_normalization=True)


def read(text: str, language: Language) -> AlignedText:
    return normalise(clean(AlignedText.of(text)), language, OPTIONS)


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [
        (ES, "½", "un medio"),
        (ES, "½ taza y ½ kilo", "media taza y medio kilo"),
        (ES, "2½ tazas", "dos y media tazas"),
        (ES, "3 ¼ y ⅔", "tres y un cuarto y dos tercios"),
        (ES, "2½ km, ½ %", "dos coma cinco kilómetros, cero coma cinco por ciento"),
        (ES, "x² + y³", "x al cuadrado más y al cubo"),
        (ES, "10⁻⁵", "diez elevado a menos cinco"),
        (ES, "5 m²", "cinco metros cuadrados"),
        (ES, "H₂O", "H dos O"),
        (ES, "capítulo Ⅳ, ⅩⅣ, ⅯⅭⅯⅩⅭⅨ", "capítulo cuatro, catorce, mil novecientos noventa y nueve"),
        (ES, "la casa¹, el¹ 10¹²", "la casa uno, el uno diez elevado a doce"),
        (FR, "½ litre, 2½", "un demi litre, deux et demi"),
        (FR, "10³ et a²", "dix au cube et a au carré"),
        (IT, "½ mela, 1½", "mezza mela, uno e mezzo"),
        (IT, "2⁸", "due elevato a otto"),
        (PT, "½ xícara, 2½", "meia xícara, dois e meio"),
        (PT, "CO₂", "CO dois"),
        (HI, "½ 1½ 2½ 3½", "आधा डेढ़ ढाई साढ़े तीन"),
        (HI, "1¼ 1¾", "सवा एक पौने दो"),
        (JA, "½カップ、2½", "2分の1カップ、2と2分の1"),
        (JA, "x²と10⁻³", "xの2乗と10のマイナス3乗"),
        (JA, "2½ km", "2.5キロメートル"),
        (JA, "〇を、〇〇さん、○○さん、答えは◯です、第〇回", "マルを、〇〇さん、マルマルさん、答えはマルです、第マル回"),
        (JA, "二〇二四年、三〇人、2〇", "二〇二四年、三〇人、2〇"),
        (ZH, "½杯，2½", "二分之一杯，二又二分之一"),
        (ZH, "x²，2⁻¹", "x的平方，二的负一次方"),
        (ZH, "二〇二四年Ⅳ", "二〇二四年四"),
    ],
)
def test_they_are_read_as_the_language_has_them(language: Language, text: str, spoken: str) -> None:
    assert " ".join(read(text, language).text.split()) == spoken


@pytest.mark.parametrize("language", [ES, FR, HI, IT, JA, PT, ZH])
@pytest.mark.parametrize("text", ["a ½ b", "a ²½①Ⅳ₂٣ b", "1½/2¾ ³²⁻¹ ⅟ ⅒ ↉", "word¹ x²y³ ⁿ", "\U0001d2c0 1\U0001d2c1"])
def test_every_place_is_kept(language: Language, text: str) -> None:
    after = read(text, language)
    assert list(after.starts) == sorted(after.starts)
    words = zip(after.text, after.starts, after.ends, strict=True)
    places = {place for char, start, end in words if char.isalnum() for place in range(start, end)}
    assert places >= {place for place, char in enumerate(text) if (char.isalnum() and char.isascii()) or char in "½²₂"}
