"""Texts in which scripts are mixed: each run of a script goes to a language that reads it, so that no word is lost.

- Han and kana go to Japanese or Chinese: to the sentence's own language if it is one of these, else to Japanese where
  kana is among them, and to Chinese where not.
- Devanagari goes to Hindi, wherever it stands.
- Latin letters go to the sentence's own language if it writes with them, else to American English.
- So does every other script that espeak-ng's English reads (Cyrillic, Greek, Arabic, Hangul, ...).
- Digits, signs and marks go with the own language, but for those inside a run of another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import regex

from gateway.text.aligned import OBJECT, AlignedText
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.phonemisers.assembly import as_words, items_of
from gateway.text.scripts import OWN_SCRIPTS, reader_of
from gateway.text.spoken import Break, Word
from shared.vocabulary import PUNCTUATION, is_audible

_NON_SPACE = regex.compile(r"\S")
_SAYS_SOMETHING = regex.compile(rf"[\p{{L}}\p{{N}}{OBJECT}%&@+=€$£¥°]")
_CLOSING = frozenset(';:,.!?…")”')
_OPENING = frozenset("(“")

_EAST_ASIAN = r"[\p{Han}\p{Hiragana}\p{Katakana}〇々ー]"
_KINDS = (_EAST_ASIAN, r"[\p{Devanagari}]", rf"[\p{{L}}--[{_EAST_ASIAN}\p{{Devanagari}}]]")
"""Letters that one language reads: in a run there is but one kind."""


class _Run(NamedTuple):
    text: AlignedText
    language: Language | None
    """None for marks alone."""


class MixedG2P:
    """The ``G2P`` of ``language`` for any text, over those of single languages, which ``g2p_of`` loads."""

    def __init__(self, language: Language, g2p_of: Callable[[Language], G2P]) -> None:
        self._language = language
        self._g2p_of = g2p_of
        self._own = g2p_of(language)
        self._foreign = _foreign(language)

    def __call__(self, sentences: Sequence[AlignedText]) -> list[tuple[Word, ...]]:
        runs = [list(self._runs(sentence)) for sentence in sentences]
        said = iter(self._said([run for group in runs for run in group]))
        return [_joined(list(itertools.islice(said, len(group)))) for group in runs]

    def _said(self, runs: list[_Run]) -> list[tuple[Word, ...]]:
        """The words of each run, with one call for each language."""
        words: list[tuple[Word, ...]] = [()] * len(runs)
        for language in dict.fromkeys(run.language for run in runs):
            places = [place for place, run in enumerate(runs) if run.language is language]
            texts = [runs[place].text for place in places]
            said = [_marks(text) for text in texts] if language is None else self._g2p(language)(texts)
            for place, spoken in zip(places, said, strict=True):
                words[place] = spoken or _marks(runs[place].text)
        return words

    def _g2p(self, language: Language) -> G2P:
        return self._own if language is self._language else self._g2p_of(language)

    def _runs(self, sentence: AlignedText) -> Iterator[_Run]:
        done, end = 0, len(sentence.text)
        for found in self._foreign.finditer(sentence.text):
            yield from self._own_run(sentence, done, found.start())
            done = found.end()
            yield _Run(sentence.slice(found.start(), done), reader_of(found.group(), self._language))
        if done:
            yield from self._own_run(sentence, done, end)
        else:
            yield _Run(sentence, self._language)

    def _own_run(self, sentence: AlignedText, start: int, end: int) -> Iterator[_Run]:
        """What lies between two runs of other languages, without the spaces around it."""
        found = _NON_SPACE.search(sentence.text, start, end)
        if found:
            language = self._language if _SAYS_SOMETHING.search(sentence.text, start, end) else None
            yield _Run(sentence.slice(found.start(), end), language)


def _marks(text: AlignedText) -> tuple[Word, ...]:
    return as_words(items_of(text, lambda _: (), Language.EN_US), spaced=False)


def _foreign(language: Language) -> regex.Pattern[str]:
    """Runs of letters that ``language`` does not read itself, with what lies between two words of one of them."""
    own = "".join(rf"\p{{Script={script}}}" for script in OWN_SCRIPTS[language])
    kinds = [rf"[[\p{{L}}\p{{Nl}}]&&{letters}--[{own}]]" for letters in _KINDS]
    return regex.compile("(?V1)" + "|".join(_with_inner(kind) for kind in kinds))


def _with_inner(letter: str) -> str:
    """Words of such letters, and the few digits, signs and spaces between two of them."""
    word = rf"{letter}[{letter}\p{{M}}]*+"
    return rf"{word}(?:[[\x20-\x7e–—’…]--\p{{L}}]{{1,12}}{word})*+"


def _joined(parts: list[tuple[Word, ...]]) -> tuple[Word, ...]:
    """The words of a sentence's runs as one sentence, with a space and a break between those of two languages."""
    words: list[Word] = []
    for part in parts:
        if words and part:
            words[-1] = _before(part[0], words[-1])
        words += part
    return tuple(words) if any(is_audible(word.phonemes) for word in words) else ()


def _before(following: Word, word: Word) -> Word:
    if following.phonemes in _CLOSING or word.phonemes in _OPENING:
        return word._replace(space_after=False, break_after=Break.NONE)
    is_mark = PUNCTUATION.issuperset(word.phonemes)
    return word._replace(space_after=True, break_after=Break.CLAUSE if is_mark else Break.WORD)
