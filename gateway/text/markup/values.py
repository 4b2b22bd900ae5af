"""What is written in tags and attributes, as numbers. Each reads None where the value is malformed."""

from __future__ import annotations

import re

_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}"
"""As long as anyone writes one; a float holds it exactly enough, and cannot overflow."""

_TIME = re.compile(rf"\s*\+?({_NUMBER})\s*(ms|s)\s*", re.IGNORECASE | re.ASCII)
_SECONDS = re.compile(rf"\s*({_NUMBER})\s*", re.ASCII)
_PERCENTAGE = re.compile(rf"([+-]?)({_NUMBER})%", re.ASCII)
_SIGNED = re.compile(rf"[+-]({_NUMBER})", re.ASCII)
_DECIBELS = re.compile(rf"([+-]?(?:{_NUMBER}))dB", re.IGNORECASE | re.ASCII)

BREAK_S = {"none": 0.0, "x-weak": 0.0, "weak": 0.25, "medium": 0.5, "strong": 1.0, "x-strong": 1.5}
"""Strengths of SSML's ``<break>``, in seconds, as Kokoro-FastAPI takes them."""

RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
"""Names of SSML's ``<prosody rate>``, as Kokoro-FastAPI takes them."""

VOLUMES = {"silent": 0.0, "x-soft": 0.25, "soft": 0.5, "medium": 1.0, "default": 1.0, "loud": 1.5, "x-loud": 2.0}
"""Names of SSML's ``<prosody volume>``, as factors."""

STRESSES: dict[str, float | None] = {"strong": 2.0, "moderate": 1.0, "none": None, "reduced": -1.0}
"""Levels of SSML's ``<emphasis>``, as ``Said.stress``."""

_CODES = {"en": "en-us", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "ja": "ja", "pt": "pt-br", "zh": "zh"}
_BRITISH = frozenset({"en-gb", "en-ie", "en-au", "en-nz", "en-za", "en-in"})


def language_code(tag: str) -> str:
    """The code, among ``languages.Language``'s, for a language tag (BCP 47) such as ``es-MX``, else the tag itself.

    Only in English does the region matter: there is one way to speak each of the others.
    """
    subtags = tag.strip().lower().replace("_", "-").split("-")
    if "-".join(subtags[:2]) in _BRITISH:
        return "en-gb"
    return _CODES.get(subtags[0], tag)


def time_s(value: str) -> float | None:
    """``1.5s`` or ``500ms``, in seconds."""
    match = _TIME.fullmatch(value)
    if match is None:
        return None
    number = float(match[1])
    return number / 1000 if match[2].lower() == "ms" else number


def number(value: str) -> float | None:
    """A number without a sign."""
    match = _SECONDS.fullmatch(value)
    return float(match[1]) if match else None


def prosody_rate(value: str) -> float | None:
    """A name, a factor, ``80%``, or a change as in ``+20%`` (SSML 1.1, section 3.2.4)."""
    value = value.strip().lower()
    if value in RATES:
        return RATES[value]
    return number(value) if "%" not in value else _percentage(value)


def prosody_volume(value: str) -> float | None:
    """A name, decibels, a number of 0 to 100, a percentage, or a change of one as in ``-20%``, as a factor."""
    value = value.strip().lower()
    if value in VOLUMES:
        return VOLUMES[value]
    if (decibels := _DECIBELS.fullmatch(value)) is not None:
        return float(10 ** (min(float(decibels[1]), 1_000.0) / 20))
    if "%" in value:
        return _percentage(value)
    if _SIGNED.fullmatch(value):
        return _percentage(value + "%")
    loudness = number(value)
    return None if loudness is None else loudness / 100


def _percentage(value: str) -> float | None:
    match = _PERCENTAGE.fullmatch(value)
    if match is None:
        return None
    share = float(match[2]) / 100
    change = {"": share, "+": 1 + share, "-": 1 - share}
    return max(0.0, change[match[1]])
