"""Which letters a language's G2P can put into sound; the others are refused before any work is done."""

from __future__ import annotations

import functools
import unicodedata

import regex

from gateway.text.errors import UnspeakableCharacters
from gateway.text.languages import Language

_ENGLISH = (
    "Common Inherited Latin Greek Cyrillic Armenian Hebrew Arabic Devanagari Bengali Gurmukhi Gujarati Tamil Telugu "
    "Kannada Malayalam Sinhala Georgian Hangul"
).split()
"""Scripts whose letters espeak-ng's English voices name or transliterate. Of any other (Han, kana, Thai, ...) they say
"Chinese letter" or spell the code point, so that the words would be lost."""

SPEAKABLE_SCRIPTS: dict[Language, tuple[str, ...]] = {
    Language.EN_US: tuple(_ENGLISH),
    Language.EN_GB: tuple(_ENGLISH),
}


def refuse_unspeakable(text: str, language: Language) -> None:
    """Raise UnspeakableCharacters for the first run of lone surrogates, or of letters that ``language`` cannot say.

    Linear: at once for ASCII, else about 50 ms for 1,000,000 characters, without holding the interpreter's lock.
    """
    if text.isascii():
        return
    found = _unspeakable(language).search(text, concurrent=True)
    if found is None:
        return
    first, where = found.group()[0], f"at character {found.start()}"
    if "\ud800" <= first <= "\udfff":
        message = f"The input holds a lone surrogate (U+{ord(first):04X}) {where}: it is not valid Unicode text."
    else:
        name = unicodedata.name(first, "an unnamed letter")
        message = (
            f"{first!r} (U+{ord(first):04X}, {name}) {where} cannot be spoken in {language.value}: "
            "its script has no reading in that language."
        )
    raise UnspeakableCharacters(message, char_start=found.start(), char_end=found.end())


@functools.cache
def _unspeakable(language: Language) -> regex.Pattern[str]:
    speakable = "".join(rf"\p{{Script={script}}}" for script in SPEAKABLE_SCRIPTS[language])
    return regex.compile(rf"(?V1)\p{{Cs}}++|(?:[[\p{{L}}\p{{Nl}}]--[{speakable}]]\p{{M}}*+)++")
