"""English number words. The grammar is num2words'; here is what it is not asked for: digits it would lose."""

from __future__ import annotations

import functools

from num2words import num2words

from gateway.text.languages import Language
from gateway.text.normaliser.groups import by_groups

MAX_DIGITS = 15
"""Longer numbers are said digit by digit: nobody can follow them, and num2words ends at 10^306."""

MAX_GROUPED_DIGITS = 36
"""The same for those with thousands separators, which ask to be read as one: up to undecillions."""

_MAX_PLAIN_DIGITS = 9
"""Longer numbers without separators are those of accounts, books and orders, unless they are round."""

_MAX_SIGNIFICANT_DIGITS = 4
"""Of a long number that counts as round."""

DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NAME_OF_DIGIT = dict(zip("0123456789", DIGIT_NAMES, strict=True))
MONTHS = "January February March April May June July August September October November December".split()

_MAX_REMEMBERED = 10_000
"""As many as there are numbers of up to four digits: 2 MB."""

_FRACTIONS = {2: ("half", "halves"), 4: ("quarter", "quarters")}


def digits(text: str) -> str:
    """Each digit of ``text`` by its name; everything else is left out."""
    return " ".join([_NAME_OF_DIGIT[char] for char in text if char in _NAME_OF_DIGIT])


def spelled(text: str) -> str:
    """The letters and digits of ``text`` one by one.

    Letters are joined by stops, which is how misaki spells: alone, "A" would become the article.
    """
    runs: list[str] = []
    letters = ""
    for char in text:
        if char.isascii() and char.isalpha():
            letters += char.upper()
            continue
        if letters:
            runs.append(_letters(letters))
            letters = ""
        if char.isdecimal():
            runs.append(DIGIT_NAMES[int(char)])
        elif char.isalpha():
            runs.append(char)
    if letters:
        runs.append(_letters(letters))
    return " ".join(runs)


def _letters(letters: str) -> str:
    return "A." if letters == "A" else ".".join(letters)


def plural(word: str) -> str:
    """Of the regular nouns that rules emit."""
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


class Numbers:
    """Numbers as American English says them, or as British English does, with an "and" after the hundreds."""

    def __init__(self, language: Language) -> None:
        self.british = language is Language.EN_GB
        self._in_groups = by_groups(self._by_library, self._join, limit=10**MAX_GROUPED_DIGITS)
        self._last_of_ordinal = functools.lru_cache(maxsize=1000)(functools.partial(self._by_library, kind="ordinal"))
        self.cardinal = functools.lru_cache(maxsize=_MAX_REMEMBERED)(self._as_cardinal)
        self.number = functools.lru_cache(maxsize=_MAX_REMEMBERED)(self._as_number)
        self.year = functools.lru_cache(maxsize=4096)(self._as_year)

    def _by_library(self, value: int, kind: str = "cardinal") -> str:
        words: str = num2words(value, lang="en", to=kind).replace(",", "")
        return words if self.british else words.replace(" and ", " ")

    def _join(self, upper: str, lower: str, value: int) -> str:
        return f"{upper} and {lower}" if self.british and value < 100 else f"{upper} {lower}"

    def _ordinal(self, value: int) -> str:
        last = value % 1000
        if value == last:
            return self._last_of_ordinal(value)
        upper = self._in_groups(value - last)
        return self._join(upper, self._last_of_ordinal(last), last) if last else f"{upper}th"

    def _as_cardinal(self, text: str) -> str:
        """A whole number, with or without separators: "1,024", "007", "12345678901234"."""
        if len(text) <= _MAX_PLAIN_DIGITS and text[0] != "0" and text.isdecimal():
            return self._in_groups(int(text))
        plain = text.replace(",", "").replace(" ", "")
        limit = MAX_DIGITS if plain == text else MAX_GROUPED_DIGITS
        if len(plain) > limit or (plain[0] == "0" and len(plain) > 1):
            return digits(plain)
        if plain == text and len(plain) > _MAX_PLAIN_DIGITS and len(plain.rstrip("0")) > _MAX_SIGNIFICANT_DIGITS:
            return digits(plain)
        return self._in_groups(int(plain))

    def ordinal(self, text: str) -> str:
        plain = text.replace(",", "")
        if len(plain) > MAX_DIGITS:
            return f"{digits(plain[:-1])} {self._ordinal(int(plain[-1]))}".strip()
        return self._ordinal(int(plain))

    def _as_number(self, text: str) -> str:
        """A number as written, perhaps with a sign, separators and decimals: "-1,024.50"."""
        if text.isdecimal():
            return self.cardinal(text)
        sign = ""
        if text[0] in "+-−–":
            sign, text = "plus " if text[0] == "+" else "minus ", text[1:].lstrip()
        whole, point, decimals = text.partition(".")
        if not point:
            return sign + self.cardinal(whole)
        return f"{sign}{self.cardinal(whole) + ' ' if whole else ''}point {digits(decimals)}"

    def _as_year(self, text: str) -> str:
        """ "1905" is nineteen oh-five; a year of another length, or at a thousand, is a cardinal number."""
        if len(text) != 4 or text[0] == "0":
            return self.cardinal(text)
        if text[1:3] == "00":
            return self.cardinal(text)
        if text[2] == "0" and text[3] != "0":
            return f"{self.cardinal(text[:2])} oh {self.cardinal(text[3])}"
        return f"{self.cardinal(text[:2])} {'hundred' if text[2:] == '00' else self.cardinal(text[2:])}"

    def decade(self, text: str) -> str:
        """ "1990" is nineteen nineties, "90" nineties, "2000" two thousands."""
        tens = "hundreds" if text[-2:] == "00" else plural(self.cardinal(text[-2:]))
        if text in {"00", "2000", "1000"}:
            return "two thousands" if text != "1000" else "one thousands"
        return tens if len(text) == 2 else f"{self.cardinal(text[:2])} {tens}"

    def fraction(self, numerator: str, denominator: str) -> str:
        """ "3", "4" is three quarters; over zero, or over a number too long, "three over zero"."""
        if len(denominator) > 4 or len(numerator) > 6 or int(denominator) < 2:
            return f"{self.cardinal(numerator)} over {self.cardinal(denominator)}"
        part = self.ordinal(denominator)
        if set(denominator[1:]) == {"0"} and len(denominator) > 2:
            part = part.removeprefix("one ")
        one, many = _FRACTIONS.get(int(denominator), (part, plural(part)))
        return f"{self.cardinal(numerator)} {one if int(numerator) == 1 else many}"

    def mixed(self, whole: str, numerator: str, denominator: str) -> str:
        """ "1", "1", "2" is one and a half."""
        if numerator == "1" and denominator in {"2", "4"}:
            return f"{self.cardinal(whole)} and a {_FRACTIONS[int(denominator)][0]}"
        return f"{self.cardinal(whole)} and {self.fraction(numerator, denominator)}"


@functools.cache
def numbers_of(language: Language) -> Numbers:
    return Numbers(language)
