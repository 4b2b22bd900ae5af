"""English, American and British: the order of the rules, and what SSML asks to be said in a certain way.

What is longest and most particular goes first, so that what is left for a later rule is never part of something else:
addresses before abbreviations and numbers, dates before times, times before ranges, ranges before the numbers at
their ends. Rules replace as little as they can, so that most words keep a place of their own in the input.
"""

from __future__ import annotations

from gateway.text.languages import Language
from gateway.text.normaliser.english.abbreviations import abbreviation_rules
from gateway.text.normaliser.english.addresses import address_rules
from gateway.text.normaliser.english.counts import (
    code_rules,
    fraction_rules,
    plain_rules,
    range_rules,
)
from gateway.text.normaliser.english.dates import date_rules, year_rules
from gateway.text.normaliser.english.money import money_rules
from gateway.text.normaliser.english.numbers import numbers_of
from gateway.text.normaliser.english.phones import digit_run_rules, phone_rules
from gateway.text.normaliser.english.powers import power_rules
from gateway.text.normaliser.english.roman import roman_rules
from gateway.text.normaliser.english.say_as import say_as
from gateway.text.normaliser.english.symbols import math_rules, plural_rules, punctuation_rules, symbol_rules
from gateway.text.normaliser.english.times import time_rules
from gateway.text.normaliser.english.units import unit_rules
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import AnyRule

__all__ = ["rules", "say_as"]


def rules(language: Language, options: NormalizationOptions) -> tuple[AnyRule, ...]:
    """The table for American or British English."""
    say = numbers_of(language)
    return (
        *punctuation_rules(),
        *address_rules(say, options),
        *(plural_rules() if options.optional_pluralization_normalization else ()),
        *abbreviation_rules(),
        *roman_rules(say),
        *digit_run_rules(),
        *(phone_rules() if options.phone_normalization else ()),
        *range_rules(),
        *date_rules(say),
        *time_rules(say),
        *money_rules(say),
        *unit_rules(say, ambiguous=options.unit_normalization),
        *power_rules(say),
        *math_rules(),
        *fraction_rules(say),
        *year_rules(say),
        *code_rules(say),
        *plain_rules(say),
        *(symbol_rules() if options.replace_remaining_symbols else ()),
    )
