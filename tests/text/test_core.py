"""From text to chunks, in this process."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.text.chunker import Chunk, ChunkLimits
from gateway.text.core import chunk_text
from gateway.text.errors import NothingToSpeak, TextRefused
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.scripts import refuse_unspeakable
from shared.vocabulary import is_audible, token_ids

COMMON_WORDS = (
    "the old man and his dog were walking slowly down to a river when rain began to fall on every roof in that small "
    "town where nobody had ever seen such weather before except perhaps her grandmother who remembered everything"
).split()


def check(chunks: list[Chunk], text: str) -> None:
    """What holds for every text."""
    for chunk in chunks:
        assert is_audible(chunk.phonemes)
        assert chunk.token_ids == token_ids(chunk.phonemes)
        assert 1 <= len(chunk.token_ids) <= ChunkLimits().absolute_max_tokens
        # A number of many words may have begun in the chunk before: each word stands for all of it.
        assert all(word.char_start <= word.char_end <= chunk.char_end for word in chunk.words)
        assert all(word.char_end >= chunk.char_start for word in chunk.words)
    places = [0, *(place for chunk in chunks for place in (chunk.char_start, chunk.char_end)), len(text)]
    assert places == sorted(places)


def prose(num_words: int, seed: int) -> str:
    """Sentences and paragraphs of common words, with commas."""
    source = random.Random(seed)  # noqa: S311
    text, begins = "", True
    for word in source.choices(COMMON_WORDS, k=num_words):
        end = source.choices([" ", ", ", ". ", "? ", ".\n\n", "\n"], [20, 2, 2, 1, 0.3, 1])[0]
        text += (word.capitalize() if begins else word) + end
        begins = end[0] in ".?"
    return text.rstrip(" ,.?\n") + "."


@pytest.mark.parametrize("seed", range(3))
def test_every_word_is_spoken_once_and_in_order(seed: int, english: G2P) -> None:
    text = prose(3_000, seed)
    chunks = list(chunk_text(text, english))
    check(chunks, text)
    spoken = [text[word.char_start : word.char_end].strip(",.?") for chunk in chunks for word in chunk.words]

    assert [word for word in spoken if word] == [word.strip(",.?") for word in text.split()]


def test_chunks_begin_short_and_fill_up(english: G2P) -> None:
    sizes = [len(chunk.token_ids) for chunk in chunk_text(prose(2_000, seed=7), english)]

    assert sizes[0] <= 160
    assert all(after <= max(160, 2 * sum(sizes[:place])) for place, after in enumerate(sizes[:4]) if place)
    assert 150 <= sum(sizes[3:-1]) / len(sizes[3:-1]) <= 300


def test_sections_do_not_show(english: G2P) -> None:
    """The same chunks as if the text had been one section."""
    text = prose(1_500, seed=11)
    whole = list(chunk_text(text, english))
    ends = {chunk.char_end for chunk in whole}

    assert all(text[end - 1] in ".?,\n" or text[end - 1].isalpha() for end in ends)
    assert sum(text[end - 1] in ".?" for end in ends) >= len(ends) - 3  # only the first ones may end with a clause


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("Hello", "həlˈO"),
        ("Chapter One\n\nIt rained.", "ʧˈæptəɹ wˈʌn. ˌɪt ɹˈAnd."),
        ("It was 5 a.m. Then it rained", "ˌɪt wʌz fˈIv ˌAˈɛm. ðˈɛn ɪt ɹˈAnd"),
        ("One. * * * Two.", "wˈʌn. tˈu."),
        ("😀 Yes 👍🏽.", "jˈɛs ."),
    ],
)
def test_phonemes(text: str, phonemes: str, english: G2P) -> None:
    assert [chunk.phonemes for chunk in chunk_text(text, english)] == [phonemes]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n\t",
        "...",
        "😀",
        "👨‍👩‍👧 ❤️",
        "* * *",
        "“—”",
        "\x00\x01",
        "\u200d\ufeff",
        "?!" * 500,
        "😀 " * 9_999,
        " " * 1_000_000,
    ],
)
def test_nothing_to_speak(text: str, english: G2P) -> None:
    with pytest.raises(NothingToSpeak) as raised:
        list(chunk_text(text, english))

    assert (raised.value.code, raised.value.char_start, raised.value.char_end) == ("unspeakable_text", 0, len(text))


@pytest.mark.parametrize(
    ("text", "span"),
    [("a \ud800 b", (2, 3)), ("སྐད་ཆ", (0, 3)), ("say สวัสดี", (4, 10))],
)
def test_characters_that_cannot_be_spoken(text: str, span: tuple[int, int]) -> None:
    with pytest.raises(TextRefused, match=r"cannot be spoken|lone surrogate") as raised:
        refuse_unspeakable(text, Language.EN_US)

    assert (raised.value.code, raised.value.param) == ("unspeakable_characters", "input")
    assert (raised.value.char_start, raised.value.char_end) == span
    raised.value.message.encode()  # the message itself can be sent


@pytest.mark.parametrize("text", ["", "ASCII", "Zoë", "Привет שלום مرحبا नमस्ते 안녕 Γειά", "©®™→½²№①😀"])
def test_characters_that_can(text: str) -> None:
    refuse_unspeakable(text, Language.EN_GB)


@pytest.mark.parametrize(
    "text", ["4" * 400, "a\x00b\x07c", "שלום said مرحبا to me", "e\u0301" * 50, "\u202eabc\u202c", "x" * 3_000]
)
def test_odd_texts_are_spoken(text: str, g2ps: Mapping[Language, G2P]) -> None:
    for g2p in g2ps.values():
        chunks = list(chunk_text(text, g2p))
        check(chunks, text)
        assert chunks


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300) | st.text(alphabet="aZé5.,!?'\"-—…()[]$%/@ \n\u0301\u200d😀Я", max_size=300))
def test_any_text_gives_chunks_or_a_clear_error(g2ps: Mapping[Language, G2P], text: str) -> None:
    try:
        refuse_unspeakable(text, Language.EN_US)
        chunks = list(chunk_text(text, g2ps[Language.EN_US]))
    except TextRefused as refusal:
        assert 0 <= refusal.char_start <= refusal.char_end <= len(text)  # noqa: PT017
        return
    check(chunks, text)


def test_first_chunk_of_a_million_characters(english: G2P) -> None:
    text = prose(400, seed=5) + " " + "And so it went on and on. " * 40_000
    next(chunk_text(text, english))
    started = time.perf_counter()
    next(chunk_text(text, english))

    assert time.perf_counter() - started < 0.5


def test_spoken_order_of_spans(english: G2P) -> None:
    text = "First, the rain. Then the sun; and at last, snow."
    (chunk,) = chunk_text(text, english)
    words = list(itertools.chain(chunk.words))

    assert [text[word.char_start : word.char_end] for word in words] == (
        "First , the rain . Then the sun ; and at last , snow .".split()
    )
    assert chunk.phonemes[words[3].token_start : words[3].token_end] == "ɹˈAn"
