"""Pronunciations as misaki 0.9.4 gives them, and what is done where it would drop, crash or explode."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean, on_one_line
from gateway.text.errors import UnspeakableCharacters
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.spoken import Break, Word
from shared.vocabulary import token_ids


def words_of(text: str, g2p: G2P) -> tuple[Word, ...]:
    (words,) = g2p([on_one_line(clean(AlignedText.of(text)))])
    return words


def said(text: str, g2p: G2P) -> str:
    return "".join(word.phonemes + " " * word.space_after for word in words_of(text, g2p))


@pytest.mark.parametrize(
    ("text", "american", "british"),
    [
        ("Hello, world!", "həlˈO, wˈɜɹld!", "həlˈQ, wˈɜːld!"),
        ("tomato", "təmˈATO", "təmˈɑːtQ"),
        ("schedule", "skˈɛʤˌul", "ʃˈɛdjuːl"),
        ("water", "wˈɔTəɹ", "wˈɔːtə"),
        ("bath", "bˈæθ", "bˈɑːθ"),
        ("Kokoro", "kəkˈɔɹO", "kəkˈɔːɹQ"),
        ("Xyzzy", "zˈIzi", "zˈIzi"),
    ],
)
def test_words(text: str, american: str, british: str, g2ps: Mapping[Language, G2P]) -> None:
    assert said(text, g2ps[Language.EN_US]) == american
    assert said(text, g2ps[Language.EN_GB]) == british


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("I will read it.", "ˌI wɪl ɹˈid ɪt."),
        ("I had read it.", "ˌI hæd ɹˈɛd ɪt."),
        ("the cat, the owl", "ðə kˈæt, ði ˈWl"),
        ("Dr. Smith, No. 5, St. James St.", "dˈɑktəɹ smˈɪθ, nˈO fˈIv, sənt ʤˈAmz sənt."),
        ("The U.S. Army, e.g. at 5 a.m.", "ðə jˌuˈɛs ˈɑɹmi, ˌiʤˈi æt fˈIv ˌAˈɛm"),
        ("Wait... what?", "wˈAt... wˌʌt?"),
        ('"Go." she said.', "“ɡˌO.” ʃi sˈɛd."),
        ("It costs $3.50, or 50%.", "ˌɪt kˈɔsts θɹˈi dˈɑləɹz ænd fˈɪfti sˈɛnts, ɔɹ fˈɪfti pəɹsˈɛnt."),
        ("in 1984", "ɪn nˌIntˈin ˈATi fˈɔɹ"),
    ],
)
def test_context(text: str, phonemes: str, english: G2P) -> None:
    assert said(text, english) == phonemes


@pytest.mark.parametrize("digits", ["4" * 400, "$" + "9" * 60, "3." + "14159" * 8, "9" * 40 + "th", "7" * 5000])
def test_long_numbers_are_said_digit_by_digit(digits: str, english: G2P) -> None:
    spoken = said(digits, english).split(" ")

    assert len(spoken) >= sum(char.isdigit() for char in digits)


def test_long_number_keeps_its_sign_point_unit_and_suffix(english: G2P) -> None:
    assert said("-" + "1" * 20, english).startswith("mˈInəs wˈʌn wˈʌn")
    assert said("1234567890123456.5", english).endswith("sˈɪks pˈYnt fˈIv")
    assert said("$" + "1" * 20, english).endswith("wˈʌn dˈɑləɹz")
    assert said("1" * 20 + "2nd", english).endswith("wˈʌn sˈɛkənd")
    assert said("1,000,000,000,000,000", english) == "wˈʌn kwɑdɹˈɪljən"


@pytest.mark.parametrize(
    "text", ["1.,2", "²³.-", "-,", "1'2", "½¾", "٣٣", "Ⅳ", "1..2", ",1,", "$.", "$-5", "5-", "0x1F", "1e400"]
)
def test_odd_numbers_raise_nothing(text: str, english: G2P) -> None:
    words_of(text, english)


@pytest.mark.parametrize(
    "text", ["Привет мир", "Γειά σου", "שלום עולם", "مرحبا بالعالم", "नमस्ते", "안녕하세요", "Zoë's café", "naïve"]
)
def test_other_scripts_make_sounds(text: str, english: G2P) -> None:
    assert len(words_of(text, english)) == len(text.split())


def test_espeak_says_no_language_flags(english: G2P) -> None:
    assert "(" not in said("I love 안녕하세요 and नमस्ते.", english)
    assert said("the (en) flag", english) == "ði (ˈɛn) flˈæɡ"


@pytest.mark.parametrize(
    "word",
    [
        """?Fघkु]gडड,eआqZनl[.चzघiाm.%n]")Y"द)nडि-ीय-?एnb/B#अ.-?ख#'पsु/[छूvDrम&Buआव(ग`C%Bmf""",
        """खन]'-गओ[छ्ू?घ&[औ-ज:ई"]त@'त'फा'`फ::#ू%झ]!*ऊठ’_*%ी%सस;आ;डब)’`व@&*ऐ!ध/`द;-.व%इ'%(औ""",
        "dधb카마카-ქართ",
    ],
)
def test_scripts_and_signs_mixed_in_a_word_do_not_crash_espeak(word: str, english: G2P) -> None:
    """espeak-ng itself takes the process down over the first two."""
    from gateway.text.espeak import Espeak

    phonemes, _ = Espeak(british=False)(SimpleNamespace(text=word))
    words_of(word, english)

    assert phonemes


