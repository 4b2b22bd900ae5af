"""English G2P: misaki over spaCy's tagger, with espeak-ng for the words that misaki's lexicons do not know.

Importing this module takes seconds and loading it some 200 MB, so only the pool's processes do (see ``forkserver``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import regex

from gateway.text.aligned import AlignedText
from gateway.text.errors import UnspeakableCharacters
from gateway.text.espeak import Espeak
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.misaki_english import UNKNOWN, Lexicon, TaggedG2P
from gateway.text.phonemes import in_english
from gateway.text.phonemisers.symbols import in_vocabulary
from gateway.text.spoken import Break, Word
from gateway.text.tagger import Fragment, Tagger
from shared.vocabulary import is_audible

_PART = (
    r"(?:\p{Lu}{1,40}+[\p{Ll}\p{M}]{0,40}+|[\p{Ll}\p{M}]{1,40}+|[\p{L}\p{M}]{1,40}+"
    r"|\p{N}(?:[,.]?\p{N}){0,40}+|[^\s\p{L}\p{M}\p{N}])"
)
_LONG_RUN = regex.compile(r"\S{9,}+")
_PIECE = regex.compile(_PART + r"{1,8}+")
"""A run without a space is cut after eight parts (words, numbers, signs): misaki looks up every sequence of the parts
of a run, so that its work grows with the cube of their number. Words have fewer: state-of-the-art has seven."""

_SAYS_NOTHING = regex.compile(r"""[\s.,;:!?…—–"'“”‘’«»()\[\]{}*_-]*+""")

_MUST_BE_HEARD = regex.compile(r"(?V1)[[\p{L}\p{N}]--\p{Lm}]")

_BRACKETS = str.maketrans("[]{}«»", "()()“”")

_SUFFIXES = frozenset({"'s", "’s", "'S", "’S", "s"})
"""Of a word that is said as told: genitives and the plural, which sound alike."""

_PAUSES = frozenset(";:,.!?—…")
_CLOSERS = frozenset('”")')
_PHRASE_TAGS = frozenset({"CC", "IN", "TO", "WDT", "WP", "WP$", "WRB"})
"""Penn Treebank tags of the words that begin a phrase: conjunctions, prepositions, relatives."""
_LEANING_TAGS = frozenset({"CC", "DT", "IN", "PDT", "PRP$", "TO", "WP$"})
"""Those of words that lean on the next one: nobody pauses after "the", "my" or "of"."""


def load_english() -> dict[Language, G2P]:
    """Both Englishes over one tagger. Takes 2 to 4 s."""
    tagger = Tagger()
    return {Language.EN_US: EnglishG2P(tagger, british=False), Language.EN_GB: EnglishG2P(tagger, british=True)}


class EnglishG2P:
    """The ``G2P`` of American or British English."""

    def __init__(self, tagger: Tagger, *, british: bool) -> None:
        self._tagger = tagger
        self._espeak = Espeak(british=british)
        self._misaki = TaggedG2P(Lexicon(british), self._espeak)

    def __call__(self, sentences: Sequence[AlignedText]) -> list[tuple[Word, ...]]:
        fragments = [[] if _SAYS_NOTHING.fullmatch(line.text) else _fragments(line) for line in sentences]
        documents = self._tagger.documents(list(itertools.chain(*fragments)))
        return [self._words(group, itertools.islice(documents, len(group))) for group in fragments]

    def _words(self, fragments: list[Fragment], documents: Iterator[Any]) -> tuple[Word, ...]:
        pieces: list[_Piece] = []
        for fragment, document in zip(fragments, documents, strict=True):
            if pieces:
                pieces[-1] = pieces[-1]._replace(space_after=True)
            _, tokens = self._misaki(document, preprocess=False)
            _silence_abbreviation_stops(tokens)
            pieces += self._pieces(fragment, tokens)
        return _join(pieces)

    def _pieces(self, fragment: Fragment, tokens: list[Any]) -> Iterator[_Piece]:
        text = fragment.text
        told, told_end = "", -1
        for token, start, end in _locate(tokens, text.text):
            char_start, char_end = text.span(start, end)
            said = fragment.told.get(start)
            if said is not None and said.phonemes is not None:
                phonemes = told = in_english(said.phonemes)
                told_end = end
            elif start == told_end and token.text in _SUFFIXES:
                phonemes = self._misaki.lexicon.suffix_s(told)
            else:
                phonemes = self._phonemes(token, char_start, char_end)
            yield _Piece(phonemes, char_start, char_end, text.text[end : end + 1] == " ", token.tag, token.text)

    def _phonemes(self, token: Any, char_start: int, char_end: int) -> str:
        """The token in the model's symbols; empty for a sign that is not said."""
        must_be_heard = _MUST_BE_HEARD.search(token.text) is not None
        phonemes = token.phonemes or ""
        if UNKNOWN in phonemes or (must_be_heard and not is_audible(phonemes)):
            # Misaki drops a word that the tagger took for punctuation.
            phonemes = self._espeak(token)[0] or ""
        spoken = in_vocabulary(phonemes.translate(_BRACKETS))
        if spoken is None or (must_be_heard and not is_audible(spoken)):
            raise UnspeakableCharacters(
                f"{token.text[:40]!r} at character {char_start} cannot be spoken in English.",
                char_start=char_start,
                char_end=char_end,
            )
        return spoken


