"""Text in pieces: what can be spoken is given as soon as nothing to come can change it, and never less than a word."""

from __future__ import annotations

import random

import pytest

from gateway.text.incremental import LONGEST_SENTENCE_CHARS, LONGEST_WORD_CHARS, IncrementalText, Portion
from gateway.text.languages import Language
from tests.text.growth import grows_linearly


def fed(*pieces: str, language: Language = Language.EN_US, has_voice_tags: bool = True) -> IncrementalText:
    text = IncrementalText(language, has_voice_tags=has_voice_tags)
    for piece in pieces:
        text.append(piece)
    return text


def spoken(portion: Portion | None) -> str | None:
    return None if portion is None else portion.text.strip()


def drip(whole: str, size: int, language: Language = Language.EN_US) -> list[Portion]:
    text = fed(language=language)
    portions = []
    for start in range(0, len(whole), size):
        text.append(whole[start : start + size])
        while portion := text.sentences():
            portions.append(portion)
    rest = text.rest()
    return portions + ([rest] if rest else [])


@pytest.mark.parametrize(
    ("so_far", "is_sure"),
    [
        ("He left.", None),  # ".5", ".com", ".”"
        ("He left. ", "He left."),
        ("Dr. ", None),
        ("Dr. Smith left. ", "Dr. Smith left."),
        ("It costs 3.", None),
        ("It costs 3.1", None),
        ("See No. ", None),  # "No. 5"
        ("No. He left", "No."),
        ("It rained, etc. ", None),
        ("It rained, etc. The ", "It rained, etc."),
        ("It rained, etc. Th", None),  # "Thomas"
        ("In the U.S. Army ", None),
        ("Wait... ", None),
        ("Wait... what? ", "Wait... what?"),
        ("Wait... What", "Wait..."),
        ('"Stop!" ', None),
        ('"Stop!" he said', None),
        ('"Stop!" She ran. ', '"Stop!" She ran.'),
        ('He said "stop.', None),
        ("Go! ", "Go!"),
        ("A heading\n", None),
        ("A heading\n\n", "A heading"),
        ("- one\n", None),
        ("- one\n- two", "- one"),
        ("a line\nof prose", None),
        ("1. Open", None),
    ],
)
def test_only_what_nothing_can_change(so_far: str, is_sure: str | None) -> None:
    assert spoken(fed(so_far).sentences()) == is_sure


@pytest.mark.parametrize(
    ("so_far", "is_sure"), [("はい。", None), ("はい。い", "はい。"), ("「はい。", None), ("「はい。」い", None)]
)
def test_japanese(so_far: str, is_sure: str | None) -> None:
    assert spoken(fed(so_far, language=Language.JA).sentences()) == is_sure


def test_a_french_quotation_ends_after_a_space() -> None:
    assert fed("« Bonjour. ", language=Language.FR).sentences() is None
    assert spoken(fed("« Bonjour. » Il", language=Language.FR).sentences()) == "« Bonjour. »"


def test_for_a_beginning_a_clause_will_do() -> None:
    assert fed("Well, ").clause() is None
    assert fed("As far as I can tell from here,").clause() is None  # "here,000" is unlikely, '",' is not
    assert spoken(fed("As far as I can tell from here, you").clause()) == "As far as I can tell from here,"
    assert fed("It happened here on the fifth of March 3, 2024").clause() is None


@pytest.mark.parametrize(
    ("so_far", "is_sure"),
    [
        ("That is all I kno", "That is all I"),
        ("That is all I know.", "That is all I know."),
        ('"That is all I know."', '"That is all I know."'),
        ("I think that it costs 3 mill", "I think that it"),
        ("I think that it costs 3.", "I think that it"),
        ("I think I met Dr.", "I think I met"),
        ("I think I met Dr. Sm", "I think I met"),
        ("I was thinking of [pause:1s", "I was thinking"),
        ("I was thinking of [Kokoro](/kˈOkəɹO kˈO", "I was thinking of"),
        ("Hel", None),
        ("Hello wor", None),
        ("Unbelievable", None),
    ],
)
def test_when_nothing_comes_it_is_cut_after_a_word(so_far: str, is_sure: str | None) -> None:
    text = fed(so_far)
    assert spoken(text.words()) == is_sure
    assert spoken(text.rest()) == (so_far[len(is_sure or "") :].strip() or None)


