"""Emoji: left out, or said by the names that Unicode's CLDR gives them."""

from __future__ import annotations

import functools

import regex

from gateway.text.languages import Language
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import NOT_ASCII, Rule

_PICTOGRAPH = r"[[\p{Extended_Pictographic}--[\x00-\u2134\u2190-\u21ff]]\p{Regional_Indicator}]"

EMOJI = rf"(?:{_PICTOGRAPH}(?:\ufe0f|\p{{Emoji_Modifier}}|\u200d{_PICTOGRAPH}|[\U000e0020-\U000e007f])*+)"
"""One emoji with its modifiers, or one half of a flag; for patterns that begin with ``(?V1)``."""

_RUN = regex.compile(rf"(?V1){EMOJI}++")

_NAMES_IN = {
    Language.ES: "es",
    Language.FR: "fr",
    Language.IT: "it",
    Language.JA: "ja",
    Language.PT_BR: "pt",
    Language.ZH: "zh",
}


def rules(language: Language, options: NormalizationOptions) -> tuple[Rule, ...]:
    if options.name_emoji:
        return (Rule("emoji by name", _RUN, functools.partial(_names, language=language), NOT_ASCII),)
    return (Rule("no emoji", _RUN, lambda _: " ", NOT_ASCII),)


def _names(run: regex.Match[str], language: Language) -> str:
    import emoji  # 2 MB of names that few requests want

    names = [
        emoji.demojize(found["emoji"], delimiters=("", ""), language=_NAMES_IN.get(language, "en"))
        for found in emoji.emoji_list(run.group())
    ]
    words = ", ".join(name.replace("_", " ").replace("-", " ") for name in names)
    return f" {words} "
