"""The chunker on made-up sentences: it knows no language."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.text.chunker import Chunk, Chunker, ChunkerState, ChunkLimits
from gateway.text.spoken import Break, Sentence, Word
from shared.vocabulary import token_ids

LIMITS = ChunkLimits()


def sentence(*num_phonemes: int, ends_paragraph: bool = False, breaks: dict[int, Break] | None = None) -> Sentence:
    """Words of so many phonemes each, a full stop after the last; ``breaks`` by word, else ``WORD``."""
    words = [
        Word("a" * length, 0, 0, space_after=True, break_after=(breaks or {}).get(place, Break.WORD), text="")
        for place, length in enumerate(num_phonemes)
    ]
    words[-1] = words[-1]._replace(phonemes=words[-1].phonemes[:-1] + ".", break_after=Break.CLAUSE)
    return Sentence(tuple(words), ends_paragraph)


def placed(sentences: Iterable[Sentence]) -> list[Sentence]:
    """The sentences with their words one after the other in some original text."""
    cursor = 0
    result = []
    for item in sentences:
        words = []
        for word in item.words:
            words.append(word._replace(char_start=cursor, char_end=cursor + len(word.phonemes)))
            cursor += len(word.phonemes) + word.space_after
        result.append(Sentence(tuple(words), item.ends_paragraph))
    return result


def chunked(sentences: Iterable[Sentence], limits: ChunkLimits = LIMITS, spoken_tokens: int = 0) -> list[Chunk]:
    chunker = Chunker(limits, ChunkerState(spoken_tokens=spoken_tokens))
    return [*chunker.add(placed(sentences)), *chunker.finish()]


def sizes(chunks: list[Chunk]) -> list[int]:
    return [len(chunk.token_ids) for chunk in chunks]


def test_first_chunks_are_short_and_grow() -> None:
    chunks = chunked([sentence(10, 10, 9)] * 33)

    assert sizes(chunks) == [63, 95, 223, 223, 223, 223]


def test_steady_state_fills_to_the_target() -> None:
    assert sizes(chunked([sentence(99)] * 5, spoken_tokens=1000)) == [199, 199, 99]


def test_short_chunk_takes_a_long_sentence_rather_than_stay_short() -> None:
    assert sizes(chunked([sentence(100), sentence(200)], spoken_tokens=1000)) == [301]


def test_but_not_over_a_paragraph_break() -> None:
    chunks = chunked([sentence(100, ends_paragraph=True), sentence(200)], spoken_tokens=1000)

    assert sizes(chunks) == [100, 200]


def test_short_paragraphs_share_a_chunk() -> None:
    chunks = chunked([sentence(50, ends_paragraph=True)] * 3, spoken_tokens=1000)

    assert sizes(chunks) == [152]


def test_sentence_that_fits_stays_whole() -> None:
    long = sentence(*[10] * 40, breaks={20: Break.CLAUSE})

    assert sizes(chunked([long], spoken_tokens=1000)) == [439]


def test_first_sentence_is_cut_after_a_clause() -> None:
    first = sentence(*[10] * 12, breaks={2: Break.PHRASE, 4: Break.CLAUSE})

    assert sizes(chunked([first])) == [54, 76]


def test_first_sentence_without_a_clause_stays_whole_up_to_twice_the_size() -> None:
    assert sizes(chunked([sentence(*[10] * 14)])) == [153]
    assert sizes(chunked([sentence(*[10] * 15)])) == [76, 87]


@pytest.mark.parametrize(
    ("breaks", "first"),
    [
        ({10: Break.CLAUSE, 18: Break.PHRASE}, 11),  # a clause before a phrase
        ({2: Break.CLAUSE, 15: Break.PHRASE}, 16),  # but not one near the start
        ({3: Break.PHRASE}, 22),  # nor a phrase there: as many words as fit
        (dict.fromkeys(range(30), Break.NONE), 31),  # no break within the target: the first one after it
        (dict.fromkeys(range(60), Break.NONE), 22),  # none at all: between two words nevertheless
    ],
)
def test_place_of_the_cut(breaks: dict[int, Break], first: int) -> None:
    long = sentence(*[10] * 60, breaks=breaks)

    assert len(chunked([long], spoken_tokens=1000)[0].words) == first


def test_a_chunk_knows_whether_it_breaks_off_inside_a_clause() -> None:
    long = sentence(*[10] * 60, breaks={10: Break.CLAUSE, 30: Break.PHRASE})

    assert [chunk.breaks_off for chunk in chunked([long, sentence(90)], spoken_tokens=1000)] == [
        False,
        True,
        False,
        False,
    ]


def test_word_over_the_absolute_maximum_is_cut_with_its_span() -> None:
    chunks = chunked([sentence(1200)], spoken_tokens=1000)

    assert sizes(chunks) == [450, 450, 300]
    assert [(chunk.char_start, chunk.char_end) for chunk in chunks] == [(0, 450), (450, 900), (900, 1200)]


def test_overlong_word_is_cut_where_its_phonemes_have_a_space() -> None:
    digits = Word("nˈIn " * 99 + "nˈIn", 0, 100, space_after=False, break_after=Break.NONE, text="")
    chunker = Chunker(LIMITS, ChunkerState(spoken_tokens=1000))
    chunks = [*chunker.add([Sentence((digits,), ends_paragraph=False)]), *chunker.finish()]

    assert [chunk.phonemes[0] + chunk.phonemes[-1] for chunk in chunks] == ["nn"] * len(chunks)
    assert sum(chunk.phonemes.count("nˈIn") for chunk in chunks) == 100


def test_spans_of_words_in_a_chunk() -> None:
    (chunk,) = chunked([sentence(3, 4), sentence(5)])

    assert chunk.phonemes == "aaa aaa. aaaa."
    assert [chunk.phonemes[word.token_start : word.token_end] for word in chunk.words] == ["aaa", "aaa.", "aaaa."]
    assert [(word.char_start, word.char_end) for word in chunk.words] == [(0, 3), (4, 8), (9, 14)]


def test_pickles() -> None:
    (chunk,) = chunked([sentence(3)])

    assert pickle.loads(pickle.dumps(chunk)) == chunk  # noqa: S301


@pytest.mark.parametrize(
    "sizes",
    [
        {"target_min_tokens": 300},
        {"target_max_tokens": 500},
        {"absolute_max_tokens": 511},
        {"first_max_tokens": 0},
        {"first_max_tokens": 251},
    ],
)
def test_limits_out_of_order(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="chunk limits"):
        ChunkLimits(**sizes)


WORDS = st.builds(
    Word,
    phonemes=st.integers(1, 30).map(lambda length: "ə" * length) | st.integers(1, 900).map(lambda length: "ə" * length),
    char_start=st.just(0),
    char_end=st.just(0),
    space_after=st.booleans(),
    break_after=st.sampled_from(Break),
)
SENTENCES = st.lists(
    st.builds(Sentence, words=st.lists(WORDS, min_size=1, max_size=30).map(tuple), ends_paragraph=st.booleans()),
    max_size=12,
)
ANY_LIMITS = (
    st.lists(st.integers(20, 510), min_size=4, max_size=4)
    .map(sorted)
    .map(
        lambda sizes: ChunkLimits(
            first_max_tokens=sizes[0],
            target_min_tokens=sizes[1],
            target_max_tokens=sizes[2],
            absolute_max_tokens=sizes[3],
        )
    )
)


@settings(deadline=None)
@given(SENTENCES, ANY_LIMITS)
def test_nothing_is_lost_and_no_limit_passed(sentences: list[Sentence], limits: ChunkLimits) -> None:
    sentences = placed(sentences)
    chunks = chunked(sentences, limits)
    phonemes = "".join(word.phonemes for item in sentences for word in item.words)

    assert "".join(chunk.phonemes for chunk in chunks).replace(" ", "") == phonemes
    for chunk in chunks:
        assert 1 <= len(chunk.token_ids) <= limits.absolute_max_tokens
        assert chunk.token_ids == token_ids(chunk.phonemes)
        assert chunk.phonemes == chunk.phonemes.strip()
        assert all(one.token_end <= two.token_start for one, two in itertools.pairwise(chunk.words))
    ends = [place for chunk in chunks for place in (chunk.char_start, chunk.char_end)]
    assert ends == sorted(ends)


@settings(deadline=None)
@given(SENTENCES, st.integers(0, 12))
def test_state_carries_over(sentences: list[Sentence], cut: int) -> None:
    sentences = placed(sentences)
    first = Chunker(LIMITS, ChunkerState())
    chunks = list(first.add(sentences[:cut]))
    second = Chunker(LIMITS, pickle.loads(pickle.dumps(first.state)))  # noqa: S301
    chunks += [*second.add(sentences[cut:]), *second.finish()]

    assert chunks == chunked(sentences)
