"""Subtitles, read back by other people's parsers: nothing lost, nothing at once, nothing too long to read."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
import srt
import webvtt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from gateway.cues import MAX_COLUMNS, MAX_CUE_MS, MAX_LINES, MIN_CUE_MS
from gateway.subtitles import SubtitleFormat, Subtitles
from gateway.text.aligned import AlignedText, Said
from gateway.timings import WordTiming

WORD_S, SPACE_S = 0.3, 0.05
WORDS = r"[\w'’]+(?:\.\w+)*"


def timings(text: str, words: str = WORDS, pauses: Sequence[tuple[str, float]] = ()) -> list[WordTiming]:
    """Every match of ``words`` in ``text`` as a word of WORD_S; ``pauses``: (word, seconds of silence before it)."""
    found, now = [], 0.1
    for match in re.finditer(words, text):
        now += dict(pauses).get(match[0], SPACE_S)
        found.append(WordTiming(match[0], now, now + WORD_S, match.start(), match.end()))
        now += WORD_S
    return found


def written(
    text: str | list[AlignedText], words: Iterable[WordTiming], form: SubtitleFormat = SubtitleFormat.SRT
) -> str:
    """Word by word, as when they come one by one."""
    words = list(words)
    subtitles = Subtitles([AlignedText.of(text)] if isinstance(text, str) else text, form)
    seconds = words[-1].end + 0.3 if words else 0.0
    return "".join([*(subtitles.write([word]) for word in words), subtitles.close(seconds)])


def shown(text: str, words: str = WORDS) -> list[str]:
    """The cues of a text as SRT, each as its text."""
    return [cue.content for cue in srt.parse(written(text, timings(text, words)))]


STORY = (
    "“Who’s there?” asked Tom, but nobody answered. He waited for a while; then he took the lamp, opened the old "
    "wooden door, and went out into the rain (it had been raining for three days). Nothing. Only the wind — and the "
    "sea."
)


def test_cues_and_lines_end_with_sentences_and_clauses() -> None:
    assert shown(STORY) == [
        "“Who’s there?” asked Tom,\nbut nobody answered.",
        "He waited for a while; then he took\nthe lamp, opened the old wooden door,",
        "and went out into the rain\n(it had been raining for three days).",
        "Nothing. Only the wind — and the sea.",
    ]


def test_cues_can_be_read() -> None:
    text = " ".join([STORY] * 3)
    cues = list(srt.parse(written(text, timings(text))))

    assert " ".join(cue.content.replace("\n", " ") for cue in cues) == text
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    for cue in cues:
        lines = cue.content.split("\n")
        assert len(lines) <= MAX_LINES
        assert max(map(cell_len, lines)) <= MAX_COLUMNS
        assert MIN_CUE_MS <= (cue.end - cue.start).total_seconds() * 1000 <= MAX_CUE_MS
    assert all(before.end <= after.start for before, after in pairwise(cues))


def test_a_cue_lasts_for_its_words_or_a_second() -> None:
    text = "Yes. No, thank you very much. Fine."
    words = timings(text, pauses=[("No", 2.0), ("Fine", 0.05)])
    cues = list(srt.parse(written(text, words)))

    assert [cue.content for cue in cues] == ["Yes.", "No, thank you very much.", "Fine."]
    seconds = [(cue.start.total_seconds(), cue.end.total_seconds()) for cue in cues]
    assert seconds == [
        (0.15, 1.15),
        (pytest.approx(words[1].start, abs=0.001), pytest.approx(words[5].end, abs=0.001)),
        (pytest.approx(words[6].start, abs=0.001), pytest.approx(words[6].end + 0.3, abs=0.001)),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two.", ["One two."]),
        ("# Title\n\nOne two three four five.", ["Title One two three four five."]),
        ("One two three four\n\n* five six", ["One two three four", "five six"]),
        ("One – two ... three", ["One – two ... three"]),
        ("Wow 😀 great", ["Wow 😀 great"]),
        ("One\n================\ntwo", ["One two"]),
        ("“Quoted” (said he), at $5.50!", ["“Quoted” (said he), at $5.50!"]),
        ("", []),
    ],
)
def test_what_is_shown_of_a_text(text: str, expected: list[str]) -> None:
    assert shown(text) == expected


def test_what_is_not_spoken_is_not_shown() -> None:
    text = "One ```code = 1``` two"
    words = [word for word in timings(text) if word.word in {"One", "two"}]

    assert [cue.content for cue in srt.parse(written(text, words))] == ["One two"]


def test_ideographs_are_twice_as_wide() -> None:
    text = "我们在河边等了很久，公共汽车还是没有来，雨水顺着我的脖子流下来，谁也不知道为什么。" * 2
    cues = shown(text, words=r"[^，。]")

    assert "".join(cues).replace("\n", "") == text
    assert max(cell_len(line) for cue in cues for line in cue.split("\n")) <= MAX_COLUMNS
    assert len(cues) == 4


def test_a_word_longer_than_a_line_is_shown_in_pieces() -> None:
    text = "x" * 100
    [first, second] = srt.parse(written(text, timings(text)))

    assert first.content == "x" * 42 + "\n" + "x" * 42
    assert second.content == "x" * 16


def test_markup_is_not_shown() -> None:
    text = "<s>AT&amp;T</s> [Kokoro](/k/) spoke."
    spoken = AlignedText.join(
        [
            AlignedText.of("AT", 3),
            AlignedText.of("&amp;", 5).reading("&"),
            AlignedText.of("T", 10),
            AlignedText.of(" ", 15),
            AlignedText.of("Kokoro", 17).as_object(Said("Kokoro", "k")),
            AlignedText.of(" spoke.", 29),
        ]
    )
    words = timings(text, r"AT&amp;T|Kokoro|spoke")

    assert [cue.content for cue in srt.parse(written([spoken], words))] == ["AT&T Kokoro spoke."]


def test_webvtt_is_the_same_and_escaped() -> None:
    text = "Is 3 < 5 & 5 > 3? <b>Yes</b> --> it is!"
    cues = webvtt.from_string(written(text, timings(text, r"\w+"), SubtitleFormat.VTT)).captions

    assert [cue.raw_text for cue in cues] == ["Is 3 &lt; 5 &amp; 5 &gt; 3?", "&lt;b&gt;Yes&lt;/b&gt; --&gt; it is!"]
    assert shown(text, words=r"\w+") == ["Is 3 < 5 & 5 > 3?", "<b>Yes</b> → it is!"]


def test_karaoke_gives_each_word_its_time() -> None:
    text = "One, two & three four five six seven eight."
    words = timings(text, r"\w+")
    answer = written(text, words, SubtitleFormat.VTT_WORDS)
    [cue] = webvtt.from_string(answer).captions

    assert cue.text == "One, two &amp; three four\nfive six seven eight."
    stamps = [float(stamp) for stamp in re.findall(r"<00:00:(\d\d\.\d\d\d)>", answer)]
    assert stamps == [pytest.approx(word.start, abs=0.001) for word in words[1:]]
    assert answer.startswith(
        "WEBVTT\n\n00:00:00.150 --> 00:00:02.900\nOne, <00:00:00.500>two &amp; <00:00:00.850>three"
    )


def test_hours() -> None:
    word = WordTiming("a", 36_000.0, 36_002.0, 0, 1)

    assert written("a", [word]) == "1\n10:00:00,000 --> 10:00:02,000\na\n\n"


@st.composite
def performances(draw: st.DrawFn) -> tuple[str, list[WordTiming]]:
    """Any text, any of it as words, at any times that follow one another."""
    text = draw(st.text(st.one_of(st.sampled_from("ab .,\n“”日-→<&"), st.characters(codec="utf-8")), max_size=80))
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=24)))
    times = sorted(draw(st.lists(st.floats(0, 40), min_size=len(places), max_size=len(places))))
    spans = list(zip(pairwise(places), pairwise(times), strict=True))[:: draw(st.integers(1, 2))]
    return text, [WordTiming(text[a:b], start, end, a, b) for (a, b), (start, end) in spans]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(performances(), st.sampled_from(SubtitleFormat))
def test_any_words_make_subtitles_that_others_can_read(
    performance: tuple[str, list[WordTiming]], form: SubtitleFormat
) -> None:
    text, words = performance
    answer = written(text, words, form)
    times = _read(answer, form)

    assert answer.count(" --> ") == len(times)
    assert all(start < end for start, end in times)
    assert all(before[1] <= after[0] for before, after in pairwise(times))
    lines = [line for line in answer.split("\n") if " --> " not in line]
    assert all(cell_len(html.unescape(re.sub("<[^>]*>", "", line))) <= MAX_COLUMNS for line in lines)


def _read(answer: str, form: SubtitleFormat) -> list[tuple[float, float]]:
    if form is SubtitleFormat.SRT:
        return [(cue.start.total_seconds(), cue.end.total_seconds()) for cue in srt.parse(answer)]
    cues = webvtt.from_string(answer, strict=True).captions
    return [(_seconds(cue.start), _seconds(cue.end)) for cue in cues]


def _seconds(clock: str) -> float:
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
