from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text.aligned import AlignedText, Said
from gateway.text.cleaning import clean
from gateway.text.markup import Lexicon
from shared.errors import InvalidValue
from tests.text.markup.markup import read, speeches

LEXICON = Lexicon(
    {
        "kokoro": "/kˈOkəɹO/",
        "US": "jˌuˈɛs",
        "New York": "nˌu jˈɔɹk",
        "new": "nˈu",
        "C++": "sˌiplˈʌs",
        "café": "kæˈfeɪ",
        "O'Brien": "OˈbɹIən",
        "東京": "toːkjoː",
        "東": "çigaɕi",
        "हिन्दी": "hˈɪndi",
    }
)


def applied(text: str, lexicon: Lexicon = LEXICON) -> str:
    result = lexicon.apply(clean(AlignedText.of(text)))
    return "".join(
        char if (said := result.said_at(index)) is None else f"{{{said.text}}}"
        for index, char in enumerate(result.text)
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # an entry in lower case stands for the word in any case
        ("Kokoro, KOKORO and kokoro!", "{Kokoro}, {KOKORO} and {kokoro}!"),
        # one with a capital only for itself
        ("US, us, Us", "{US}, us, Us"),
        # never inside words
        ("kokoros Xkokoro kokoro_x 2kokoro", "kokoros Xkokoro kokoro_x 2kokoro"),
        ("O'Brien, O'Briens, D'O'Brien", "{O'Brien}, O'Briens, D'O'Brien"),
        # but before an ending, a hyphen, a sign
        ("Kokoro's kokoro’s KOKORO'S US's", "{Kokoro}'s {kokoro}’s {KOKORO}'S {US}'s"),
        ("kokoro-based (kokoro) kokoro.com", "{kokoro}-based ({kokoro}) {kokoro}.com"),
        # the longest match
        ("New York is new, New York", "{New York} is {new}, {New York}"),
        ("New \n York, new york, New, NewYork", "{New \n York}, {new} york, {New}, NewYork"),
        ("New\n\nYork\n\nKokoro", "{New}\n\nYork\n\n{Kokoro}"),
        # signs, composed letters, curly apostrophes
        ("C++ or C+ or C", "{C++} or C+ or C"),
        ("Cafe\u0301 café CAFÉ cafés", "{Café} {café} {CAFÉ} cafés"),
        ("O’Brien", "{O’Brien}"),
        # scripts without spaces
        ("私は東京都の東に住む", "私は{東京}都の{東}に住む"),
        ("हिन्दी, हिन्दीx", "{हिन्दी}, हिन्दीx"),
        ("", ""),
        (" \n ", " \n "),
    ],
)
def test_occurrences(before: str, after: str) -> None:
    assert applied(before) == after


def test_exact_entries_come_before_those_for_any_case() -> None:
    lexicon = Lexicon({"polish": "pˈɑlɪʃ", "Polish": "pˈOlɪʃ"})
    result = lexicon.apply(AlignedText.of("Polish polish POLISH"))

    assert [said.phonemes for _, said in result.objects()] == ["pˈOlɪʃ", "pˈɑlɪʃ", "pˈɑlɪʃ"]


def test_an_object_stands_for_the_word() -> None:
    text = "In New York, Kokoro’s"
    result = LEXICON.apply(AlignedText.of(text, 100))

    assert result.text == "In \ufffc, \ufffc’s"
    assert result.span(3, 4) == (103, 111)
    assert result.span(6, 7) == (113, 119)
    assert result.span(7, 9) == (119, 121)
    assert result.said == {103: Said("New York", "nˌu jˈɔɹk"), 113: Said("Kokoro", "kˈOkəɹO")}


def test_phonemes_are_those_of_the_model() -> None:
    [(_, said)] = LEXICON.apply(AlignedText.of("café")).objects()

    assert said.phonemes == "kæfˈA"


def test_what_is_said_as_told_already_stays() -> None:
    [speech] = speeches(read("[Kokoro](/a/) and [Kokoro](+1)"))
    result = LEXICON.apply(speech.text)

    assert list(result.said.values()) == [Said("Kokoro", "a"), Said("Kokoro", "kˈOkəɹO", stress=1.0)]


