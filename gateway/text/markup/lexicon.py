"""A request's own pronunciations, for every occurrence of a word in its text."""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import NamedTuple

import regex

from gateway.text.aligned import OBJECT, AlignedText, Said
from gateway.text.cleaning import clean
from gateway.text.phonemes import told_phonemes
from shared.errors import InvalidValue

MAX_ENTRIES = 1000
MAX_WORD_CHARS = 100
MAX_TOKENS = 16
"""Of one entry: words, signs, or characters of a script without spaces. Bounds the work at each place of a text."""

_NO_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER = rf"[[\p{{L}}\p{{N}}\p{{M}}_ー]--[{_NO_SPACES}]]"
_TOKEN = regex.compile(
    rf"(?V1)(?<!\s)\s*+(?:[A-Za-z0-9_]++(?!['[^\x00-\x7f]])"  # the commonest, for speed
    rf"|[{_NO_SPACES}]|{_LETTER}++(?:['’](?![sS](?!{_LETTER})){_LETTER}++)*+|\S)"
)
"""A word, with the apostrophes inside it but without a possessive ending; of scripts without spaces, a character. With
the space before it, so that a text is made of nothing else, but for the space at its end, where none may begin."""


@dataclass(slots=True)
class _Node:
    """Of a tree of tokens, each with a space before it where one belongs there; before a first one anything may be."""

    only: list[str] = field(default_factory=list)
    """What comes next in all entries that begin as this one does."""
    following: dict[str, _Node] = field(default_factory=dict)
    phonemes: str | None = None
    """Of the entry that ends here."""


class _Tokens(NamedTuple):
    """Of a text; a word that only has a stress of its own as it is written."""

    written: list[str]
    lowered: list[str]
    starts: list[int]
    """With the space before them."""
    ends: list[int]


class Lexicon:
    """Words with their phonemes. Pickles; costs nothing when empty.

    An entry in lower case stands for the word in any case ("kokoro" for "Kokoro" and "KOKORO" too); one with a
    capital only for itself ("US" is not "us"). Only whole words match, in scripts without spaces any characters; of
    several entries that match at a place the longest one counts. "Kokoro's" is "Kokoro" with an ending. Entries may
    have several words.
    """

    def __init__(self, entries: Mapping[str, str] | None = None, *, param: str = "lexicon") -> None:
        """``entries``: IPA or misaki's phonemes by word, with slashes around them or without.

        Raises InvalidValue, which names the entry; ``param`` is the request field that they come from.
        """
        self._entries = dict(entries or {})
        self._exact = _Node()
        self._any_case = _Node()
        if entries and len(entries) > MAX_ENTRIES:
            raise InvalidValue(f"{param} has {len(entries)} entries; {MAX_ENTRIES} are allowed.", param=param)
        for word, ipa in (entries or {}).items():
            try:
                self._add(word, ipa)
            except ValueError as error:
                raise InvalidValue(f"{param}: {_clipped(word)!r}: {error}.", param=param) from None
        for root in (self._exact, self._any_case):
            for node in root.following.values():
                _shorten(node)

    def __reduce__(self) -> tuple[Callable[[tuple[tuple[str, str], ...]], Lexicon], tuple[tuple[tuple[str, str], ...]]]:
        """Its words alone travel, section by section; the process that gets them remembers what it made of them."""
        return _lexicon_of, (tuple(self._entries.items()),)

    def __bool__(self) -> bool:
        return bool(self._exact.following or self._any_case.following)

    def apply(self, text: AlignedText) -> AlignedText:
        """``text``, which is cleaned, with each occurrence of an entry as an OBJECT. Linear in its length.

        Where two entries match in what stands for the same stretch of the input, as in an alias of SSML, only the
        first can be told apart; the other is left to the G2P.
        """
        if not self:
            return text
        edits: list[tuple[int, int, str]] = []
        said: dict[int, Said] = {}
        for start, end, phonemes in self._occurrences(text):
            place, new = text.starts[start], _told(text, start, end, phonemes)
            if (said.get(place) or text.said.get(place, new)) != new and text.text[start] != OBJECT:
                continue
            said[place] = new
            edits.append((start, end, OBJECT))
        return text.edited(edits, said)

    def _occurrences(self, text: AlignedText) -> Iterator[tuple[int, int, str]]:
        """The places of entries in the text, and their phonemes."""
        written, lowered, starts, ends = _tokens(text)
        exact, any_case = self._exact.following, self._any_case.following
        next_place = 0
        for place, (token, lower) in enumerate(zip(written, lowered, strict=True)):
            if (lower not in any_case and token not in exact) or place < next_place:
                continue
            found, end = _longest(any_case, lowered, place)
            if token in exact:
                found, end = max(_longest(exact, written, place), (found, end), key=itemgetter(1))
            if found is not None:
                next_place = end
                yield _skip_space(text.text, starts[place]), ends[end - 1], found

    def _add(self, word: str, ipa: str) -> None:
        """Raises ValueError with what is wrong."""
        written = _entry_tokens(word)
        phonemes = told_phonemes(ipa)
        first, *others = written
        is_exact = any(token != token.lower() for token in written)
        root = self._exact if is_exact else self._any_case
        node = root.following.setdefault(first, _Node())
        root.following[" " + first] = root.following["\n" + first] = node
        for token in others:
            node = node.following.setdefault(token, _Node())
        if node.phonemes is not None:
            raise ValueError("this is there twice")
        node.phonemes = phonemes


