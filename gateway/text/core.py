"""The text frontend without its processes: section → cleaned text → sentences → words → chunks. Pure and synchronous.

Stateless from section to section: what one leaves over travels in ``ChunkerState`` to wherever the next one is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gateway.text.aligned import AlignedText
from gateway.text.chunker import Chunk, Chunker, ChunkerState, ChunkLimits
from gateway.text.cleaning import clean, on_one_line
from gateway.text.errors import NothingToSpeak
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.normaliser import normalise
from gateway.text.pacing import Pace
from gateway.text.reading import Reading
from gateway.text.sections import Section, cut_sections
from gateway.text.sentences import split_sentences
from gateway.text.spoken import Break, Sentence, Word
from gateway.text.stress import with_primary_stress
from shared.vocabulary import PUNCTUATION


@dataclass(frozen=True, slots=True)
class SectionResult:
    chunks: tuple[Chunk, ...]
    state: ChunkerState
    """Goes with the next section."""


class Reader(NamedTuple):
    """Turns text of one language into sentences of phonemes, as one request wants it read."""

    language: Language
    g2p: G2P
    reading: Reading

    def sentences(self, text: AlignedText) -> list[Sentence]:
        """Those that have a sound. Raises UnspeakableCharacters."""
        text = self.reading.lexicon.apply(clean(text))
        text = normalise(text, self.language, self.reading.options)
        spans = list(split_sentences(text.text, self.language))
        lines = [on_one_line(text.slice(span.start, span.end)) for span in spans]
        return [
            Sentence(
                _with_stop(words) if span.ends_paragraph or line.text.endswith(".") else words, span.ends_paragraph
            )
            for span, line, words in zip(spans, lines, map(with_primary_stress, self.g2p(lines)), strict=True)
            if words
        ]


def chunk_section(section: Section, reader: Reader, limits: ChunkLimits, state: ChunkerState) -> SectionResult:
    """The chunks that ``section`` completes. Raises UnspeakableCharacters."""
    chunker = Chunker(limits, state)
    chunks = list(chunker.add(reader.sentences(section.text)))
    chunks += chunker.finish() if section.is_last else chunker.begin()
    return SectionResult(tuple(chunks), chunker.state)


def chunk_text(
    text: str,
    g2p: G2P,
    limits: ChunkLimits | None = None,
    pace: Pace | None = None,
    *,
    language: Language = Language.EN_US,
    reading: Reading | None = None,
) -> Iterator[Chunk]:
    """All chunks of a ``text`` without markup in order, lazily; ``g2p`` is that of ``language``.

    Raises UnspeakableCharacters, and NothingToSpeak before any chunk.
    """
    reader = Reader(language, g2p, reading or Reading())
    state = ChunkerState(pace)
    for section in cut_sections(AlignedText.of(text), language):
        result = chunk_section(section, reader, limits or ChunkLimits(), state)
        yield from result.chunks
        state = result.state
    refuse_silence(text, state)


def refuse_silence(text: str, state: ChunkerState) -> None:
    """Raise NothingToSpeak if the whole text, at the end of which the chunker is in ``state``, made no chunk."""
    if state.spoken_tokens == 0:
        raise NothingToSpeak("The input contains nothing that can be spoken.", char_start=0, char_end=len(text))


def _with_stop(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words with a full stop at their end, so that the voice does not run on.

    A heading or a list item has none; that of a final abbreviation ("at 5 a.m.") is part of the word for a G2P.
    """
    last = words[-1]
    if last.phonemes[-1] in PUNCTUATION:
        return words
    joined = last._replace(space_after=False, break_after=Break.NONE)
    return (*words[:-1], joined, _stop(last.char_end))


def _stop(place: int) -> Word:
    return Word(".", place, place, space_after=False, break_after=Break.CLAUSE, text=".")
