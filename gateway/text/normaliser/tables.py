"""Where each language's rules are found, and the whole table for a language and a request's options."""

from __future__ import annotations

import functools
import importlib
from typing import Protocol, cast

from gateway.text.languages import Language
from gateway.text.normaliser import emoji, markdown
from gateway.text.normalization import NormalizationOptions
from gateway.text.rule_table import RuleTable
from gateway.text.rules import AnyRule

MODULES: dict[Language, str] = {
    Language.EN_US: "english",
    Language.EN_GB: "english",
    Language.ES: "spanish",
    Language.FR: "french",
    Language.HI: "hindi",
    Language.IT: "italian",
    Language.JA: "japanese",
    Language.PT_BR: "portuguese",
    Language.ZH: "chinese",
}
"""The module in this folder that implements ``LanguageModule`` for a language."""


class LanguageModule(Protocol):
    """What a language's module exports."""

    def rules(self, language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:
        """The language's rules in their order, without those that ``options`` switch off."""

    def say_as(self, text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002
        """``text``, stripped and not empty, in words. ``interpret_as`` is one of INTERPRETATIONS. Raises ValueError."""


def language_module(language: Language) -> LanguageModule:
    """The module of ``language``. Raises ValueError for a language without one."""
    if language not in MODULES:
        raise ValueError(f"There is no normaliser for {language.value} yet.")
    return cast("LanguageModule", importlib.import_module(f"gateway.text.normaliser.{MODULES[language]}"))


@functools.lru_cache(maxsize=128)
def rules_for(language: Language, options: NormalizationOptions) -> RuleTable:
    """Every rule for a text in ``language``, in order; of a language without a module those that all share."""
    table: list[AnyRule] = [*emoji.rules(language, options)]
    if options.normalize:
        if options.markdown_normalization:
            table += markdown.rules(options)
        if language in MODULES:
            table += language_module(language).rules(language, options)
    return RuleTable([*table, markdown.RULED_LINES])
