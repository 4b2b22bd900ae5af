"""Misaki's English (0.9.4), made to take documents that spaCy has tagged already, and to survive every number."""

from __future__ import annotations

import functools
import re
from typing import Any

from misaki import en
from misaki.token import MToken

from gateway.text.aligned import Said
from gateway.text.tagger import TOLD

UNKNOWN = "❓"
"""What misaki writes for a part of a word that it has no phonemes for."""

MAX_DIGITS = 15
"""Longer numbers are said digit by digit: num2words overflows, and a float would lose the digits after these."""

MAX_GROUPED_DIGITS = 36
"""The same for whole numbers with thousands separators, which ask to be read as one: up to undecillions."""

_subtokenize = en.subtokenize

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SUFFIX = re.compile(r"[a-z']*\Z")


class _Features:
    """What misaki notes of a token, for its ``addict.Dict``: an attribute that nobody has set is None.

    That was a fifth of all time: it copies every value, and asks its own keys before it gives one.
    """

    alias = currency = is_head = num_flags = prespace = rating = stress = None

    def __init__(self, **features: Any) -> None:
        self.__dict__ |= features


MToken.Underscore = _Features
en.subtokenize = functools.lru_cache(maxsize=20_000)(lambda word: tuple(_subtokenize(word)))


class TaggedG2P(en.G2P):  # type: ignore[misc]
    """``en.G2P`` without its spaCy pipeline, which it would download if it is not installed under one name.

    Call it with a spaCy ``Doc`` that has tags, and ``preprocess=False``. Of the tokens that it returns, ``start_ts``
    and ``end_ts``, times in misaki's own use, are character offsets into the document: they survive its splitting
    and merging of tokens, which its texts do not.
    """

    def __init__(self, lexicon: Lexicon, fallback: Any) -> None:
        self.version = None
        self.british = lexicon.british
        self.lexicon = lexicon
        self.fallback = fallback
        self.unk = UNKNOWN

    def tokenize(self, document: Any, _tokens: list[str], _features: dict[int, Any]) -> list[Any]:
        tokens = [
            MToken(
                text=token.text,
                tag=_tag(token),
                whitespace=token.whitespace_,
                start_ts=token.idx,
                end_ts=token.idx + len(token.text),
                _=MToken.Underscore(is_head=True, num_flags="", prespace=False),
            )
            for token in document
        ]
        for index, said in document.user_data.get(TOLD, {}).items():
            _tell(tokens, index, said)
        return tokens


def _tell(tokens: list[Any], index: int, said: Said) -> None:
    token = tokens[index]
    token._.stress, token._.num_flags = said.stress, said.num_flags
    if said.phonemes is not None:
        token.phonemes, token._.rating = said.phonemes, 5
        # As if spaces were around it: misaki takes tokens without a space between them for one word.
        for apart in tokens[max(0, index - 1) : index + 1]:
            apart.whitespace = " "


def _tag(token: Any) -> str:
    """The tagger's tag, unless it takes a word for punctuation, which misaki would drop, or punctuation for a word."""
    tag: str = token.tag_
    text: str = token.text
    if tag not in en.PUNCT_TAGS:
        return "." if en.NON_QUOTE_PUNCTS.issuperset(text) else tag
    if any(char.isalnum() for char in text) and not any(char in en.CURRENCIES for char in text):
        return "CD" if any(char.isdecimal() for char in text) else "NN"
    return tag


class Lexicon(en.Lexicon):  # type: ignore[misc]
    """``en.Lexicon`` that leaves to the fallback what it trips over, instead of raising."""

    def __call__(self, token: Any, context: Any) -> tuple[str | None, int | None]:
        try:
            phonemes, rating = super().__call__(token, context)
        except (ArithmeticError, LookupError, StopIteration, ValueError):
            return None, None  # misaki's number grammar takes its input to be well formed: "1.,2", "²³.-"
        return phonemes, rating

    def suffix_s(self, stem: str) -> str:
        """What "s" or "'s" adds to a word of these phonemes."""
        return str(self._s(stem))[len(stem) :]

    def get_number(self, word: str, currency: str | None, is_head: bool, num_flags: str) -> tuple[str | None, Any]:
        num_digits = sum(char.isdecimal() for char in word)
        is_grouped = "," in word and "." not in word
        if num_digits <= (MAX_GROUPED_DIGITS if is_grouped else MAX_DIGITS):
            phonemes, rating = super().get_number(word, currency, is_head, num_flags)
            return phonemes, rating
        return self._digit_by_digit(word, currency, num_flags)

    def _digit_by_digit(self, word: str, currency: str | None, num_flags: str) -> tuple[str, int]:
        suffix = _SUFFIX.search(word)
        end = suffix.start() if suffix else len(word)
        last = len(word[:end].rstrip(",.")) - 1
        names = [self._digit_name(char) for char in word[:last]]
        said = [self.lookup(name, None, None, None)[0] for name in names if name]
        # The last digit takes the suffix: "...3rd", "...90s".
        said.append(super().get_number(word[last] + word[end:], None, True, num_flags)[0])
        return self.append_currency(" ".join(said), currency), 3

    @staticmethod
    def _digit_name(char: str) -> str | None:
        if char.isdecimal():
            return _DIGITS[int(char)]
        return {".": "point", "-": "minus"}.get(char)
