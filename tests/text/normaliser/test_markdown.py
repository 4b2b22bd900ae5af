"""Markdown's signs."""

from __future__ import annotations

import pytest

from tests.text.normaliser.checks import spoken

CASES = (
    ("# Heading\nText here.", "Heading\n\nText here."),
    ("## Title ##\n\nBody", "Title\n\nBody"),
    ("Title\n=====\nText", "Title\n\n\nText"),
    ("Text\n---\nMore", "Text\n\n\nMore"),
    ("***\nText", "\n\nText"),
    ("- apples\n- pears\n- plums", "apples.\npears.\nplums"),
    ("* one\n* two\n\nAfter", "one.\ntwo\n\nAfter"),
    ("1. Open it\n2. Close it", "one. Open it.\ntwo. Close it"),
    ("Intro:\n- one", "Intro:\none"),
    ("- [ ] todo\n- [x] done", "todo.\ndone"),
    ("**bold** text", "bold text"),
    ("*italic* text", "italic text"),
    ("***both***", "both"),
    ("__bold__ and _it_", "bold and it"),
    ("~~gone~~", "gone"),
    ("**Note:** read it", "Note: read it"),
    ("I love _this_.", "I love this."),
    ("This is *very* important!", "This is very important!"),
    ("un*frigging*known", "un frigging known"),
    ("`code`", "code"),
    ("``x``", "x"),
    ("[link](https://example.com)", "link"),
    ('[link](https://example.com "Title") here', "link here"),
    ("![alt](a.png)", "alt"),
    ("[ref][1]", "ref"),
    ('[1]: https://example.com "Title"\nText', " \nText"),
    ("<https://example.com>", "example dot com"),
    ("> quoted\n> text", "quoted.\ntext"),
    ("> > twice", "twice"),
    ("```python\nprint\n```\nDone", "\n\nprint\n\n\nDone"),
    ("~~~\ncode\n~~~", "\n\ncode\n\n"),
    ("| A | B |\n|---|:-:|\n| C | D |", "A, B\n\nC, D"),
    ("A | B\n--- | ---\nC | D", "A, B\n\nC, D"),
    ("See[^1] this", "See this"),
    ("See [1].", "See [one]."),
    ("\\*star\\*", "star"),
    ("1\\. Not a list", "one. Not a list"),
    ("<b>bold</b> word", "bold word"),
    ("one<br>two", "one\ntwo"),
    ("<!-- hidden -->shown", " shown"),
    ('<div class="x">in</div>', "in\n"),
    ("5 < 6", "five less than six"),
    ("a * b", "a   b"),
    ("2*3*4", "two times three times four"),
    ("snake_case_name", "snake case name"),
    ("word**", "word"),
    ("*", " "),
    ("# ", ""),
)


@pytest.mark.parametrize(("before", "after"), CASES)
def test_case(before: str, after: str) -> None:
    assert spoken(before, drops=True) == after
