"""What the text frontend refuses. All but FrontendUnavailable are the caller's mistake, found before any synthesis.

    shared.errors.UnspeakableText
    ├── NothingToSpeak           unspeakable_text        the whole input holds no sound
    ├── UnspeakableCharacters    unspeakable_characters  a stretch of it cannot be said in this language
    ├── UnsupportedReading       unsupported_reading     its markup asks for what only English can do
    └── InvalidMarkup            invalid_markup          a tag is malformed or asks for what is not there
    shared.errors.UnsupportedLanguage
    └── UnknownLanguage          unknown_language        neither ``lang_code`` nor the voice names one that we know
    shared.errors.FleetError
    └── FrontendUnavailable      text_frontend_unavailable   our own fault: its processes died more than once

They travel between processes by pickle, which is why everything but the message has a default.
"""

from __future__ import annotations

from shared.errors import FleetError, UnspeakableText, UnsupportedLanguage


class TextRefused(UnspeakableText, ValueError):
    """``char_start`` and ``char_end`` delimit, in the original input, what cannot be spoken."""

    def __init__(self, message: str, *, char_start: int = 0, char_end: int = 0) -> None:
        super().__init__(message, param="input")
        self.char_start = char_start
        self.char_end = char_end


class NothingToSpeak(TextRefused):
    code = "unspeakable_text"


class UnspeakableCharacters(TextRefused):
    code = "unspeakable_characters"


class UnsupportedReading(TextRefused):
    code = "unsupported_reading"


class InvalidMarkup(TextRefused):
    """A tag that names an unknown voice or language keeps the ``code`` of that error."""

    code = "invalid_markup"

    def __init__(self, message: str, *, char_start: int = 0, char_end: int = 0, code: str | None = None) -> None:
        super().__init__(message, char_start=char_start, char_end=char_end)
        if code is not None:
            self.code = code


class UnknownLanguage(UnsupportedLanguage, ValueError):
    code = "unknown_language"


class FrontendUnavailable(FleetError):
    code = "text_frontend_unavailable"
