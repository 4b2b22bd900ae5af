"""The table as a whole: every rule is needed by a case, every option changes something, British differs."""

from __future__ import annotations

import itertools

import pytest

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean
from gateway.text.languages import Language
from gateway.text.normaliser.tables import MODULES, rules_for
from gateway.text.normalization import DEFAULTS, NormalizationOptions
from gateway.text.rule_table import RuleTable
from tests.text.normaliser import (
    test_abbreviations,
    test_addresses,
    test_british,
    test_dates,
    test_markdown,
    test_money,
    test_numbers,
    test_options,
    test_phones,
    test_roman,
    test_symbols,
    test_times,
    test_units,
)
from tests.text.normaliser.checks import spoken

_MODULES = (
    test_abbreviations,
    test_addresses,
    test_dates,
    test_markdown,
    test_money,
    test_numbers,
    test_phones,
    test_roman,
    test_symbols,
    test_times,
    test_units,
)
CASES = tuple(before for module in _MODULES for before, _ in module.CASES)


def _rules_that_act(before: str, language: Language, options: NormalizationOptions) -> set[str]:
    text, names = clean(AlignedText.of(before)), set()
    for rule in rules_for(language, options):
        changed = rule.apply(text)
        if changed.text != text.text:
            names.add(rule.name)
        text = changed
    return names


def test_every_rule_has_a_case() -> None:
    acting = set[str]()
    for before in CASES:
        acting |= _rules_that_act(before, Language.EN_US, DEFAULTS)
    for case in test_options.CASES:
        acting |= _rules_that_act(case.before, Language.EN_US, case.options)

    tables = [
        rules_for(Language.EN_US, options) for options in {DEFAULTS, *(case.options for case in test_options.CASES)}
    ]
    names = {rule.name for rule in itertools.chain(*tables)}
    assert names - acting == set()


def test_rules_that_are_guarded_need_what_they_say() -> None:
    """Without its guard a rule changes no text that the guard keeps from it."""
    for before in CASES:
        text = clean(AlignedText.of(before))
        for rule in rules_for(Language.EN_US, DEFAULTS):
            changed = rule.apply(text)
            if changed.text != text.text:
                assert RuleTable([rule]).able(text.text), (rule.name, text.text)
            text = changed


def test_names_are_unique() -> None:
    names = [rule.name for rule in rules_for(Language.EN_US, DEFAULTS)]
    assert len(names) == len(set(names))


def test_there_are_cases_enough() -> None:
    assert len(set(CASES)) + len(test_british.CASES) + len(test_options.CASES) >= 600


@pytest.mark.parametrize("before", CASES)
def test_no_digit_is_left(before: str) -> None:
    assert not any(char.isnumeric() for char in spoken(before, drops=True))


@pytest.mark.parametrize("before", CASES)
def test_what_is_normal_stays(before: str) -> None:
    """What came out of the normaliser goes through it unchanged, but for spaces, and so do words around it."""
    once = spoken(before, drops=True)
    if "\n" in before or "*" in before:
        return
    assert spoken(f"Well, {once}", drops=True).split() == f"Well, {once}".split()


@pytest.mark.parametrize("language", MODULES)
def test_every_language_has_its_table(language: Language) -> None:
    assert len(rules_for(language, DEFAULTS)) > len(rules_for(language, NormalizationOptions(normalize=False)))