def _fragments(sentence: AlignedText) -> list[Fragment]:
    """The sentence, cut inside runs that are no words."""
    cuts = [
        piece.end()
        for run in _LONG_RUN.finditer(sentence.text)
        for piece in _PIECE.finditer(sentence.text, run.start(), run.end())
        if piece.end() < run.end()
    ]
    bounds = sorted({0, *cuts, len(sentence.text)})
    return [Fragment.of(sentence.slice(start, end)) for start, end in itertools.pairwise(bounds)]


def _silence_abbreviation_stops(tokens: list[Any]) -> None:
    """Take the pause out of "St. James" and "No. 5": a stop after a word, inside a sentence, is no end of anything."""
    for before, token, _ in zip([None, *tokens], tokens, tokens[1:], strict=False):
        if not (token.whitespace and token.text.endswith(".") and (token.phonemes or "").endswith(".")):
            continue
        word = token.text[:-1] or (before.text if before is not None and not before.whitespace else "")
        if word.replace(".", "").isalpha():
            token.phonemes = token.phonemes[:-1]


def _locate(tokens: list[Any], text: str) -> Iterator[tuple[Any, int, int]]:
    """Each token that has a text, with its place in ``text``.

    A token of misaki's lies inside the spaCy tokens that it was made of; the search narrows that down where one of
    those became several.
    """
    cursor = 0
    for token in tokens:
        first, last = max(token.start_ts, cursor), token.end_ts
        found = text.find(token.text, first, last)
        start = first if found < 0 else found
        end = last if found < 0 else found + len(token.text)
        if start < end:
            yield token, start, end
            cursor = end


class _Piece(NamedTuple):
    """A token's phonemes, before it is known what follows it."""

    phonemes: str
    char_start: int
    char_end: int
    space_after: bool
    tag: str
    text: str


def _join(pieces: list[_Piece]) -> tuple[Word, ...]:
    """The pieces that are heard, with the spaces around those that are not, and the breaks between them."""
    heard: list[_Piece] = []
    for piece in pieces:
        if piece.phonemes:
            heard.append(piece)
        elif heard and piece.space_after:
            heard[-1] = heard[-1]._replace(space_after=True)
    if not any(is_audible(piece.phonemes) for piece in heard):
        return ()
    pairs = zip([None, *heard], heard, [*heard[1:], None], strict=False)
    return tuple(
        Word(piece.phonemes, piece.char_start, piece.char_end, piece.space_after, _break_after(*around), piece.text)
        for piece, around in zip(heard, pairs, strict=True)
    )


def _break_after(before: _Piece | None, piece: _Piece, following: _Piece | None) -> Break:
    if _PAUSES.issuperset(piece.phonemes) and (piece.space_after or piece.phonemes == "—"):
        return Break.CLAUSE
    if following is None or not piece.space_after:
        return Break.NONE
    if piece.phonemes in _CLOSERS:
        closes_clause = before is not None and _PAUSES.issuperset(before.phonemes)
        return Break.CLAUSE if closes_clause else Break.PHRASE
    if piece.tag in _LEANING_TAGS:
        return Break.NONE
    begins_phrase = following.tag in _PHRASE_TAGS and piece.tag not in _PHRASE_TAGS
    return Break.PHRASE if begins_phrase else Break.WORD
