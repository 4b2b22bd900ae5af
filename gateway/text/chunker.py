"""From sentences to chunks under a token budget. Pure policy over counts: no language, no model, no clock.

A chunk is filled with whole sentences. A sentence that is too long for one is cut after a clause, else between
phrases, else between words. The first chunk is short where that brings the first audio earlier, and the next ones are
no longer than can be made while those before are played (``pacing``). Where nobody knows the workers' pace, each may be
about twice as long as all before it. Both up to the target.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.text.budget import Budget, ChunkLimits
from gateway.text.pacing import Pace
from gateway.text.spoken import Break, Sentence, Word, num_tokens
from shared.vocabulary import token_ids

__all__ = ["Chunk", "ChunkLimits", "Chunker", "ChunkerState", "WordSpan"]


class WordSpan(NamedTuple):
    """``input[char_start:char_end]`` is spoken by the chunk's ``token_ids[token_start:token_end]``."""

    char_start: int
    char_end: int
    token_start: int
    token_end: int
    text: str
    """What is said, in letters; of a word that was too long for one chunk, all of it in each part."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of the input that the model speaks in one go; ``input[char_start:char_end]`` in the original."""

    phonemes: str
    """Symbols of ``shared.vocabulary``."""
    token_ids: tuple[int, ...]
    """One per symbol, without the boundary zeros; 1 to the absolute maximum of the limits."""
    char_start: int
    char_end: int
    words: tuple[WordSpan, ...]
    """Words and punctuation marks in order; between them lie spaces."""
    breaks_off: bool = False
    """Ends inside a clause: nobody would pause before the next chunk."""
    is_trimmed: bool = True
    """Whether the silence at its ends is cut to what a speaker would leave; else it is needed to make the next in."""


@dataclass(frozen=True, slots=True)
class ChunkerState:
    """All that the chunker knows of a request between two sections of its text."""

    pace: Pace | None = None
    """The workers'; None where nobody knows it."""
    spoken_tokens: int = 0
    """Tokens in all chunks made so far."""
    ahead_s: float = 0.0
    """With a pace: seconds of audio that a player still has when the last of them is ready."""
    char_end: int = 0
    """Where the last of them ended."""
    pending: tuple[Sentence, ...] = ()
    """Sentences that do not fill a chunk yet."""


