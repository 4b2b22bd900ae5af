"""Which language a request speaks: ``lang_code`` if given, else that of the voice's name, else a default."""

from __future__ import annotations

import functools
import importlib.util
from enum import StrEnum

from gateway.text.errors import UnknownLanguage
from shared.errors import UnsupportedLanguage
from shared.voices import LANGUAGES


class Language(StrEnum):
    """The languages that Kokoro has voices for, by the codes that Kokoro-FastAPI and Kokoro use."""

    EN_US = "en-us"
    EN_GB = "en-gb"
    ES = "es"
    FR = "fr-fr"
    HI = "hi"
    IT = "it"
    JA = "ja"
    PT_BR = "pt-br"
    ZH = "zh"


EXTRAS: dict[Language, str] = {Language.JA: "ja", Language.ZH: "zh"}
"""The extra of this package (``pip install 'kokoro-fleet[ja]'``) that a language needs; the others need none."""

_PACKAGES: dict[Language, tuple[str, ...]] = {
    Language.JA: ("pyopenjtalk", "fugashi", "jaconv", "mojimoji"),
    Language.ZH: ("jieba", "pypinyin", "cn2an", "ordered_set"),
}
"""What to find of an extra."""

BY_LETTER: dict[str, Language] = {
    "a": Language.EN_US,
    "b": Language.EN_GB,
    "e": Language.ES,
    "f": Language.FR,
    "h": Language.HI,
    "i": Language.IT,
    "j": Language.JA,
    "p": Language.PT_BR,
    "z": Language.ZH,
}
"""First letter of a voice's name, which is also the short form of ``lang_code``."""

_BY_CODE = BY_LETTER | {language.value: language for language in Language}


def choose_language(voice: str, lang_code: str | None = None, default_code: str | None = None) -> Language:
    """The language to speak ``voice`` in: ``lang_code``, else ``default_code``, else that of the voice's name.

    ``voice`` is a resolved voice name such as ``af_heart``; of a mix, its first. Codes are letters or names (``a``,
    ``en-us``, ...), in any case. Raises UnknownLanguage if none of them names a language, and UnsupportedLanguage for
    one whose packages are not installed.
    """
    code = default_code if lang_code is None else lang_code
    language = _from_voice(voice) if code is None else _from_code(code)
    require(language, param="voice" if lang_code is None else "lang_code")
    return language


def is_code(lang_code: str) -> bool:
    """Whether ``choose_language`` knows a language by that letter or name."""
    return _plain(lang_code) in _BY_CODE


def require(language: Language, *, param: str) -> None:
    """Raise UnsupportedLanguage, naming the extra to install, if packages that ``language`` needs are missing."""
    if is_installed(language):
        return
    raise UnsupportedLanguage(
        f"{_name(language)} ({language.value}) is not installed here: pip install 'kokoro-fleet[{EXTRAS[language]}]' "
        "brings it. Any voice can speak English: set lang_code to 'a' (American) or 'b' (British).",
        param=param,
    )


@functools.cache
def is_installed(language: Language) -> bool:
    """Whether what ``language`` needs can be found; imports nothing."""
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES.get(language, ()))


def _from_code(lang_code: str) -> Language:
    language = _BY_CODE.get(_plain(lang_code))
    if language is None:
        raise UnknownLanguage(f"Unknown lang_code {lang_code[:40]!r}. Known: {', '.join(_BY_CODE)}.", param="lang_code")
    return language


def _plain(lang_code: str) -> str:
    return lang_code.strip().lower().replace("_", "-")


def _from_voice(voice: str) -> Language:
    letter, has_prefix = voice[:1].lower(), voice[1:3].lower() in {"f_", "m_"}
    if letter in BY_LETTER and has_prefix:
        return BY_LETTER[letter]
    raise UnknownLanguage(
        f"The name of the voice {voice[:40]!r} says no language (as 'af_' does): set lang_code, "
        "for example to 'a' for American English.",
        param="lang_code",
    )


def _name(language: Language) -> str:
    letter = next(letter for letter, known in BY_LETTER.items() if known is language)
    return LANGUAGES[letter]
