"""Parts: small enough, cut where one pauses, and together the whole text."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bench.texts import text_of
from gateway.books.headings import FENCE, find_chapters
from gateway.books.parts import PART_CHARS, cut_parts

PIECES = [
    "# One\n",
    "\n\n",
    "\n",
    " ",
    "A sentence ends. ",
    "Mr. Smith",
    "!",
    "word",
    "```\n",
    "code\n",
    "~~~\n",
    "。",
    "x" * 50,
]


def parts_of(text: str, max_chars: int = PART_CHARS) -> list[str]:
    chapters = find_chapters(text)
    return [text[part.start : part.end] for part in cut_parts(text, chapters, max_chars=max_chars)]


@given(st.lists(st.sampled_from(PIECES), max_size=200).map("".join), st.integers(1, 120))
def test_parts_are_all_of_the_text_and_no_longer_than_they_may_be(text: str, max_chars: int) -> None:
    chapters = find_chapters(text)
    parts = list(cut_parts(text, chapters, max_chars=max_chars))
    assert "".join(text[part.start : part.end] for part in parts) == text
    fences = [found.span() for found in FENCE.finditer(text)]
    for part in parts:
        chapter = chapters[part.chapter]
        assert chapter.start <= part.start < part.end <= chapter.end
        holds_code = any(start < part.end and end > part.start for start, end in fences)
        assert part.end - part.start <= max_chars or holds_code


def test_they_end_with_paragraphs_where_there_are_any() -> None:
    text = "\n\n".join(text_of(900, seed=seed) for seed in range(30))
    parts = parts_of(text)
    assert all(re.search(r"\n\n\Z", part) for part in parts[:-1])
    assert all(len(part) > PART_CHARS / 2 for part in parts[:-1])


def test_else_with_sentences() -> None:
    parts = parts_of(text_of(30_000))
    assert len(parts) > 5
    assert all(re.search(r"[.!?]['”\"]?\s\Z", part) for part in parts[:-1])


def test_else_with_words() -> None:
    assert all(part.endswith(" ") for part in parts_of("word " * 5_000)[:-1])


def test_code_is_in_one_part() -> None:
    code = "```python\n" + "print('Hello. World.')\n\n" * 500 + "```\n"
    text = text_of(4_000) + "\n\n" + code + "\n" + text_of(4_000)
    assert sum(code.rstrip() in part for part in parts_of(text)) == 1


def test_a_long_text_is_cut_in_one_go() -> None:
    text = "Nothing ends here, and on it goes, " * 30_000
    chapters = find_chapters(text)
    parts = list(cut_parts(text, chapters))
    assert all(first.end == second.start for first, second in pairwise(parts))
