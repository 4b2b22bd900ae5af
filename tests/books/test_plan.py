"""What is to be spoken of a book: all of it, each part in the voice that it has where it stands."""

from __future__ import annotations

from gateway.books.plan import FIRST_CHAPTER, pieces_of
from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from gateway.text.segments import Pause, Script, Speech, Style

NARRATOR = Style((("af_sky", 1.0),), Language.EN_US)
OTHER = Style((("am_adam", 0.75), ("am_echo", 0.25)), Language.EN_US, rate=1.5)
TEXT = "# One\n\n" + "He said so. " * 10 + "[voice:x]" + "No, she said. " * 20 + "\n\n# Two\n\n" + "It ended. " * 5


def script_of(text: str) -> Script:
    change = text.index("[voice:x]")
    first = Speech(AlignedText.of(text[:change]), NARRATOR)
    after = change + len("[voice:x]")
    return Script((first, Pause(0.5, change, after), Speech(AlignedText.of(text[after:], after), OTHER)))


def test_a_part_begins_in_the_voice_that_holds_there() -> None:
    pieces = list(pieces_of(TEXT, "auto", NARRATOR, script_of(TEXT), 120))
    assert "".join(TEXT[piece.start : piece.end] for piece in pieces) == TEXT
    change = TEXT.index("[voice:x]")
    assert {piece.before for piece in pieces if piece.start <= change} == {""}
    assert {piece.before for piece in pieces if piece.start > change} == {
        "[voice:am_adam(0.75)+am_echo(0.25)][rate:1.5]"
    }


def test_a_title_is_where_its_chapter_begins_and_nowhere_else() -> None:
    pieces = list(pieces_of(TEXT, "auto", NARRATOR, script_of(TEXT), 120))
    titled = [piece for piece in pieces if piece.title is not None]
    assert [(piece.title, piece.start) for piece in titled] == [("One", 0), ("Two", TEXT.index("# Two"))]


def test_chapters_of_ones_own_and_none() -> None:
    script = Script((Speech(AlignedText.of(TEXT), NARRATOR),))
    marks = [("A", 8), ("B", 20)]
    titles = [piece.title for piece in pieces_of(TEXT, marks, NARRATOR, script, 5_000)]
    assert titles == [FIRST_CHAPTER, "A", "B"]
    assert [piece.title for piece in pieces_of(TEXT, "none", NARRATOR, script, 5_000)] == [None]
    assert [piece.title for piece in pieces_of("No headings.", "auto", NARRATOR, script, 5_000)] == [None]
