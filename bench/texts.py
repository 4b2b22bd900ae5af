"""English text of any length, the same on every run: sentences put together from word lists with a seed."""

from __future__ import annotations

import random

_WHO = "The captain,My neighbour,A small dog,The old clock,Every visitor,The baker,Her brother,Our teacher".split(",")
_DID = "found,remembered,carried,painted,followed,repaired,described,lost".split(",")
_WHAT = "a silver key,the long road home,three wooden boxes,an open window,the morning paper,a quiet song".split(",")
_HOW = "before breakfast,without a word,in the pouring rain,as if nothing had happened,for the second time".split(",")


def text_of(characters: int, seed: int = 0) -> str:
    """At least ``characters`` characters of whole sentences."""
    chosen = random.Random(seed)  # noqa: S311 - words, not secrets
    sentences: list[str] = []
    length = 0
    while length < characters:
        sentence = " ".join(chosen.choice(words) for words in (_WHO, _DID, _WHAT, _HOW)) + "."
        sentences.append(sentence)
        length += len(sentence) + 1
    return " ".join(sentences)
