"""Which language a request speaks: ``lang_code`` if given, else the first letter of the voice's name."""

from __future__ import annotations

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


SUPPORTED = frozenset({Language.EN_US, Language.EN_GB})
"""Languages with a G2P here."""

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


def choose_language(voice: str, lang_code: str | None = None) -> Language:
    """The language to speak ``voice`` in.

    ``voice`` is a resolved voice name such as ``af_heart``; of a mix, its first. ``lang_code`` is a letter or a code
    (``a``, ``en-us``, ...), in any case. Raises UnknownLanguage if neither names a language, and UnsupportedLanguage
    for one without a G2P yet.
    """
    language = _from_voice(voice) if lang_code is None else _from_code(lang_code)
    if language in SUPPORTED:
        return language
    chosen_by = f"the voice {voice!r}" if lang_code is None else f"lang_code {lang_code!r}"
    raise UnsupportedLanguage(
        f"{_name(language)} ({language.value}), chosen by {chosen_by}, is not available yet. "
        "Any voice can speak English: set lang_code to 'a' (American) or 'b' (British).",
        param="voice" if lang_code is None else "lang_code",
    )


def _from_code(lang_code: str) -> Language:
    language = _BY_CODE.get(lang_code.strip().lower().replace("_", "-"))
    if language is None:
        raise UnknownLanguage(f"Unknown lang_code {lang_code[:40]!r}. Known: {', '.join(_BY_CODE)}.", param="lang_code")
    return language


def _from_voice(voice: str) -> Language:
    letter, has_prefix = voice[:1].lower(), voice[1:3].lower() in {"f_", "m_"}
    if letter not in BY_LETTER or not has_prefix:
        raise UnknownLanguage(
            f"The name of the voice {voice[:40]!r} says no language (as 'af_' does): set lang_code, "
            "for example to 'a' for American English.",
            param="lang_code",
        )
    return BY_LETTER[letter]


def _name(language: Language) -> str:
    letter = next(letter for letter, known in BY_LETTER.items() if known is language)
    return LANGUAGES[letter]
