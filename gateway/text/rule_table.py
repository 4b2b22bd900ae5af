"""An ordered table of rules: how texts are cleaned and normalised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from gateway.text.aligned import AlignedText
from gateway.text.rules import ANY_LETTER, ANY_NOT_ASCII, AnyRule, Edit, Respelling

_FEW_EDITS = 64
"""With more, it is sooner to look at the whole text again."""

_ALWAYS = ""
"""Stands for what every text has."""


class RuleTable:
    """Rules in their order. A text meets only those of them that its characters let match, which most do not."""

    def __init__(self, rules: Iterable[AnyRule]) -> None:
        self._rules = tuple(rules)
        bits = dict.fromkeys((_ALWAYS, ANY_LETTER, ANY_NOT_ASCII, *map(chr, range(128))), 0)
        for place, rule in enumerate(self._rules):
            for needs, bit in ((rule.needs, 1 << place), (rule.also_needs, 1 << place + len(self._rules))):
                for need in needs or (_ALWAYS,):
                    bits[need] = bits.get(need, 0) | bit
        self._always, self._letter, self._not_ascii = bits[_ALWAYS], bits[ANY_LETTER], bits[ANY_NOT_ASCII]
        self._bits = {char: bits[char] | self._bits_of_kind(char) for char in bits if len(char) == 1}
        """Of a character, a bit for each rule that needs it; beyond those, one for each that also needs it."""

    def __iter__(self) -> Iterator[AnyRule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def apply(self, text: AlignedText) -> AlignedText:
        """``text`` after each of the rules in turn. Linear in its length."""
        characters = set(text.text)
        able = self.able(characters)
        while able:
            bit = able & -able
            able ^= bit
            rule = self._rules[bit.bit_length() - 1]
            if isinstance(rule, Respelling):
                edits, changed = [], rule.apply(text)
            else:
                edits = rule.edits(text.text)
                changed = text.edited(edits) if edits else text
            if changed is not text:
                characters = _characters_after(edits, text.text, changed.text, characters)
                text = changed
                able = self.able(characters) & -(bit << 1)
        return text

    def able(self, characters: Set[str]) -> int:
        """A bit, by its place, for each rule that may match in a text of these ``characters``: no other can."""
        met, bits = self._always, self._bits
        has_others = False
        for char in characters:
            if (of_char := bits.get(char)) is None:
                has_others = True
            else:
                met |= of_char
        if has_others:
            met |= self._not_ascii | (self._letter if any(map(str.isalpha, characters)) else 0)
        return met & met >> len(self._rules) & ~(-1 << len(self._rules))

    def _bits_of_kind(self, char: str) -> int:
        return (self._letter if char.isalpha() else 0) | (0 if char.isascii() else self._not_ascii)


def _characters_after(edits: Sequence[Edit], before: str, after: str, characters: set[str]) -> set[str]:
    """The characters of ``after``, which ``edits``, if they are known, have made of ``before``."""
    if not 0 < len(edits) <= _FEW_EDITS:
        return set(after)
    taken = {char for start, end, _ in edits for char in before[start:end]}
    added = {char for *_, new in edits for char in new}
    return characters - {char for char in taken if char not in after} | added
