"""English, American and British."""

from __future__ import annotations

from gateway.text.languages import Language
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import AnyRule


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:
    return ()


def say_as(text: str, interpret_as: str, language: Language, *, format: str, detail: str) -> str:  # noqa: A002
    raise ValueError(f"{text[:40]!r} cannot be said as {interpret_as} yet.")
