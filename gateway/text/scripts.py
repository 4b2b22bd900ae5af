"""Which letters a language's G2P can put into sound, and who reads the others; what nobody reads is refused at once."""

from __future__ import annotations

import functools
import unicodedata

import regex

from gateway.text.errors import UnspeakableCharacters
from gateway.text.languages import EXTRAS, Language, is_installed

_ALPHABETS = (
    "Latin Greek Cyrillic Armenian Hebrew Arabic Bengali Gurmukhi Gujarati Tamil Telugu Kannada Malayalam Sinhala "
    "Georgian Hangul"
).split()
"""Scripts whose letters espeak-ng's English voices name or transliterate. Of any other (Han, kana, Thai, ...) they say
"Chinese letter" or spell the code point, so that the words would be lost."""

_ANY = ["Common", "Inherited"]
_CHINESE = ["Han"]
_JAPANESE = ["Han", "Hiragana", "Katakana"]

OWN_SCRIPTS: dict[Language, list[str]] = {
    Language.EN_US: [*_ANY, *_ALPHABETS],
    Language.EN_GB: [*_ANY, *_ALPHABETS],
    Language.ES: [*_ANY, "Latin"],
    Language.FR: [*_ANY, "Latin"],
    Language.HI: [*_ANY, "Devanagari"],
    Language.IT: [*_ANY, "Latin"],
    Language.JA: [*_ANY, *_JAPANESE],
    Language.PT_BR: [*_ANY, "Latin"],
    Language.ZH: [*_ANY, *_CHINESE],
}
"""What each language's own G2P reads, by Unicode's names of scripts."""

_HAN = regex.compile(r"[\p{Han}〇]")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_DEVANAGARI = regex.compile(r"\p{Devanagari}")


def reader_of(run: str, language: Language) -> Language:
    """The language that reads ``run``, letters of one kind of script inside a text in ``language``."""
    if _DEVANAGARI.search(run):
        return Language.HI
    if _KANA.search(run):
        return Language.JA
    if _HAN.search(run):
        return language if language is Language.JA else Language.ZH
    return language if language is Language.EN_GB else Language.EN_US


def refuse_unspeakable(text: str, language: Language) -> None:
    """Raise UnspeakableCharacters for the first run of lone surrogates, or of letters that nobody here can say.

    ``language`` is that of the text; letters of other scripts are said in others, as ``mixed`` tells, where their
    packages are installed. Linear: at once for ASCII, 1 ms for 1,000,000 characters of
    Latin, 11 ms for others, more where one is refused.
    """
    if text.isascii() or _is_latin(text):
        return
    # Which characters there are is known ten times sooner than where each is.
    if not _unspeakable(language).search("".join(set(text))):
        return
    found = _unspeakable(language).search(text, concurrent=True)
    if found is None:
        return
    first, where = found.group()[0], f"at character {found.start()}"
    if "\ud800" <= first <= "\udfff":
        message = f"The input holds a lone surrogate (U+{ord(first):04X}) {where}: it is not valid Unicode text."
    else:
        name = unicodedata.name(first, "an unnamed letter")
        message = f"{first!r} (U+{ord(first):04X}, {name}) {where} cannot be spoken in {language.value}: {_why(first)}"
    raise UnspeakableCharacters(message, char_start=found.start(), char_end=found.end())


def _is_latin(text: str) -> bool:
    """Whether all are Latin letters, punctuation and currencies, which every language has a reading for."""
    import numpy as np

    codes = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    others = codes[codes > 0x24F]
    is_sign = ((others >= 0x2000) & (others <= 0x206F)) | ((others >= 0x20A0) & (others <= 0x20BF))
    return bool(is_sign.all())


def _why(letter: str) -> str:
    if _HAN.match(letter) or _KANA.match(letter):
        reader = Language.JA if _KANA.match(letter) else Language.ZH
        return f"that takes {reader.value}, which pip install 'kokoro-fleet[{EXTRAS[reader]}]' brings."
    return "its script has no reading in that language."


@functools.cache
def _unspeakable(language: Language) -> regex.Pattern[str]:
    scripts = {*OWN_SCRIPTS[language], *_ALPHABETS, "Devanagari"}
    if is_installed(Language.JA):
        scripts |= {"Hiragana", "Katakana"}
    if is_installed(Language.ZH):
        scripts.add("Han")
    speakable = "".join(rf"\p{{Script={script}}}" for script in sorted(scripts))
    return regex.compile(rf"(?V1)\p{{Cs}}++|(?:[[\p{{L}}\p{{Nl}}]--[{speakable}]]\p{{M}}*+)++")
