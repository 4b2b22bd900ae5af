"""An ordered table of rules: how texts are cleaned and normalised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.text.aligned import AlignedText, Draft
from gateway.text.rules import ANY_LETTER, ANY_NOT_ASCII, LETTERS, NOT_ASCII, AnyRule

_ALWAYS = ""
"""Stands for what every text has."""

_KINDS = LETTERS | NOT_ASCII
"""Needs that are no characters, but kinds of them."""


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

        self._needs = [
            ["".join(sorted(needs)) for needs in (rule.needs, rule.also_needs) if needs and not needs & _KINDS]
            for rule in self._rules
        ]
        """Of each rule the characters of its needs, where these are characters: one of each is to be in its text."""

    def __iter__(self) -> Iterator[AnyRule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def apply(self, text: AlignedText) -> AlignedText:
        """``text`` after each of the rules in turn. Linear in its length."""
        draft, is_changed = Draft(text), False
        met = self._met(text.text)
        able = self._able(met)
        while able:
            bit = able & -able
            able ^= bit
            place = bit.bit_length() - 1
            if is_changed and not self._has_needs(place, draft.text):
                continue
            if written := self._rules[place].change(draft):
                is_changed = True
                met |= self._met("".join(set(written)))
                able = self._able(met) & -(bit << 1)
        return draft.aligned()

    def _able(self, met: int) -> int:
        return met & met >> len(self._rules) & ~(-1 << len(self._rules))

    def _has_needs(self, place: int, text: str) -> bool:
        for needs in self._needs[place]:
            for char in needs:
                if char in text:
                    break
            else:
                return False
        return True

    def _met(self, text: str) -> int:
        """A bit for each need that a character of ``text`` meets, by its rule's place."""
        met, bits = self._always, self._bits
        has_others = False
        characters = set(text)
        for char in characters:
            if (of_char := bits.get(char)) is None:
                has_others = True
            else:
                met |= of_char
        if has_others:
            met |= self._not_ascii | (self._letter if any(map(str.isalpha, characters)) else 0)
        return met

    def able(self, text: str) -> int:
        """A bit, by its place, for each rule that may match in ``text``, by the characters in it: no other can."""
        return self._able(self._met(text))

    def _bits_of_kind(self, char: str) -> int:
        return (self._letter if char.isalpha() else 0) | (0 if char.isascii() else self._not_ascii)
