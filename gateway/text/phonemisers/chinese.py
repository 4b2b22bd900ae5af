"""Mandarin: jieba's words, pypinyin's readings, and misaki's symbols for them: what Kokoro v1.0 was trained with.

That is ``ZHG2P(version=None)``: one space between words, a tone mark in each syllable, no tone sandhi but what pypinyin
has for a phrase. Misaki gives one string; here each word has its place.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import cn2an
import jieba
import regex
from misaki.zh import ZHG2P

from gateway.text.aligned import AlignedText
from gateway.text.errors import UnspeakableCharacters
from gateway.text.languages import Language
from gateway.text.phonemisers.assembly import Item, items_of, join, spoken
from gateway.text.spoken import Word

CACHED_WORDS = 50_000

_RUN = regex.compile(r"(?V1)(?P<han>[\p{Han}〇]++)|(?P<number>[0-9]++(?:\.[0-9]++)?)|[^\p{Han}〇0-9]++")
_ZERO = "〇"

_PHRASE_BEGINNERS = frozenset(
    "但 但是 不过 而 而且 并 并且 和 与 或 或者 因为 所以 因此 如果 虽然 然后 还是 还有 以及 为了 由于 当 在 从 对 把 "
    "被".split()
)
_LEANING = frozenset("不 很 也 都 就 在 从 对 把 被 和 与 这 那 一 最 更 向 跟 给 没 再".split())


class ChineseG2P:
    """The ``G2P`` of Mandarin."""

    def __init__(self) -> None:
        self._jieba = _tokeniser()
        self._said = functools.lru_cache(CACHED_WORDS)(_said)

    def __call__(self, sentences: Sequence[AlignedText]) -> list[tuple[Word, ...]]:
        return [join(items_of(sentence, self._items, Language.ZH), spaced=False) for sentence in sentences]

    def _items(self, stretch: AlignedText) -> Iterator[Item]:
        for run in _RUN.finditer(stretch.text):
            start, text = run.start(), run.group()
            if run["han"]:
                for word, word_start, word_end in self._jieba.tokenize(text):
                    yield self._item(word, stretch.span(start + word_start, start + word_end))
            elif run["number"]:
                yield self._item(_in_han(text), stretch.span(*run.span()))
            else:  # signs that are not said; letters raise, since another language was to say them
                place = stretch.span(*run.span())
                yield Item(spoken("", text, *place, Language.ZH), *place, True, text)

    def _item(self, text: str, place: tuple[int, int]) -> Item:
        phonemes = self._said(text)
        if phonemes is None:
            raise UnspeakableCharacters(
                f"{text[:40]!r} at character {place[0]} has no reading in Mandarin.",
                char_start=place[0],
                char_end=place[1],
            )
        known = spoken(phonemes, text, *place, Language.ZH)
        return Item(known, *place, True, text, text in _PHRASE_BEGINNERS, text in _LEANING)


def _in_han(number: str) -> str:
    """A number that no rule has read, as misaki has it: "3.5" is 三点五."""
    try:
        return str(cn2an.an2cn(number, "low"))
    except ValueError:  # more than sixteen digits
        return "".join("点" if char == "." else cn2an.an2cn(char, "low") for char in number)


def _said(word: str) -> str | None:
    """``word`` in misaki's symbols; None if a character of it has no reading."""
    try:
        return str(ZHG2P.word2ipa(word.replace(_ZERO, "零"))).replace("\N{COMBINING INVERTED BREVE BELOW}", "")
    except ValueError:  # pypinyin gives such a character as it is
        return None


def _tokeniser() -> jieba.Tokenizer:
    """Jieba with its dictionary, not initialised its own way: that trusts and writes a file of a known name in /tmp."""
    tokeniser = jieba.Tokenizer()
    tokeniser.FREQ, tokeniser.total = tokeniser.gen_pfdict(tokeniser.get_dict_file())
    tokeniser.initialized = True
    return tokeniser
