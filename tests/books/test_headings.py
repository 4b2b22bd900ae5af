"""Chapters: found as they are written, and nothing lost between them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.books.headings import find_chapters

BODY = "It was a bright cold day in April, and the clocks were striking thirteen. Nobody minded.\n\nNot at all."

PIECES = st.sampled_from(
    [
        *("# One\n", "## Two\n", "CHAPTER I.\n", "Chapter 2: Down\n", "**Chapter Ten**\n", "第一章\n", "Prologue\n"),
        *("\n", "\n\n", "\r\n", " ", "\u2029", "II\n", "I\n", "A Title\n", "===\n", "---\n", "```\n", "\t# no\n"),
        "Some words here.",
    ]
)


def titles(text: str) -> list[str]:
    return [chapter.title for chapter in find_chapters(text)]


def book(*headings: str, before: str = "", between: str = "\n\n") -> str:
    return before + "".join(f"{heading}{between}{BODY}\n\n" for heading in headings)


CASES = {
    "markdown": (book("# One", "# Two ##", "# *Three*"), ["One", "Two", "Three"]),
    "the title of the book above its chapters": (
        "# My Book\n\n" + book("## One", "## Two"),
        ["My Book – One", "Two"],
    ),
    "deeper headings are inside chapters": (book("# One", "## a", "# Two", "## b"), ["One", "Two"]),
    "no blank line after it": (book("# One", "# Two", between="\n"), ["One", "Two"]),
    "underlined": (book("One\n===", "Two\n==="), ["One", "Two"]),
    "not in code": (book("# One", "```\n# a comment\n```", "# Two"), ["One", "Two"]),
    "chapter and number": (book("Chapter 1", "Chapter 2", "CHAPTER 3"), ["Chapter 1", "Chapter 2", "CHAPTER 3"]),
    "number as a word": (book("CHAPTER ONE", "Chapter Twenty-One"), ["CHAPTER ONE", "Chapter Twenty-One"]),
    "numeral and title": (
        book("CHAPTER I. Down the Rabbit-Hole", "CHAPTER II. The Pool of Tears"),
        ["CHAPTER I. Down the Rabbit-Hole", "CHAPTER II. The Pool of Tears"],
    ),
    "title on the next line": (
        book("CHAPTER I\nThe Period", "CHAPTER II\nThe Mail"),
        ["CHAPTER I: The Period", "CHAPTER II: The Mail"],
    ),
    "with emphasis": (book("**Chapter 1**", "_Epilogue_"), ["Chapter 1", "Epilogue"]),
    "named": (book("Prologue", "Chapter 1", "Epilogue"), ["Prologue", "Chapter 1", "Epilogue"]),
    "part before chapter": (book("PART ONE\n\nCHAPTER I", "CHAPTER II"), ["PART ONE – CHAPTER I", "CHAPTER II"]),
    "right after the heading, the text": ("Chapter 1\n" + BODY + "\n\nChapter 2\n" + BODY, ["Chapter 1", "Chapter 2"]),
    "French": (book("Chapitre premier", "CHAPITRE II"), ["Chapitre premier", "CHAPITRE II"]),
    "Spanish": (book("Capítulo 1: El viaje", "Epílogo"), ["Capítulo 1: El viaje", "Epílogo"]),
    "Chinese": (book("第一章 起点", "第二章 归途"), ["第一章 起点", "第二章 归途"]),
    "Japanese": (book("第1話", "第2話"), ["第1話", "第2話"]),
    "Hindi": (book("अध्याय 1", "अध्याय 2"), ["अध्याय 1", "अध्याय 2"]),
    "numerals alone": (book("I", "II.", "III"), ["I", "II.", "III"]),
    "short titles after two blank lines": (
        book("The Long Road", "\n\nA Knock at the Door", "\n\nHome"),
        ["The Long Road", "A Knock at the Door", "Home"],
    ),
    "what comes before": (book("Chapter 1", before="By nobody at all.\n\n"), ["", "Chapter 1"]),
    "contents": (
        "Contents\n\nChapter 1\n\nChapter 2\n\nChapter 3\n\nChapter 4\n\n" + book("Chapter 1", "Chapter 2"),
        ["", "Chapter 1", "Chapter 2"],
    ),
    "contents line by line": ("Contents\n\nChapter 1\nChapter 2\n\n" + book("Chapter 1", "Chapter 2"), None),
    "Windows' lines": (book("Chapter 1", "Chapter 2").replace("\n", "\r\n"), ["Chapter 1", "Chapter 2"]),
    "none": (BODY * 3, [""]),
    "a sentence is no heading": (f"Chapter 1 was long, and dull.\n\n{BODY}\n\nPart of me left.\n\n{BODY}", [""]),
    "a letter is no numeral": (f"{BODY}\n\nI\n\n{BODY}\n\nC\n\n{BODY}", [""]),
    "one short line is no title": (f"{BODY}\n\n\nThe Long Road\n\n{BODY}", [""]),
    "a refrain is not a title": (f"{BODY}\n\nO Captain\n\n{BODY}\n\nO Captain\n\n{BODY}", [""]),
    "nothing": ("", [""]),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, (_, expected) in CASES.items() if expected is not None])
def test_titles(name: str) -> None:
    text, expected = CASES[name]
    assert titles(text) == expected


def test_a_line_by_line_table_of_contents_is_not_each_line_a_chapter() -> None:
    assert titles(CASES["contents line by line"][0])[-2:] == ["Chapter 1", "Chapter 2"]


@given(st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=60).map("".join))
def test_chapters_are_all_of_the_text(text: str) -> None:
    chapters = find_chapters(text)
    assert "".join(text[chapter.start : chapter.end] for chapter in chapters) == text
    assert all(chapter.title for chapter in chapters[1:])


@pytest.mark.parametrize(
    "piece",
    ["# a\n", "#", "\n", "I\n\n", "Chapter 1\n\n", "```\n", "~~~", "a\n---\n", "A B\n\n\n", " ", "第" * 7, "*_"],
)
def test_no_text_takes_long(piece: str) -> None:
    began = time.process_time()
    find_chapters(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 20  # hours, were any step quadratic