def test_of_two_entries_in_one_reading_the_first_is_told() -> None:
    reading = AlignedText.of("NYC").reading("New York new New York")
    result = LEXICON.apply(reading)

    assert result.text == "\ufffc new \ufffc"
    assert result.said == {0: Said("New York", "nˌu jˈɔɹk")}


def test_empty_costs_nothing() -> None:
    text = AlignedText.of("Kokoro")

    assert not Lexicon()
    assert Lexicon().apply(text) is text
    assert Lexicon({}).apply(text) is text


def test_without_an_occurrence_the_text_is_the_same_one() -> None:
    text = AlignedText.of("nothing of it")

    assert LEXICON.apply(text) is text


def test_travels_to_other_processes() -> None:
    copy: Lexicon = pickle.loads(pickle.dumps(LEXICON))  # noqa: S301

    assert copy
    assert applied("New York's Kokoro, 東京", copy) == "{New York}'s {Kokoro}, {東京}"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"Kokoro": "/kʘ/"}, "lexicon: 'Kokoro': 'ʘ' (U+0298, LATIN LETTER BILABIAL CLICK) is no phoneme that the"),
        ({"Kokoro": "k\x00"}, "lexicon: 'Kokoro': '\\x00' (U+0000, no character) is no phoneme that the model knows."),
        ({"ok": "a", "Kokoro": ""}, "lexicon: 'Kokoro': there is no sound in these phonemes."),
        ({"Kokoro": "//"}, "lexicon: 'Kokoro': there is no sound in these phonemes."),
        ({"Kokoro": "a" * 511}, "lexicon: 'Kokoro': a pronunciation has at most 510 phonemes, this has 511."),
        ({"": "a"}, "lexicon: '': there is no letter and no digit in this."),
        ({" ++ ": "a"}, "lexicon: ' ++ ': there is no letter and no digit in this."),
        ({"\ufffc": "a"}, "there is no letter and no digit in this."),
        ({"x" * 101: "a"}, "…': a word has at most 100 characters."),
        ({"a " * 17: "a"}, "an entry has at most 16 words and signs."),
        ({"New York": "a", "New  York": "b"}, "lexicon: 'New  York': this is there twice."),
        ({str(number): "a" for number in range(1001)}, "lexicon has 1001 entries; 1000 are allowed."),
    ],
)
def test_refusals_name_the_entry(entries: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Lexicon(entries)

    assert message in refused.value.message
    assert refused.value.param == "lexicon"


def test_the_field_may_have_another_name() -> None:
    with pytest.raises(InvalidValue, match=r"^pronunciations: 'x'") as refused:
        Lexicon({"x": ""}, param="pronunciations")

    assert refused.value.param == "pronunciations"


_FULL = {f"word{number}": "wˈɜɹd" for number in range(998)} | {"a " * 15 + "b": "a", "東" * 15 + "京": "a"}


@pytest.mark.parametrize("unit", ["The quick brown word5 fox jumps over it. ", "it's ", " ", "a'"])
def test_a_megabyte_with_a_thousand_entries(unit: str) -> None:
    text = AlignedText.of(unit * (1_000_000 // len(unit)))
    lexicon = Lexicon(_FULL)
    started = time.process_time()
    lexicon.apply(text)

    assert time.process_time() - started < 2


@pytest.mark.parametrize("unit", ["a ", "東", "word1 ", "a a a a b ", "．"])
def test_linear_where_every_place_may_be_an_entry(unit: str) -> None:
    text = AlignedText.of(unit * (250_000 // len(unit)))
    lexicon = Lexicon(_FULL)
    started = time.process_time()
    lexicon.apply(text)

    assert time.process_time() - started < 2


_TOKENS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5)


@given(st.sets(_TOKENS.map(" ".join), min_size=1, max_size=8), st.lists(st.sampled_from("abcd"), max_size=30))
def test_the_longest_entry_counts_whatever_they_begin_with(entries: set[str], words: list[str]) -> None:
    expected, place = [], 0
    while place < len(words):
        fitting = [entry.split() for entry in entries if entry.split() == words[place : place + len(entry.split())]]
        longest = max(fitting, key=len, default=[])
        expected.append(f"{{{' '.join(longest)}}}" if longest else words[place])
        place += len(longest) or 1

    assert applied(" ".join(words), Lexicon(dict.fromkeys(entries, "a"))) == " ".join(expected)