class Chunker:
    """Takes sentences in order, gives chunks in order; ``state`` is enough to go on elsewhere."""

    def __init__(self, limits: ChunkLimits, state: ChunkerState) -> None:
        self._limits = limits
        self._state = state
        self._pending = list(state.pending)

    @property
    def state(self) -> ChunkerState:
        return replace(self._state, pending=tuple(self._pending))

    def add(self, sentences: Iterable[Sentence]) -> Iterator[Chunk]:
        """The chunks that ``sentences`` complete."""
        for sentence in sentences:
            yield from self._add(sentence)

    def begin(self) -> Iterator[Chunk]:
        """The first chunk, if there is none yet but enough for one, without waiting for the sentence that ends it."""
        enough = min(self._budget.fill_tokens, self._limits.first_max_tokens // 2)
        if self._state.spoken_tokens == 0 and sum(part.num_tokens for part in self._pending) >= enough:
            yield self._close()

    def finish(self) -> Iterator[Chunk]:
        """The last chunk, if anything is pending."""
        if self._pending:
            yield self._close()

    def _add(self, sentence: Sentence) -> Iterator[Chunk]:
        if self._pending and not self._takes(sentence):
            yield self._close()
        if self._pending:
            self._pending.append(sentence)
            return
        rest = _cut_overlong_words(sentence, self._limits.absolute_max_tokens)
        while (cut := _place_to_cut(rest.words, self._budget)) is not None:
            self._pending = [Sentence(rest.words[:cut], ends_paragraph=False)]
            yield self._close(breaks_off=rest.words[cut - 1].break_after < Break.CLAUSE)
            rest = Sentence(rest.words[cut:], rest.ends_paragraph)
        self._pending = [rest]

    def _takes(self, sentence: Sentence) -> bool:
        """Whether the pending sentences and this one make a chunk together."""
        budget = self._budget
        pending = sum(part.num_tokens + 1 for part in self._pending)
        total = pending + sentence.num_tokens
        if total <= budget.fill_tokens:
            return True
        same_paragraph = not self._pending[-1].ends_paragraph
        return same_paragraph and pending < budget.min_tokens and total <= budget.stretch_tokens

    @property
    def _budget(self) -> Budget:
        state = self._state
        return self._limits.budget(state.pace, state.spoken_tokens, state.ahead_s)

    def _close(self, *, breaks_off: bool = False) -> Chunk:
        state, pace = self._state, self._state.pace
        chunk = _chunk(self._pending, state.char_end)
        size = len(chunk.token_ids)
        trim_s = pace.trim_s(state.ahead_s, size, breaks_off=breaks_off) if pace else 0.0
        chunk = replace(chunk, breaks_off=breaks_off, is_trimmed=pace is None or trim_s > 0)
        self._state = replace(
            state,
            spoken_tokens=state.spoken_tokens + size,
            ahead_s=pace.ahead_after(state.ahead_s, size, trim_s) if pace else 0.0,
            char_end=chunk.char_end,
        )
        self._pending = []
        return chunk


def _place_to_cut(words: tuple[Word, ...], budget: Budget) -> int | None:
    """How many words of a sentence make the next chunk; None if all of them do."""
    total = num_tokens(words)
    if total <= budget.max_tokens or len(words) == 1:
        return None
    fits_whole = total <= budget.stretch_tokens
    if fits_whole and not budget.cuts_clauses:
        return None
    ends = list(itertools.accumulate(len(word.phonemes) + word.space_after for word in words))
    within = [n for n, end in enumerate(ends[:-1], 1) if end - words[n - 1].space_after <= budget.max_tokens]
    least = budget.least_cut
    clause = _last_break(words, within, ends, Break.CLAUSE, at_least=least.clause)
    if clause is not None or fits_whole:
        return clause
    return (
        _last_break(words, within, ends, Break.PHRASE, at_least=least.phrase)
        or _last_break(words, within, ends, Break.WORD, at_least=least.word)
        or _first_break(words, ends, budget.absolute_max_tokens, at_least=least.word)
        or max(len(within), 1)
    )


def _last_break(
    words: tuple[Word, ...], places: list[int], ends: list[int], strength: Break, *, at_least: int
) -> int | None:
    """The last of ``places`` with a break of ``strength`` that leaves ``at_least`` so many tokens before it."""
    for place in reversed(places):
        if ends[place - 1] < at_least:
            return None
        if words[place - 1].break_after >= strength:
            return place
    return None


def _first_break(words: tuple[Word, ...], ends: list[int], max_tokens: int, *, at_least: int) -> int | None:
    for place, end in enumerate(ends[:-1], 1):
        if end > max_tokens:
            return None
        if end >= at_least and words[place - 1].break_after >= Break.WORD:
            return place
    return None


def _cut_overlong_words(sentence: Sentence, max_tokens: int) -> Sentence:
    """The sentence with every word of more than ``max_tokens`` in pieces, each with its share of the word's span."""
    if all(len(word.phonemes) <= max_tokens for word in sentence.words):
        return sentence
    pieces = itertools.chain.from_iterable(_cut_word(word, max_tokens) for word in sentence.words)
    return Sentence(tuple(pieces), sentence.ends_paragraph)


def _cut_word(word: Word, max_tokens: int) -> Iterator[Word]:
    phonemes, num_chars, done = word.phonemes, word.char_end - word.char_start, 0
    while len(phonemes) - done > max_tokens:
        space = phonemes.rfind(" ", done + 1, done + max_tokens + 1)
        end = space if space > 0 else done + max_tokens
        start, stop = (word.char_start + num_chars * place // len(phonemes) for place in (done, end))
        yield Word(phonemes[done:end], start, stop, space_after=space > 0, break_after=Break.WORD, text=word.text)
        done = end + (space > 0)
    start = word.char_start + num_chars * done // len(phonemes)
    yield word._replace(phonemes=phonemes[done:], char_start=start)


def _chunk(sentences: list[Sentence], previous_end: int) -> Chunk:
    phonemes = ""
    spans: list[WordSpan] = []
    for sentence in sentences:
        phonemes = phonemes.rstrip(" ") + (" " if phonemes else "")
        for word in sentence.words:
            token_start, phonemes = len(phonemes), phonemes + word.phonemes
            spans.append(WordSpan(word.char_start, word.char_end, token_start, len(phonemes), word.text))
            phonemes += " " * word.space_after
    phonemes = phonemes.rstrip(" ")
    # Two words may stand for one place ("5km"), and a chunk may have to end between them.
    char_start = max(spans[0].char_start, previous_end)
    char_end = max(char_start, spans[-1].char_end)
    return Chunk(phonemes, token_ids(phonemes), char_start, char_end, tuple(spans))