def test_a_word_without_a_sound_is_refused_with_its_place(english: G2P) -> None:
    text = "one 𐡛 two"  # Imperial Aramaic, which the caller is told of before; here espeak has nothing to say

    with pytest.raises(UnspeakableCharacters) as raised:
        words_of(text, english)

    assert (raised.value.char_start, raised.value.char_end) == (4, 5)


@pytest.mark.parametrize("text", ["", "...", "— — —", "* * *", "“”", "()", "- -", "^ ~ |"])
def test_signs_alone_are_silence(text: str, english: G2P) -> None:
    assert words_of(text, english) == ()


def test_words_know_their_places(english: G2P) -> None:
    text = "“Don’t stop,” she said—at  5:30pm—to Mr. O'Neill (twice) in a cafe\u0301!"
    spoken = [text[word.char_start : word.char_end] for word in words_of(text, english)]

    assert spoken == ("“ Don’t stop , ” she said — at 5:30pm — to Mr. O'Neill ( twice ) in a cafe\u0301 !".split())


def test_breaks(english: G2P) -> None:
    text = "When it rains, the old man and his dog stay in; “Bark,” says it—and sleeps."
    breaks = {text[word.char_start : word.char_end]: word.break_after for word in words_of(text, english)}

    assert breaks["rains"] is Break.NONE
    assert breaks[","] is Break.NONE  # the last comma, before a closing quote
    assert breaks["”"] is Break.CLAUSE
    assert breaks[";"] is Break.CLAUSE
    assert breaks["—"] is Break.CLAUSE
    assert breaks["man"] is Break.PHRASE
    assert breaks["old"] is Break.WORD
    assert breaks["the"] is breaks["his"] is Break.NONE


def test_all_phonemes_are_in_the_vocabulary(english: G2P) -> None:
    for text in ("[brackets] {and} «quotes»", "Ljubljana, Łódź, Þingvellir", "أحمد, ख़ान, 김치, Ђорђевић"):
        token_ids(said(text, english))  # raises UnknownSymbol


@pytest.mark.parametrize(
    "unit", ["a", "7", "ab-", "a_", "1/", "$1", "AbC", "a'", "=+%&@", "http://x.org/a?b=c&", "\"'", "ж", "न", "한"]
)
def test_tangled_runs_take_bounded_time(unit: str, english: G2P) -> None:
    text = unit * (2_000 // len(unit))
    started = time.process_time()
    words_of(text, english)

    assert time.process_time() - started < 5