@functools.lru_cache(maxsize=32)
def _lexicon_of(entries: tuple[tuple[str, str], ...]) -> Lexicon:
    return Lexicon(dict(entries))


def _shorten(node: _Node) -> None:
    """Make one step of each stretch of the tree in which it does not branch."""
    while node.phonemes is None and len(node.following) == 1:
        ((token, after),) = node.following.items()
        node.only += [token, *after.only]
        node.following, node.phonemes = after.following, after.phonemes
    for after in node.following.values():
        _shorten(after)


def _longest(following: dict[str, _Node], keys: list[str], place: int) -> tuple[str | None, int]:
    """The phonemes of the longest entry that matches from ``place`` on, and the place after it."""
    phonemes: str | None = None
    end, num_keys = 0, len(keys)
    while place < num_keys and (node := following.get(keys[place])) is not None:
        place += 1
        if node.only:
            if keys[place : place + len(node.only)] != node.only:
                break
            place += len(node.only)
        if node.phonemes is not None:
            phonemes, end = node.phonemes, place
        following = node.following
    return phonemes, end


def _entry_tokens(word: str) -> list[str]:
    if len(word) > MAX_WORD_CHARS:
        raise ValueError(f"a word has at most {MAX_WORD_CHARS} characters")
    tokens = _tokens(clean(AlignedText.of(word.strip()))).written
    if not any(char.isalnum() for token in tokens for char in token):
        raise ValueError("there is no letter and no digit in this")
    if len(tokens) > MAX_TOKENS:
        raise ValueError(f"an entry has at most {MAX_TOKENS} words and signs")
    return [tokens[0].lstrip(), *tokens[1:]]


def _clipped(word: str) -> str:
    return word if len(word) <= MAX_WORD_CHARS else word[:MAX_WORD_CHARS] + "…"


def _tokens(text: AlignedText) -> _Tokens:
    tokens: list[str] = _TOKEN.findall(text.text.replace("’", "'"))
    ends = list(itertools.accumulate(map(len, tokens)))
    written = [token if token[0] > " " and not token[0].isspace() else _after_space(token) for token in tokens]
    if written:
        written[0] = written[0].lstrip()
    for index, said in text.objects():
        if said.phonemes is None:
            place = bisect_right(ends, index)
            written[place] = written[place].replace(OBJECT, said.text.replace("’", "'"))
    return _Tokens(written, [token.lower() for token in written], [0, *ends[:-1]], ends)


def _after_space(token: str) -> str:
    """The token with what the space before it amounts to: a space, or a blank line."""
    word = token.lstrip()
    is_blank_line = token.count("\n", 0, len(token) - len(word)) > 1
    return ("\n" if is_blank_line else " ") + word


def _skip_space(text: str, start: int) -> int:
    while text[start].isspace():
        start += 1
    return start


def _told(text: AlignedText, start: int, end: int, phonemes: str) -> Said:
    """``text[start:end]``; of words that have a stress of their own, the first one's is kept."""
    written = text.text[start:end]
    if OBJECT not in written:
        return _said(written, phonemes)
    inner = dict(text.slice(start, end).objects())
    whole = "".join(inner[index].text if char == OBJECT else char for index, char in enumerate(written))
    return replace(inner[0], text=whole, phonemes=phonemes) if 0 in inner else _said(whole, phonemes)


@functools.lru_cache(maxsize=4096)
def _said(text: str, phonemes: str) -> Said:
    return Said(text, phonemes=phonemes)
