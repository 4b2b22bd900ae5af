"""What a G2P hands to the chunker: words as phonemes, with their place in the original input and the breaks between."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Break(IntEnum):
    """How good a place for a cut the end of a word is."""

    NONE = 0
    """Inside what is said without a gap: before a comma, between "do" and "n't", after "the"."""
    WORD = 1
    PHRASE = 2
    """Before a conjunction or a preposition, after a bracket."""
    CLAUSE = 3
    """After punctuation that is heard as a pause."""


class Word(NamedTuple):
    """A word or a punctuation mark."""

    phonemes: str
    """Symbols of ``shared.vocabulary``, at least one."""
    char_start: int
    char_end: int
    """``input[char_start:char_end]`` is what is spoken."""
    space_after: bool
    break_after: Break
    text: str
    """What is said, in letters: "kilometres" where the input has "km"."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or the part of one that is still to be put into a chunk."""

    words: tuple[Word, ...]
    ends_paragraph: bool

    @property
    def num_tokens(self) -> int:
        """Tokens that the sentence takes up in a chunk, without a space after it."""
        return num_tokens(self.words)


def num_tokens(words: tuple[Word, ...]) -> int:
    """Phonemes and the spaces between the words."""
    return sum(len(word.phonemes) + word.space_after for word in words) - (bool(words) and words[-1].space_after)
