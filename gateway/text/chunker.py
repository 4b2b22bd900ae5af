"""From sentences to chunks under a token budget. Pure policy over counts: no language, no model, no clock.

A chunk is filled with whole sentences. A sentence that is too long for one is cut after a clause, else between
phrases, else between words. The first chunk is short, so that the first audio is early; each later one may be about
twice as long as all before it, up to the target, so that it is ready when those have been played.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gateway.text.spoken import Break, Sentence, Word, num_tokens
from shared.vocabulary import token_ids

MODEL_MAX_TOKENS = 510
"""The model takes 512 positions, of which two are the boundaries (config.json: plbert.max_position_embeddings)."""


class WordSpan(NamedTuple):
    """``input[char_start:char_end]`` is spoken by the chunk's ``token_ids[token_start:token_end]``."""

    char_start: int
    char_end: int
    token_start: int
    token_end: int


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


class Budget(NamedTuple):
    """What one chunk may hold, in tokens."""

    min_tokens: int
    """A shorter chunk takes in another sentence if that keeps it within ``stretch_tokens``."""
    max_tokens: int
    stretch_tokens: int
    """The most, where the alternative is to cut a sentence or to leave a chunk shorter than ``min_tokens``."""
    absolute_max_tokens: int
    """The most, where the alternative is to cut a word."""
    cuts_clauses: bool
    """Whether a sentence over ``max_tokens`` is cut after a clause even if it is within ``stretch_tokens``."""


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """Sizes in tokens. Raises ValueError if they are not in order."""

    target_min_tokens: int = 175
    target_max_tokens: int = 250
    absolute_max_tokens: int = 450
    first_max_tokens: int = 80
    """About 5 s of audio."""

    def __post_init__(self) -> None:
        sizes = (1, self.target_min_tokens, self.target_max_tokens, self.absolute_max_tokens, MODEL_MAX_TOKENS)
        if list(sizes) != sorted(sizes) or not 1 <= self.first_max_tokens <= self.target_max_tokens:
            raise ValueError(
                "chunk limits must satisfy 1 <= target_min <= target_max <= absolute_max <= "
                f"{MODEL_MAX_TOKENS} and 1 <= first_max <= target_max: {self}"
            )

    def budget(self, spoken_tokens: int) -> Budget:
        """The budget of the next chunk of a request whose earlier ones had ``spoken_tokens``."""
        hard_max = self.absolute_max_tokens
        max_tokens = min(max(self.first_max_tokens, 2 * spoken_tokens), self.target_max_tokens)
        if max_tokens == self.target_max_tokens:
            return Budget(self.target_min_tokens, max_tokens, hard_max, hard_max, cuts_clauses=False)
        stretch = min(2 * max_tokens, self.target_max_tokens)
        return Budget(max_tokens // 4, max_tokens, stretch, hard_max, cuts_clauses=True)


@dataclass(frozen=True, slots=True)
class ChunkerState:
    """All that the chunker knows of a request between two sections of its text."""

    spoken_tokens: int = 0
    """Tokens in all chunks made so far."""
    char_end: int = 0
    """Where the last of them ended."""
    pending: tuple[Sentence, ...] = ()
    """Sentences that do not fill a chunk yet."""


class Chunker:
    """Takes sentences in order, gives chunks in order; ``state`` is enough to go on elsewhere."""

    def __init__(self, limits: ChunkLimits, state: ChunkerState) -> None:
        self._limits = limits
        self._spoken_tokens = state.spoken_tokens
        self._char_end = state.char_end
        self._pending = list(state.pending)

    @property
    def state(self) -> ChunkerState:
        return ChunkerState(self._spoken_tokens, self._char_end, tuple(self._pending))

    def add(self, sentences: Iterable[Sentence]) -> Iterator[Chunk]:
        """The chunks that ``sentences`` complete."""
        for sentence in sentences:
            yield from self._add(sentence)

    def begin(self) -> Iterator[Chunk]:
        """The first chunk, if there is none yet but enough for one, without waiting for the sentence that ends it."""
        enough = self._limits.first_max_tokens // 2
        if self._spoken_tokens == 0 and sum(part.num_tokens for part in self._pending) >= enough:
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
        while (cut := _place_to_cut(rest.words, self._limits.budget(self._spoken_tokens))) is not None:
            self._pending = [Sentence(rest.words[:cut], ends_paragraph=False)]
            yield self._close()
            rest = Sentence(rest.words[cut:], rest.ends_paragraph)
        self._pending = [rest]

    def _takes(self, sentence: Sentence) -> bool:
        """Whether the pending sentences and this one make a chunk together."""
        budget = self._limits.budget(self._spoken_tokens)
        pending = sum(part.num_tokens + 1 for part in self._pending)
        total = pending + sentence.num_tokens
        if total <= budget.max_tokens:
            return True
        same_paragraph = not self._pending[-1].ends_paragraph
        return same_paragraph and pending < budget.min_tokens and total <= budget.stretch_tokens

    def _close(self) -> Chunk:
        chunk = _chunk(self._pending, self._char_end)
        self._spoken_tokens += len(chunk.token_ids)
        self._char_end = chunk.char_end
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
    clause = _last_break(words, within, ends, Break.CLAUSE, at_least=budget.max_tokens // 4)
    if clause is not None or fits_whole:
        return clause
    return (
        _last_break(words, within, ends, Break.PHRASE, at_least=budget.max_tokens // 2)
        or _last_break(words, within, ends, Break.WORD, at_least=1)
        or _first_break(words, ends, budget.absolute_max_tokens)
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


def _first_break(words: tuple[Word, ...], ends: list[int], max_tokens: int) -> int | None:
    for place, end in enumerate(ends[:-1], 1):
        if end > max_tokens:
            return None
        if words[place - 1].break_after >= Break.WORD:
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
        yield Word(phonemes[done:end], start, stop, space_after=space > 0, break_after=Break.WORD)
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
            spans.append(WordSpan(word.char_start, word.char_end, token_start, len(phonemes)))
            phonemes += " " * word.space_after
    phonemes = phonemes.rstrip(" ")
    # Two words may stand for one place ("5km"), and a chunk may have to end between them.
    char_start = max(spans[0].char_start, previous_end)
    char_end = max(char_start, spans[-1].char_end)
    return Chunk(phonemes, token_ids(phonemes), char_start, char_end, tuple(spans))
