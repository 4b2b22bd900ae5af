from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text.aligned import AlignedText, Said
from gateway.text.languages import Language
from gateway.text.sections import SECTION_CHARS, cut_sections
from gateway.text.sentences import split_sentences

PROSE = "It was a dark night, and the rain fell. Dr. Smith, at No. 5, read on...\nWhat else could he do? " * 200


class Cut(NamedTuple):
    text: str
    char_start: int
    is_last: bool


def sections_of(text: str) -> Iterator[Cut]:
    for section in cut_sections(AlignedText.of(text)):
        yield Cut(section.text.text, section.text.starts[0], section.is_last)


def test_first_section_is_small_and_none_is_large() -> None:
    sections = list(sections_of(PROSE))

    assert len(sections[0].text) <= SECTION_CHARS[0]
    assert max(len(section.text) for section in sections) <= 2 * SECTION_CHARS[-1]
    assert [section.is_last for section in sections] == [False] * (len(sections) - 1) + [True]


def test_sections_end_where_sentences_end() -> None:
    whole = [PROSE[span.start : span.end] for span in split_sentences(PROSE)]
    cut = [
        section.text[span.start : span.end] for section in sections_of(PROSE) for span in split_sentences(section.text)
    ]

    assert cut == whole


def test_paragraph_break_is_kept_at_the_end_of_a_section() -> None:
    text = "\n\n".join(["A heading of some length without a stop"] * 100)
    spans = [list(split_sentences(section.text))[-1] for section in sections_of(text)]

    assert [span.ends_paragraph for span in spans] == [True] * (len(spans) - 1) + [False]


def test_what_is_said_as_told_stays_with_its_section() -> None:
    said = Said("Kokoro", phonemes="kˈOkəɹO")
    plain = AlignedText.of(PROSE[:3_000])
    parts = [plain.slice(0, 30), plain.slice(30, 36).as_object(said), plain.slice(36, 2_500)]
    parts += [plain.slice(2_500, 2_506).as_object(said), plain.slice(2_506, 3_000)]
    sections = list(cut_sections(AlignedText.join(parts)))

    assert [list(section.text.said) for section in sections if section.text.said] == [[30], [2_500]]


def test_other_scripts_end_sentences_and_clauses_in_their_own_way() -> None:
    chinese = "村子东边有一座老桥，桥下的河水很清。" * 300
    assert all(section.text.text[-1] == "。" for section in cut_sections(AlignedText.of(chinese), Language.ZH))
    no_stops = "村子东边有一座老桥，桥下的河水很清、" * 300
    assert all(section.text.text[-1] in "，、" for section in cut_sections(AlignedText.of(no_stops), Language.ZH))


def test_without_sentences_a_section_ends_between_words() -> None:
    text = "word " * 2_000
    sections = list(sections_of(text))

    assert all(section.text.startswith("word") and section.text.rstrip().endswith("word") for section in sections)


def test_lazy() -> None:
    sections = sections_of(PROSE * 1_000)
    started = time.perf_counter()
    next(sections)

    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("unit", ["1", ".", " ", "a", "\n", ". ", "a\n\n", "…", "\u00a0x"])
def test_long_texts_take_linear_time(unit: str) -> None:
    text = unit * (300_000 // len(unit))
    started = time.perf_counter()
    sections = list(sections_of(text))

    assert time.perf_counter() - started < 5
    assert max((len(section.text) for section in sections), default=0) <= 2 * SECTION_CHARS[-1] + 64


@given(st.text(alphabet='aB1.?!… \n\r\t"“”', max_size=6_000))
def test_only_whitespace_lies_between_sections(text: str) -> None:
    sections = list(sections_of(text))
    places = [0, *(place for s in sections for place in (s.char_start, s.char_start + len(s.text))), len(text)]

    assert places == sorted(places)
    assert all(text[s.char_start : s.char_start + len(s.text)] == s.text for s in sections)
    assert not any(text[end:start].strip() for end, start in zip(places[::2], places[1::2], strict=True))
