from __future__ import annotations

import sys
import time

import pytest
import regex

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import _ORDINARY, RULES, _composed, clean, on_one_line
from gateway.text.rules import Rule


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("plain text, as it is.", "plain text, as it is."),
        # emoji, whole, for the normaliser
        ("I ❤️ you", "I ❤️ you"),
        ("well done 👍🏽!", "well done 👍🏽!"),
        ("a family 👨‍👩‍👧 of flags 🇺🇸", "a family 👨‍👩‍👧 of flags 🇺🇸"),
        ("1️⃣ first", "1 first"),
        ("© 2024 Acme™ → 100°C", "© 2024 Acme™ → 100°C"),
        # invisible marks
        ("co\u00adoperate", "cooperate"),
        ("\ufeffA\u200dB\u200b \u200fC", "AB C"),
        # characters without meaning
        ("a\x00b\x07c\x1bd", "a b c d"),
        ("a\ue000b\ufffdc", "a b c"),
        # apostrophes
        ("don\u02bct, l\u00b4eau, rock\uff07n\uff07roll", "don't, l'eau, rock'n'roll"),
        # marks on nothing
        ("\u0301\u0302 x", " x"),
        # letters and digits in disguise
        ("e\u0301tude", "étude"),
        ("Nguyễn, ḛ, ἄνθρωπος", "Nguyen, e, ανθρωπος"),
        ("Z̴̢̛a̶͝lgo", "Zalgo"),
        ("ﬁne ｆｕｌｌ 𝐇𝐢", "fine full Hi"),
        ("１２ ٣ १", "12 3 1"),
        ("① ⑿ ❼ Ⓐ", " 1 12 7 A "),
        ("¿Qué⁉ No‼", "¿Qué!? No!!"),
        # whitespace
        ("a \t b\r\nc\u00a0d\u2003e", "a b c d e"),
    ],
)
def test_rule(before: str, after: str) -> None:
    assert on_one_line(clean(AlignedText.of(before))).text == after


def test_every_character_knows_its_place() -> None:
    before = "I \u200d \x07 cafe\u0301s"
    after = on_one_line(clean(AlignedText.of(before, offset=100)))

    assert after.text == "I cafés"
    assert after.span(0, 1) == (100, 101)
    assert after.span(1, 2) == (101, 106)  # the spaces, and what was between them
    assert after.span(2, 7) == (106, 112)
    assert after.span(5, 6) == (109, 111)  # the e and its accent


def test_replacing_twice_points_at_the_original() -> None:
    once = AlignedText.of("3 km away").sub(regex.compile("km"), lambda _: "kilometres")
    twice = once.sub(regex.compile("kilo"), lambda _: "thousand ")

    assert twice.text == "3 thousand metres away"
    assert twice.span(twice.text.index("thousand"), twice.text.index(" away")) == (2, 4)
    assert twice.span(twice.text.index("away"), len(twice.text)) == (5, 9)


@pytest.mark.parametrize(
    "unit", ["1", ".", " ", "a", "\n \n", "e\u0301", "\u0301", "😀", "\u200d", "𝐇", "=", "a\u00b4"]
)
def test_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    started = time.perf_counter()
    on_one_line(clean(AlignedText.of(text)))

    assert time.perf_counter() - started < 2


def test_ordinary_letters_need_no_look() -> None:
    """The rule for letters leaves out those that it would not change."""
    letters = [chr(code) for code in (*range(0xC0, 0x250), *range(0x400, 0x460), *range(0x4E00, 0xA000))]

    for letter in filter(str.isalpha, letters):
        after = clean(AlignedText.of(letter)).text
        assert after == _composed(letter), letter
        assert clean(AlignedText.of(f"{letter}\u0301")).text == _composed(f"{letter}\u0301"), letter


_EVERY_CHARACTER = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]


def test_letters_that_are_taken_for_ordinary_stay_what_they_are() -> None:
    ordinary = regex.findall(f"[{_ORDINARY}]", "".join(_EVERY_CHARACTER))

    assert [letter for letter in ordinary if _composed(letter) != letter] == []


@pytest.mark.parametrize("rule", [rule for rule in RULES if isinstance(rule, Rule) and rule.hint is not None])
def test_every_character_that_a_rule_may_match_is_a_hint_of_it(rule: Rule) -> None:
    assert rule.hint is not None
    found = [char for char in _EVERY_CHARACTER if rule.pattern.match(char)]

    assert found
    assert [char for char in found if not rule.hint.match(char)] == []


def test_every_mark_is_a_hint_of_a_letter_with_marks() -> None:
    (rule,) = [rule for rule in RULES if rule.name == "letters in disguise"]
    marks = regex.findall(r"\p{M}", "".join(_EVERY_CHARACTER))

    assert isinstance(rule, Rule)
    assert rule.hint is not None
    assert [mark for mark in marks if not rule.hint.match(mark)] == []
