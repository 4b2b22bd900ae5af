"""Roman numerals, where they can be nothing else: after names of rulers, and after words that are counted."""

from __future__ import annotations

import re

import regex

from gateway.text.normaliser.english.numbers import Numbers
from gateway.text.normaliser.english.patterns import LETTER
from gateway.text.rules import Rule, remembered

_RULERS = (
    "Henry Louis Elizabeth George Edward Richard Charles William James Philip Philippe John Paul Pius "
    "Benedict Napoleon Catherine Ivan Nicholas Alexander Peter Frederick Ferdinand Leo Gregory Clement "
    "Innocent Urban Boniface Sixtus Julius Adrian Stephen Alfonso Juan Carlos Felipe Ramesses Ramses "
    "Ptolemy Darius Xerxes Cyrus Mehmed Murad Selim Carl Gustav Christian Haakon Harald Olav Umberto "
    "Victor Leopold Albert Baudouin Otto Mary Margaret Margrethe Wilhelm Friedrich Franz Joseph "
    "Maximilian Rudolf Sigismund Wladyslaw Constantine Theodosius Justinian Valentinian Cleopatra "
    "Thutmose Amenhotep Seti Edmund Alfred Harold Matilda Anne Isabella Sancho Pedro Manuel Miguel "
    "Francis Rainier Hussein Abdullah Mohammed Hassan Faisal Rama Sargon Ashurnasirpal Tiglath Emmanuel"
).replace(" ", "|")
_COUNTED = (
    "Chapter Part Book Volume Vol Act Scene Section Article Appendix Title Phase Type Class Level Stage "
    "Grade War Bowl Figure Table Unit Episode Season Round Category Schedule Annex Apollo Fantasy Rocky "
    "Rambo Wars Saturn Gemini Mark Division Group Tier Lesson Canto Stanza Verse Sonata Symphony Quest "
    "Theft Auto Godfather Corps Clause Amendment Step Exercise Problem Theorem Lemma Games Olympics Mach "
    "Factor chapter part volume act scene section article type phase stage grade level class book "
    "appendix"
).replace(" ", "|")
_TITLES = "King Queen Pope Emperor Empress Tsar Czar Kaiser Prince Saint Sultan Shah Pharaoh Duke Count"

_NO_NAMES = "The|This|That|With|For|And|But|His|Her|Its|Your|Our|Their|From|When|Was"
_NUMERAL = r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_END = r"(?![\p{L}\p{N}]|\.\p{L}|['’]\p{Ll}{2})"
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def value(numeral: str) -> int:
    """Of a well-formed numeral below 400."""
    numbers = [_VALUES[char] for char in numeral]
    return sum(
        -number if following > number else number for number, following in zip(numbers, [*numbers[1:], 0], strict=True)
    )


_RULER = regex.compile(
    rf"(?=[IVXLC])(?<=\p{{Ll}} )"
    rf"(?<=\b(?:{_RULERS}) )(?P<numeral>{_NUMERAL}){_END}(?!(?<=\b\w)\. \p{{Lu}})(?:(?<!\bI)|(?= of\b|['’]s\b|[,;:)])|"
    rf"(?<=\b(?:{_TITLES.replace(' ', '|')}) \p{{L}}{{2,20}} I))"
)
_RULER_HINT = re.compile(rf"[IVXLC](?<={LETTER} .)")
_SECOND_OF_TWO = regex.compile(
    rf"(?=[IVXLC])(?<=[IVXLC](?: (?:and|to|or|&) |[-–]))"
    rf"(?<=\b(?:{_COUNTED})s?\.? [IVXLC]{{1,6}}(?: (?:and|to|or|&) |[-–]))(?P<numeral>{_NUMERAL}){_END}"
)
_SECOND_OF_TWO_HINT = re.compile(
    r"[IVXLC](?:(?<=[IVXLC][-–].)|(?<=[IVXLC] and .)|(?<=[IVXLC] (?:to|or) .)|(?<=[IVXLC] & .))"
)
_COUNTED_WORD = regex.compile(
    rf"(?=[IVXLC])(?<=[\p{{Ll}}.] )"
    rf"(?<=\b(?:{_COUNTED})s?\.? )(?P<numeral>{_NUMERAL}){_END}(?!\.? (?:am|was|have|had|will|think|would)\b)"
)
_COUNTED_WORD_HINT = re.compile(r"[IVXLC](?<=[a-z.] .)")
_CENTURY = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}])(?P<numeral>(?=[IVX]){_NUMERAL})(?:th|(?=(?:th)? centur(?:y|ies)\b))(?!\p{{L}})"
)
_CENTURY_HINT = regex.compile(r"[IVXLC](?:th| centur)")
_AFTER_A_CAPITALISED_WORD = regex.compile(
    rf"(?=[IVX]{{2}})(?<=\b(?:\p{{Lu}}\p{{Ll}}{{2,20}}|number) )(?<!\b(?:{_NO_NAMES}) )"
    rf"(?P<numeral>(?=[IVX]{{2,6}}){_NUMERAL})(?<!\bX{{2,3}}){_END}"
)

_AFTER_A_CAPITALISED_WORD_HINT = re.compile(rf"[IVX](?=[IVX])(?<={LETTER} .)")


def roman_rules(say: Numbers) -> tuple[Rule, ...]:
    ordinal = remembered(lambda match: say.ordinal(str(value(match["numeral"]))), "numeral")
    cardinal = remembered(lambda match: say.cardinal(str(value(match["numeral"]))), "numeral")
    needs = frozenset("IVX")
    return (
        Rule("ruler", _RULER, lambda match: f"the {ordinal(match)}", needs, hint=_RULER_HINT),
        Rule("second of two", _SECOND_OF_TWO, cardinal, needs, hint=_SECOND_OF_TWO_HINT),
        Rule("counted word", _COUNTED_WORD, cardinal, needs, hint=_COUNTED_WORD_HINT),
        Rule("century", _CENTURY, ordinal, needs, hint=_CENTURY_HINT),
        Rule(
            "after a capitalised word",
            _AFTER_A_CAPITALISED_WORD,
            cardinal,
            needs,
            hint=_AFTER_A_CAPITALISED_WORD_HINT,
        ),
    )
