"""The pace of chunks, played by a simulated listener who starts with the first byte and never stops."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.text.chunker import Chunk, Chunker, ChunkerState, ChunkLimits
from gateway.text.core import chunk_text
from gateway.text.g2p import G2P
from gateway.text.pacing import END_TRIM_S, JOIN_TRIM_S, LEAD_S, MIN_TOKENS, SENTENCE_TOKENS, SLOWEST, Pace
from gateway.text.spoken import Break, Sentence
from tests.text.test_chunker import placed, sentence, sizes

LIMITS = ChunkLimits()
LONG_SENTENCE = sentence(*[6] * 40)
"""279 tokens, 16 s; a place for a cut every 7 tokens."""


def chunked(sentences: list[Sentence], pace: Pace, limits: ChunkLimits = LIMITS) -> list[Chunk]:
    chunker = Chunker(limits, ChunkerState(pace))
    return [*chunker.add(placed(sentences)), *chunker.finish()]


def underruns_s(audio_s: list[float], took_s: list[float]) -> Iterator[float]:
    """For each chunk but the first: how long the listener waits for it. One worker makes them one after the other."""
    ready_s = list(itertools.accumulate(took_s))
    plays_until = ready_s[0] + audio_s[0]
    for ready, audio in zip(ready_s[1:], audio_s[1:], strict=True):
        yield max(0.0, ready - plays_until)
        plays_until = max(plays_until, ready) + audio


def played_s(chunk: Chunk, pace: Pace) -> float:
    trim_s = (JOIN_TRIM_S if chunk.breaks_off else END_TRIM_S) / pace.speed
    return pace.audio_s(len(chunk.token_ids)) - (trim_s if chunk.is_trimmed else 0.0)


def worst_underrun_s(chunks: list[Chunk], pace: Pace, slower: float = 1.0) -> float:
    """When the worker takes ``slower`` times as long as it said."""
    audio_s = [played_s(chunk, pace) for chunk in chunks]
    took_s = [slower * pace.synthesis_s(size) for size in sizes(chunks)]
    return max(underruns_s(audio_s, took_s), default=0.0)


PACES = st.builds(
    Pace,
    realtime_factor=st.floats(SLOWEST, 100),
    fixed_cost_s=st.floats(0, 0.1),
    speed=st.sampled_from([0.5, 1.0, 1.0, 2.0]),
    first_audio_s=st.sampled_from([0.2, 0.45, 1.0]),
)


def random_sentence(source: random.Random) -> Sentence:
    """Of 1 to 60 words of up to 7 phonemes, with clauses and phrases anywhere."""
    kinds = [Break.WORD, Break.WORD, Break.PHRASE, Break.CLAUSE]
    count = source.choice([1, 3, 10, 25, 60])
    breaks = {place: source.choice(kinds) for place in range(count)}
    return sentence(*source.choices(range(1, 8), k=count), breaks=breaks, ends_paragraph=source.random() < 0.2)


# Made from a seed: as lists of lists, hypothesis takes a minute to draw what is checked in a second.
TEXTS = st.integers(0, 2**32).map(random.Random).map(lambda source: [random_sentence(source) for _ in range(30)])


@settings(deadline=None, max_examples=400)
@given(TEXTS, PACES)
def test_a_listener_never_waits_where_there_are_breaks(sentences: list[Sentence], pace: Pace) -> None:
    assert worst_underrun_s(chunked(sentences, pace), pace) == 0


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(8, 60), min_size=1, max_size=25), PACES)
def test_nor_where_the_worker_is_a_sixth_slower_than_it_says(num_words: list[int], pace: Pace) -> None:
    chunks = chunked([sentence(*[4] * count) for count in num_words], pace)

    assert worst_underrun_s(chunks, pace, slower=1.17) == 0


@settings(deadline=None, max_examples=200)
@given(TEXTS, PACES, st.floats(0.5, 2.0))
def test_what_a_voice_is_slower_by_does_not_matter(sentences: list[Sentence], pace: Pace, drawl: float) -> None:
    chunks = chunked(sentences, pace)
    audio_s = [drawl * played_s(chunk, pace) for chunk in chunks]
    took_s = [pace.fixed_cost_s + drawl * pace.audio_s(size) / pace.realtime_factor for size in sizes(chunks)]

    # Half as long is half the time for the same fixed cost, which the margins bear up to some 0.05 s.
    assert max(underruns_s(audio_s, took_s), default=0.0) <= (0.05 if drawl < 1 else 1e-9)


@pytest.mark.parametrize("realtime_factor", [4, 6, 10, 40])
def test_the_first_audio_comes_in_time_where_the_worker_can(realtime_factor: float) -> None:
    pace = Pace(realtime_factor, 0.02)
    first = sizes(chunked([sentence(*[2] * 80)] * 3, pace))[0]

    assert LEAD_S + pace.synthesis_s(first) <= pace.first_audio_s


def test_slower_workers_begin_with_less_but_never_less_than_some_words() -> None:
    firsts = [sizes(chunked([LONG_SENTENCE] * 3, Pace(factor, 0.03)))[0] for factor in (100, 12, 8, 5, 3, 2)]

    assert firsts == sorted(firsts, reverse=True)
    assert firsts[0] > 60 > firsts[-1] >= MIN_TOKENS


def test_a_fast_worker_cuts_no_sentence_that_is_heard_in_time() -> None:
    text = [sentence(*[6] * 20, breaks={5: Break.CLAUSE, 11: Break.PHRASE}), LONG_SENTENCE]

    assert sizes(chunked(text, Pace(80, 0.02))) == [139, 279]


def test_a_first_sentence_goes_ahead_alone() -> None:
    chunks = chunked([sentence(6, 6, 6)] * 40, Pace(80, 0.02))

    assert sizes(chunks)[0] == 20
    assert max(sizes(chunks)) > 150


def test_but_takes_company_where_it_is_a_single_word() -> None:
    chunks = chunked([sentence(5), sentence(6, 6, 6), sentence(6, 6, 6)], Pace(80, 0.02))

    assert sizes(chunks)[0] == 26


def test_the_first_cut_prefers_a_clause_then_a_phrase_then_words() -> None:
    pace = Pace(8, 0.02)  # some 35 tokens are heard in time
    clause = {1: Break.CLAUSE, 3: Break.PHRASE}
    phrase = {2: Break.PHRASE}

    assert [len(chunked([sentence(*[6] * 30, breaks=breaks)], pace)[0].words) for breaks in (clause, phrase, {})] == [
        2,
        3,
        5,
    ]


def test_a_slow_worker_does_not_begin_with_half_a_word() -> None:
    first, *_ = chunked([sentence(2, 30, 8, 8)], Pace(2, 0.03))

    assert sizes([first]) == [33]


def test_sentences_are_not_joined_into_long_turns_of_a_slow_worker() -> None:
    pace = Pace(3, 0.03)
    text = [sentence(*[6] * 6)] * 60

    assert max(pace.synthesis_s(size) for size in sizes(chunked(text, pace))) <= 2.0
    assert max(sizes(chunked(text, Pace(80, 0.03)))) > 200


def test_a_worker_that_cannot_keep_up_is_treated_as_one_that_nearly_can() -> None:
    text = [LONG_SENTENCE] * 4

    assert sizes(chunked(text, Pace(0.4, 0.1))) == sizes(chunked(text, Pace(SLOWEST, 0.1)))


@pytest.mark.parametrize("numbers", [(0, 0), (-1, 0), (2, -1), (float("nan"), 0)])
def test_numbers_that_no_worker_has(numbers: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="not a pace"):
        Pace(*numbers)


ENGLISH = (
    "When the ferry left the harbour, long before the fog had lifted, nobody on board had slept. The captain found a "
    "silver key without a word. Yes. And so it went on, day after day, until the lighthouse keeper, who had seen more "
    "of the sea than anyone else in that town, closed his book for the last time and walked slowly down to the shore. "
) * 4


@pytest.mark.parametrize("realtime_factor", [1.5, 1.9, 2.5, 3.5, 5, 20, 100])
def test_english(realtime_factor: float, english: G2P) -> None:
    pace = Pace(realtime_factor, 0.04)
    chunks = list(chunk_text(ENGLISH, english, pace=pace))

    assert worst_underrun_s(chunks, pace) == 0
    assert chunks[-1].char_end == len(ENGLISH.rstrip())


def played_in_a_crowd(chunks: list[Chunk], pace: Pace, share: float) -> float:
    """The worst wait of a listener whose stream gets ``share`` audio seconds a second from its second chunk on."""
    audio_s = [played_s(chunk, pace) for chunk in chunks]
    sizes_s = [pace.audio_s(size) for size in sizes(chunks)]
    return max(underruns_s(audio_s, [pace.synthesis_s(sizes(chunks)[0]), *(size / share for size in sizes_s[1:])]))


def test_in_a_crowd_chunks_grow_with_the_share_and_nobody_waits() -> None:
    sentences = [sentence(*[5] * 10) for _ in range(40)]
    alone, crowded = Pace(100, 0.02), Pace(100, 0.02, share=2.0)
    assert played_in_a_crowd(chunked(sentences, alone), alone, 2.0) > 1
    assert played_in_a_crowd(chunked(sentences, crowded), crowded, 2.0) == 0
    assert max(sizes(chunked(sentences, crowded))) > 150


@pytest.mark.parametrize("share", [0.01, 1.0, 3.0])
def test_no_crowd_cuts_below_a_sentence(share: float) -> None:
    assert Pace(100, 0.02, share=share).next_max_tokens(ahead_s=2.0) == SENTENCE_TOKENS
