"""Word timings: exact to the sample, by sounds whose places are known; for any chunk in order and inside the audio."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audio.gaps import Gaps, Kept, Pcm, whole
from gateway.audio.shape import silence
from gateway.text.chunker import Chunk, WordSpan
from gateway.text.segments import Mark
from gateway.timings import MarkTiming, Timeline, WordTiming
from shared.vocabulary import SILENT, token_ids

RATE = 24_000
UNIT = 600


class Part(NamedTuple):
    """A word or a punctuation mark of a chunk."""

    phonemes: str
    char_start: int
    char_end: int
    text: str
    space_after: bool = True


class Spoken(NamedTuple):
    chunk: Chunk
    durations: tuple[int, ...]
    pcm: Pcm


def spoken(parts: Iterable[Part], *, breaks_off: bool = False, units: int = 4, edge: int = 14) -> Spoken:
    """A chunk as a model with nothing but tones would say it: ``units`` a token, silence for all that is no sound."""
    phonemes, words = "", []
    for part in parts:
        start, phonemes = len(phonemes), phonemes + part.phonemes
        words.append(WordSpan(part.char_start, part.char_end, start, len(phonemes), part.text))
        phonemes += " " * part.space_after
    phonemes = phonemes.rstrip(" ")
    durations = (edge, *[units] * len(phonemes), edge)
    loud = [symbol not in SILENT for symbol in f".{phonemes}."]
    sound = np.repeat(loud, np.array(durations) * UNIT)
    chunk = Chunk(phonemes, token_ids(phonemes), 0, words[-1].char_end, tuple(words), breaks_off)
    return Spoken(chunk, durations, np.where(sound, 9_000, 0).astype(np.int16))


def parts_of(text: str) -> list[Part]:
    """A part of three tokens for each word of ``text``, and one for each sign."""
    return [
        Part("aaa" if found[1].isalnum() else found[1], found.start(1), found.end(1), found[1], bool(found[2]))
        for found in re.finditer(r"(\w+|[^\w ])( ?)", text)
    ]


def rows(timings: Iterable[WordTiming]) -> list[tuple[str, float, float]]:
    return [(each.word, round(each.start, 6), round(each.end, 6)) for each in timings]


def test_words_of_a_chunk_that_is_heard_whole() -> None:
    text = "One two, three."
    said = spoken(parts_of(text))
    timeline = Timeline(text)

    # 14 units of 25 ms, then per word three tokens of 4, a space or a comma and a space.
    assert rows(timeline.add(said.chunk, said.durations, said.pcm, whole(said.pcm))) == [
        ("One", 0.35, 0.65),
        ("two", 0.75, 1.05),
        ("three", 1.25, 1.55),
    ]
    assert timeline.finish() == []
    assert timeline.seconds == 2.0


def test_all_follows_the_trim_the_chunks_before_and_the_pauses() -> None:
    text = "One. Two."
    first, second = spoken(parts_of("One.")), spoken(parts_of(text)[2:])
    timeline = Timeline(text)
    heard = []
    timings = []
    for said in (first, second):
        kept = Gaps().keep(said.pcm, RATE, said.chunk.phonemes)
        timings += timeline.add(said.chunk, said.durations, said.pcm, kept)
        timings += timeline.pause(0.5)
        heard += [said.pcm[kept.first : kept.end], silence(0.5, RATE)]

    assert [each.word for each in timings] == ["One", "Two"]
    audio = np.concatenate(heard)
    assert timeline.seconds * RATE == audio.size
    sounds = np.flatnonzero(np.diff(audio != 0, prepend=False))
    assert [time * RATE for each in timings for time in (each.start, each.end)] == pytest.approx(list(sounds))


@pytest.mark.parametrize(("early_units", "moved_units"), [(1, 1), (3, 3), (5, 0)])
def test_after_a_silence_a_word_begins_with_its_sound(early_units: int, moved_units: int) -> None:
    """Up to 100 ms before its token; a sound that goes further back is another one."""
    said = spoken(parts_of("One."))
    said.pcm[(14 - early_units) * UNIT : 14 * UNIT] = 9_000
    [one] = Timeline("One.").add(said.chunk, said.durations, said.pcm, whole(said.pcm))

    assert one.start == pytest.approx(0.35 - 0.025 * moved_units)


def test_a_word_ends_with_its_sound_where_its_last_token_has_the_pause() -> None:
    said = spoken(parts_of("One, two"))
    said.pcm[(14 + 9) * UNIT : (14 + 16) * UNIT] = 0
    one, _ = Timeline("One, two").add(said.chunk, said.durations, said.pcm, whole(said.pcm))

    assert one.end == pytest.approx(0.35 + 9 * 0.025)


@pytest.mark.parametrize(
    ("text", "parts", "expected"),
    [
        ("5km!", [Part("fa", 0, 3, "five"), Part("ka", 0, 3, "kilometres", False), Part("!", 3, 4, "!")],
         [("5km", "five kilometres")]),
        ("I don’t", [Part("a", 0, 1, "I"), Part("do", 2, 4, "do", False), Part("nt", 4, 7, "n't")],
         [("I", None), ("don’t", None)]),
        ("Dr. No", [Part("da", 0, 3, "Doctor"), Part("no", 4, 6, "No")], [("Dr.", "Doctor"), ("No", None)]),
        ("3/5", [Part("m", 0, 3, "March"), Part(",", 0, 3, ","), Part("f", 0, 3, "the fifth")],
         [("3/5", "March the fifth")]),
        ("well-known", [Part("wel", 0, 4, "well"), Part("non", 5, 10, "known")], [("well", None), ("known", None)]),
        ("日本", [Part("ni", 0, 1, "日", False), Part("hon", 1, 2, "本")], [("日", None), ("本", None)]),
        ("AT&amp;T", [Part("a", 0, 8, "AT&T")], [("AT&amp;T", "AT&T")]),
    ],
)  # fmt: skip
def test_one_entry_for_what_is_one_word_of_the_input(
    text: str, parts: list[Part], expected: list[tuple[str, str | None]]
) -> None:
    said = spoken(parts)
    timings = Timeline(text).add(said.chunk, said.durations, said.pcm, whole(said.pcm))

    assert [(each.word, each.spoken) for each in timings] == expected
    assert all(each.word == text[each.char_start : each.char_end] for each in timings)


@pytest.mark.parametrize(
    ("text", "first", "second", "expected"),
    [
        ("abcdef g", [Part("aa", 0, 3, "abcdef")], [Part("bb", 3, 6, "abcdef"), Part("b", 7, 8, "g")],
         [("abcdef", None), ("g", None)]),
        ("1/2/3.", [Part("aa", 0, 4, "1/2/3")], [Part("bb", 4, 5, "1/2/3")], [("1/2/3", None)]),
        ("5km", [Part("fa", 0, 3, "five")], [Part("ka", 0, 3, "kilometres")], [("5km", "five kilometres")]),
        ("a b", [Part("a", 0, 1, "a")], [Part("b", 2, 3, "b")], [("a", None), ("b", None)]),
    ],
)  # fmt: skip
def test_a_word_cut_between_two_chunks_is_one_entry(
    text: str, first: list[Part], second: list[Part], expected: list[tuple[str, str | None]]
) -> None:
    timeline = Timeline(text)
    one, two = spoken(first, breaks_off=True), spoken(second)
    timings = timeline.add(one.chunk, one.durations, one.pcm, whole(one.pcm))
    assert timings == []
    timings += timeline.add(two.chunk, two.durations, two.pcm, whole(two.pcm))

    assert [(each.word, each.spoken) for each in timings] == expected
    assert timings[0].start == 0.35
    assert timings[-1].end == pytest.approx(timeline.seconds - 0.35)


def test_marks_get_the_next_word_or_the_end() -> None:
    text = "One two."
    marks = [Mark("start", 0), Mark("between", 3), Mark("same", 4), Mark("inside", 5), Mark("end", 8)]
    said = spoken(parts_of(text))
    timeline = Timeline(text, marks)
    one, two = timeline.add(said.chunk, said.durations, said.pcm, whole(said.pcm))
    reached = [MarkTiming("start", one.start, 0), MarkTiming("between", two.start, 3), MarkTiming("same", two.start, 4)]
    assert timeline.marks == reached

    timeline.finish()
    assert timeline.marks == [*reached, MarkTiming("inside", 1.5, 5), MarkTiming("end", 1.5, 8)]


def test_durations_of_another_chunk_are_refused() -> None:
    said = spoken(parts_of("One two."))
    with pytest.raises(ValueError, match="durations"):
        Timeline("One two.").add(said.chunk, said.durations[1:], said.pcm, whole(said.pcm))


@st.composite
def performances(draw: st.DrawFn) -> tuple[str, list[tuple[Spoken, Kept] | float]]:
    """A text, and what its audio is made of: chunks of any durations, any sound and any trim, and pauses."""
    text = draw(st.text("ab 1’,。日", min_size=1, max_size=12))
    spans = list(pairwise(sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=7)))))
    made: list[tuple[Spoken, Kept] | float] = []
    while spans:
        count = draw(st.integers(1, len(spans)))
        sounds = draw(st.lists(st.sampled_from(["a", "bˈa", ",", "aː."]), min_size=count, max_size=count))
        parts = [Part(sound, *span, text[slice(*span)]) for sound, span in zip(sounds, spans, strict=False)]
        said = spoken(
            parts, breaks_off=draw(st.booleans()), units=draw(st.integers(1, 5)), edge=draw(st.integers(1, 5))
        )
        noise = np.random.default_rng(draw(st.integers(0, 99)))
        pcm = (said.pcm * noise.choice([0, 1], len(said.pcm) // 600).repeat(600)).astype(np.int16)
        first, end = sorted((draw(st.integers(0, pcm.size)), draw(st.integers(0, pcm.size))))
        made.append((said._replace(pcm=pcm), Kept(first, end)))
        if draw(st.booleans()):
            made.append(draw(st.floats(0, 2)))
        spans = spans[count:]
    return text, made


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(performances())
def test_always_in_order_and_inside_the_audio(performance: tuple[str, list[tuple[Spoken, Kept] | float]]) -> None:
    text, made = performance
    timeline = Timeline(text)
    timings: list[WordTiming] = []
    for part in made:
        if isinstance(part, float):
            timings += timeline.pause(part)
        else:
            timings += timeline.add(part[0].chunk, part[0].durations, part[0].pcm, part[1])
        assert not timings or timings[-1].end <= timeline.seconds
    timings += timeline.finish()

    assert all(0 <= each.start <= each.end <= timeline.seconds for each in timings)
    assert all(before.end <= after.start for before, after in pairwise(timings))
    assert all(before.char_end <= after.char_start for before, after in pairwise(timings))
    assert all(each.word == text[each.char_start : each.char_end] for each in timings)