def test_a_tag_is_never_cut() -> None:
    text = fed("Hello [voice:af_sky. Th")
    assert text.sentences() is None
    text.append("is] Hello. You")
    assert spoken(text.sentences()) == "Hello [voice:af_sky. This] Hello."


def test_voices_and_rates_hold_until_the_next() -> None:
    portions = drip("[voice:af_sky]One. [rate:1.2]Two. Three. [voice:am_adam]Four. Five. [/voice]Six. Seven.", 3)
    assert [(portion.text.strip(), portion.in_force) for portion in portions] == [
        ("[voice:af_sky]One.", ""),
        ("[rate:1.2]Two.", "[voice:af_sky]"),
        ("Three.", "[voice:af_sky][rate:1.2]"),
        ("[voice:am_adam]Four.", "[voice:af_sky][rate:1.2]"),
        ("Five.", "[voice:am_adam]"),
        ("[/voice]Six.", "[voice:am_adam]"),
        ("Seven.", ""),
    ]


def test_without_voice_tags_nothing_holds() -> None:
    text = fed("[voice:af_sky]One. Two. Three. ", has_voice_tags=False)
    text.sentences()
    text.append("Four. ")
    assert text.sentences() == Portion(" Four.", 30, "")


def test_a_block_of_code_goes_on() -> None:
    portions = drip("So:\n\n```python\nprint('a. B. C')\n\nx = 1\n```\n\nThat is it. Bye.", 5)
    inside = [portion.text.strip() for portion in portions if portion.in_force]
    assert inside[0].startswith("x = 1")
    assert portions[-1] == Portion(" Bye.", 55, "")
    assert portions[-2].text.strip().endswith("That is it.")


def test_places_count_from_the_beginning() -> None:
    whole = "Dr. Fox paid 3.14 dollars.\n\n- one\n- two\n\n[pause:1s] “Really?” he said... No. 5 is it! Yes"
    for size in (1, 2, 3, 7, 50, 500):
        portions = drip(whole, size)
        for portion in portions:
            assert whole[portion.char_start :].startswith(portion.text)
        assert "".join("".join(portion.text for portion in portions).split()) == "".join(whole.split())


def test_however_small_the_pieces_the_sentences_are_the_same() -> None:
    words = (
        "the Dr. jumps over 3.14 lazy dogs, and e.g. said hello! Then it's over. Wow? etc. The No. 5 J. Fox.".split()
    )
    source = random.Random(7)  # noqa: S311
    whole = " ".join(source.choice(words) for _ in range(400))
    ends = {portion.char_start + len(portion.text) for portion in drip(whole, 1)}
    for size in (2, 5, 40):
        assert {portion.char_start + len(portion.text) for portion in drip(whole, size)} <= ends


def test_a_sentence_without_end_is_cut_where_one_would_breathe() -> None:
    portions = drip("and then we went on, and " * 200, 4)
    assert max(len(portion.text) for portion in portions) <= LONGEST_SENTENCE_CHARS + 200
    assert all(portion.text.endswith(", ") for portion in portions[:-1])
    assert max(len(portion.text) for portion in drip("a" * 10_000, 4)) <= LONGEST_WORD_CHARS


@pytest.mark.parametrize("piece", ["The quick fox, Dr. Fox, left. ", "word ", "a", "Dr. ", "[a ", "x!", "\n- ", ". "])
def test_a_long_drip_takes_linear_time(piece: str) -> None:
    """In pieces of 4."""
    assert grows_linearly(lambda whole: drip(whole, 4), lambda length: (piece * length)[:length])
