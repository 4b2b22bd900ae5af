"""espeak-ng as misaki's last resort for words that its lexicons do not know."""

from __future__ import annotations

import functools
import logging
from typing import Any

import regex
from misaki.espeak import EspeakFallback
from phonemizer.backend import EspeakBackend

_log = logging.getLogger(__name__)
_log.setLevel(logging.ERROR)  # phonemizer warns of every language switch, with the line number of a one-line text

CACHED_WORDS = 10_000

_TRANSLITERATED = "Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Hangul".split()
"""Scripts for which espeak-ng's English voices load another language's rules in the middle of a word."""

_LETTERS = [rf"[\p{{{script}}}--\p{{P}}]" for script in _TRANSLITERATED]
_RUNS = regex.compile(
    "(?V1)" + "|".join(rf"{letter}[{letter}\p{{M}}]*+" for letter in _LETTERS) + f"|[^{''.join(_LETTERS)}]++"
)


class Espeak(EspeakFallback):  # type: ignore[misc]
    """Misaki's ``EspeakFallback``, without the flags that espeak puts around words of another language ("(en)").

    Answers are cached by word. Not safe for threads: espeak-ng keeps global state.
    """

    def __init__(self, *, british: bool) -> None:
        # Not super().__init__: it would load espeak once more, to keep the flags.
        self.british = british
        self.version = None
        self.backend = EspeakBackend(
            language="en-gb" if british else "en-us",
            preserve_punctuation=True,
            with_stress=True,
            tie="^",
            language_switch="remove-flags",
            logger=_log,
        )
        self._cached = functools.lru_cache(CACHED_WORDS)(self._uncached)

    def __call__(self, token: Any) -> tuple[str | None, int | None]:
        """Phonemes and misaki's rating of ``token.text``; (None, None) if espeak says nothing."""
        return self._cached(token.text)

    def _uncached(self, text: str) -> tuple[str | None, int | None]:
        # One script at a time: espeak-ng (1.52) crashes on punctuation inside a transliterated word, and is silent
        # on words that mix one with another script.
        answers = [super(Espeak, self).__call__(_Spelled(run)) for run in _RUNS.findall(text)]
        said = [(phonemes, rating) for phonemes, rating in answers if phonemes]
        if not said:
            return None, None
        return " ".join(phonemes for phonemes, _ in said), min(rating for _, rating in said)


class _Spelled:
    """All that misaki's fallback reads of a token."""

    def __init__(self, text: str) -> None:
        self.text = text
