"""What spares the rules work changes nothing: the same as each of them over all of every text, in turn."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.text.aligned import OBJECT, AlignedText, Said
from gateway.text.cleaning import RULES, clean
from gateway.text.languages import Language
from gateway.text.normaliser.english import addresses, dates, money, units
from gateway.text.normaliser.english.patterns import any_of
from gateway.text.normaliser.tables import rules_for
from gateway.text.normalization import NormalizationOptions
from gateway.text.rule_table import RuleTable
from gateway.text.rules import Anchor, AnyRule, Respelling, Rule, Unwrap
from tests.text.languages.test_normalisers import CASES as OTHER_CASES
from tests.text.normaliser.test_linear import UNITS
from tests.text.normaliser.test_table import CASES

_ALL = NormalizationOptions(unit_normalization=True, name_emoji=True, read_code=False)
_LANGUAGES = st.sampled_from(list(Language))
_PIECES = st.sampled_from([*UNITS, *CASES, *(before for table in OTHER_CASES.values() for before, _ in table)])
_TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.tuples(_PIECES, st.integers(1, 60)).map(lambda cut: cut[0][: cut[1]]), max_size=30).map("".join),
    st.from_regex(r"[0-9.,:/\-' $%a-dA-Dx+^=’½°]{0,80}", fullmatch=True),
)


def _rule_by_rule(text: AlignedText, rules: RuleTable) -> AlignedText:
    for rule in rules:
        text = text.edited(_unguarded(rule).edits(text.text))
    return text


def _unguarded(rule: AnyRule) -> AnyRule:
    """Looks at all of every text for nothing but its pattern."""
    if isinstance(rule, Rule):
        return rule._replace(hint=None, anchor=None)
    return rule if isinstance(rule, Unwrap) else rule._replace(hint=None)


@settings(deadline=None)
@given(_TEXTS, _LANGUAGES)
def test_a_rule_that_is_passed_over_would_change_nothing(before: str, language: Language) -> None:
    text = AlignedText.of(before)
    cleaned = RULES.apply(text)
    rules = rules_for(language, _ALL)

    assert _plain(cleaned) == _plain(_rule_by_rule(text, RULES))
    assert _plain(rules.apply(cleaned)) == _plain(_rule_by_rule(cleaned, rules))


def _plain(text: AlignedText) -> tuple[str, list[int], list[int]]:
    return text.text, list(text.starts), list(text.ends)


@pytest.mark.parametrize("before", CASES)
def test_a_hint_is_found_where_its_pattern_is(before: str) -> None:
    text = clean(AlignedText.of(before))
    for rule in rules_for(Language.EN_US, _ALL):
        if isinstance(rule, Rule | Respelling) and rule.hint is not None and rule.pattern.search(text.text):
            assert rule.hint.search(text.text), rule.name
        text = rule.apply(text)


_NEAR = st.text(alphabet="0123456789 .,:-–'’/^*%$€£x=+#@~<>|_°²smkhCMXIVto\u00a0\u2009\t\n", max_size=150)


@settings(deadline=None, max_examples=300)
@given(_NEAR | _TEXTS)
def test_anchors_and_hints_lose_nothing(before: str) -> None:
    text = AlignedText.of(before)
    for rule in (*RULES, *rules_for(Language.EN_US, _ALL)):
        assert rule.edits(text.text) == _unguarded(rule).edits(text.text), rule.name
        text = rule.apply(text)


_PRICE = regex.compile(r"(?<![0-9])[0-9]++ ?€")
_BY_SIGN = Anchor(re.compile("€(?<=[0-9 ].)"), run="0123456789 ", begin=re.compile(r"(?<![0-9])[0-9]"))


@pytest.mark.parametrize("text", ["", "€", "5€", "1 5 € 7€€ 8€", f"{'x ' * 90}12 € {'y ' * 90}3€", "5€" * 90])
def test_an_anchored_pattern_finds_what_it_finds_alone(text: str) -> None:
    found = _BY_SIGN.matches(_PRICE, text)

    assert [match.span() for match in found] == [match.span() for match in _PRICE.finditer(text)]


def test_a_text_of_which_nothing_is_left_is_empty() -> None:
    assert AlignedText.of("|").edited([(0, 1, "")]) == AlignedText("", array("i"), array("i"))


def test_what_a_rule_brings_wakes_later_rules_and_what_it_takes_puts_them_to_sleep() -> None:
    asked: list[str] = []

    def asks(name: str, needs: str) -> Rule:
        def replacement(match: regex.Match[str]) -> str:
            asked.append(name)
            return str(match.group())

        return Rule(name, regex.compile("(?s)^.++"), replacement, frozenset(needs))

    table = RuleTable(
        [asks("b", "b"), Rule("a", regex.compile("a"), lambda _: "b"), asks("b again", "b"), asks("a again", "a")]
    )
    long_text = "xa" * 500

    assert table.apply(AlignedText.of("xa")).text == "xb"
    assert table.apply(AlignedText.of(long_text)).text == "xb" * 500
    assert asked == ["b again", "b again"]


_WORDS = {
    "units": [*units.CLEAR, *units.AMBIGUOUS],
    "currencies": [*money.CURRENCIES, *money.CODES],
    "scales": list(money.SCALES),
    "months": list(dates.SHORT_MONTHS),
    "file names": list(addresses.EXTENSIONS),
    "one of another": ["a", "ab", "abc", "b.", "b", "a b", "a b c"],
}


@pytest.mark.parametrize("kind", _WORDS)
def test_any_of_matches_as_the_words_would_one_by_one(kind: str) -> None:
    words = _WORDS[kind]
    one_by_one = "|".join(regex.escape(word) for word in sorted(words, key=len, reverse=True))
    for ending in ("", r"(?![a-z])", r"\b", r"$"):
        fast, slow = regex.compile(f"(?:{any_of(words)}){ending}"), regex.compile(f"(?:{one_by_one}){ending}")
        for text in [first + between + last for first in words for between in ("", " ", "x") for last in words[::7]]:
            assert [match.span() for match in fast.finditer(text)] == [match.span() for match in slow.finditer(text)]


_RUNS = regex.compile(r"[0-9]++")


@given(st.text(alphabet="ab12 é\ufffc", max_size=120), st.integers(0, 3))
def test_many_respelled_at_once_are_the_same_as_one_by_one(written: str, length: int) -> None:
    objects = {place: Said("x") for place, char in enumerate(written) if char == OBJECT}
    text = AlignedText(written, range(7, 7 + len(written)), range(8, 8 + len(written)), _after(objects, 7))

    def read(run: str) -> str:
        return "z" * (length + (len(run) - 1) % 3)

    at_once = text.respelled(regex.compile("([0-9]++)"), read)
    one_by_one = text.edited([(*match.span(), read(match.group())) for match in _RUNS.finditer(written)])
    assert _plain(at_once) == _plain(one_by_one) == _character_by_character(written, read)
    assert at_once.said == text.said


def _after(said: dict[int, Said], offset: int) -> dict[int, Said]:
    return {place + offset: each for place, each in said.items()}


def _character_by_character(written: str, read: Callable[[str], str]) -> tuple[str, list[int], list[int]]:
    """What ``edited`` promises, as plainly as can be: for a text whose first character is at 7."""
    made: list[tuple[str, int, int]] = []
    for piece in re.finditer(r"[0-9]+|[^0-9]", written):
        is_run = piece.group()[0] in "0123456789"
        new = read(piece.group()) if is_run else piece.group()
        made += [(char, 7 + piece.start(), 7 + piece.end()) for char in new]
    return "".join(char for char, *_ in made), [start for _, start, _ in made], [end for *_, end in made]


@pytest.mark.parametrize("repeats", [1, 3, 40])
def test_few_edits_and_many_are_made_alike(repeats: int) -> None:
    written = "12a3 45" * repeats
    text = AlignedText.of(written, 7)

    edited = text.edited([(*match.span(), f"<{match.group()}>") for match in _RUNS.finditer(written)])
    assert _plain(edited) == _character_by_character(written, lambda run: f"<{run}>")
