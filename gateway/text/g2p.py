"""The contract of a language's G2P: sentences in, words as phonemes out, with their places in the original input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.text.aligned import AlignedText
from gateway.text.spoken import Word


class G2P(Protocol):
    """One language. Implementations need not be safe for threads: each process of the pool has its own."""

    def __call__(self, sentences: Sequence[AlignedText]) -> list[tuple[Word, ...]]:
        """The words of each sentence, their phonemes all in the vocabulary; none for a sentence without a sound.

        A sentence is cleaned and on one line. Sentences come in batches, but none sees its neighbours. Raises
        UnspeakableCharacters for a word that has no sound.
        """
