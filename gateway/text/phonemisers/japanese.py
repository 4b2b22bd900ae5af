"""Japanese: OpenJTalk's words and readings, in the symbols of misaki's ``cutlet``, which Kokoro v1.0 was trained with.

Misaki finds words and readings with MeCab and UniDic; OpenJTalk (``pyopenjtalk-plus``) does so with a dictionary that
its wheel carries, knows how counters sound, and gives the place of every word in the text.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jaconv
import pyopenjtalk
import regex
from misaki.cutlet import HEPBURN, JA_WORDS, Cutlet

from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from gateway.text.phonemisers.assembly import Item, items_of, join, spoken
from gateway.text.spoken import Word

_DIGITS = regex.compile(r"[0-9０-９][0-9０-９,，.．]*+")
_POINTS = frozenset("．.，,")
_APART = regex.compile(r"\p{Katakana}[\u3099\u309a]|\p{Hiragana}[\u3099\u309a]")
"""A kana and its voicing mark, as they come from half-width forms; OpenJTalk would read the kana alone."""

_BEFORE_POWER = regex.compile(r"(?<=[0-9０-９〇一二三四五六七八九十百千万億兆])[ \u3000]++(?=[十百千万億兆])")
"""Space inside of a number, after which OpenJTalk reads 万 as if it were no number, or gives up."""

_CUT = regex.compile(r"(?<=[\s\p{P}])(?=\S)")

_DEVOICED = str.maketrans("", "", "’'")

_LONG_I = regex.compile(r"(?<=[いきしちにひみりぎじびぴ])い\Z")
"""At the end of an adjective: UniDic, from which misaki's readings are, has "oishī" where OpenJTalk has "oishii"."""

_AFTER_NAN = tuple("たちつてとだぢづでどなにぬねの")
"""何 before these sounds is "nan", not "nani"; the package's own model for it needs ONNX Runtime."""

_LONGEST_STRETCH = 400
_LONGEST_WORD = 12
"""OpenJTalk's words in one of misaki's."""


class _Entry(NamedTuple):
    """One of OpenJTalk's words; ``start`` and ``end`` delimit it in the stretch."""

    text: str
    hiragana: str
    start: int
    end: int
    is_particle: bool


class JapaneseG2P:
    """The ``G2P`` of Japanese."""

    def __init__(self) -> None:
        self._kana = _Kana()
        pyopenjtalk.run_frontend("読み込む")  # loads the dictionary

    def __call__(self, sentences: Sequence[AlignedText]) -> list[tuple[Word, ...]]:
        composed = (
            sentence.sub(_APART, lambda kana: unicodedata.normalize("NFC", kana.group())).sub(
                _BEFORE_POWER, lambda _: ""
            )
            for sentence in sentences
        )
        return [join(items_of(sentence, self._items, Language.JA), spaced=False) for sentence in composed]

    def _items(self, stretch: AlignedText) -> Iterator[Item]:
        for done in range(0, len(stretch.text), _LONGEST_STRETCH):
            yield from self._part(stretch.slice(done, done + _LONGEST_STRETCH))

    def _part(self, part: AlignedText) -> Iterator[Item]:
        after_particle = False
        for word in _words(list(_entries(part.text))):
            place = part.span(word[0].start, word[-1].end)
            text = "".join(entry.text for entry in word)
            phonemes = self._kana.phonemes("".join(entry.hiragana for entry in word))
            known = spoken(phonemes, text, *place, Language.JA)
            yield Item(known, *place, True, text, begins_phrase=after_particle)
            after_particle = word[-1].is_particle


def _entries(text: str) -> Iterator[_Entry]:
    """OpenJTalk's words of ``text`` in order; all of a number have its place."""
    with contextlib.suppress(ValueError):
        mapping = pyopenjtalk.g2p_mapping(text, use_sudachi_kanji_yomi=False, predict_nani=False)
        yield from _placed(text, mapping)
        return
    # It has lost track of where its words are, as in "9億兆/": in parts it may not.
    half = len(text) // 2
    cut = min((found.start() for found in _CUT.finditer(text)), key=lambda place: abs(place - half), default=0)
    if cut:
        yield from _entries(text[:cut])
        for entry in _entries(text[cut:]):
            yield entry._replace(start=entry.start + cut, end=entry.end + cut)
        return
    for word in pyopenjtalk.run_frontend(text, use_sudachi_kanji_yomi=False, predict_nani=False):
        anywhere = {**word, "char_span": (0, len(text)), "surface": word["string"], "mora_count": word["mora_size"]}
        yield from _placed(text, [anywhere])


def _placed(text: str, mapping: Iterable[Mapping[str, Any]]) -> list[_Entry]:
    entries: list[_Entry] = []
    numbers = [found.span() for found in _DIGITS.finditer(text)]
    for entry in mapping:
        start, end = entry["char_span"]
        if (start, end) == (0, 0):  # a power of ten, which is not written
            start, end = (entries[-1].start, entries[-1].end) if entries else (0, 1)
        number = next((span for span in numbers if span[0] <= start < span[1]), None)
        if number is not None and (entry["pos_group1"] == "数" or entry["surface"] in _POINTS):
            start, end = number[0], max(number[1], end)
        reading = "" if entry["mora_count"] == 0 else jaconv.kata2hira(entry["pron"].translate(_DEVOICED))
        if entry["pos"] == "形容詞":
            reading = _LONG_I.sub("ー", reading)
        if entries and entries[-1].text == "何" and reading.startswith(_AFTER_NAN):
            entries[-1] = entries[-1]._replace(hiragana="なん")
        entries.append(_Entry(entry["surface"], reading, start, end, is_particle=entry["pos"] == "助詞"))
    return entries


def _words(entries: list[_Entry]) -> Iterator[list[_Entry]]:
    """The entries in words as misaki writes them: as many as make one that its list knows."""
    place = 0
    while place < len(entries):
        longest = min(len(entries), place + _LONGEST_WORD)
        end = next(
            (end for end in range(longest, place + 1, -1) if "".join(e.text for e in entries[place:end]) in JA_WORDS),
            place + 1,
        )
        yield entries[place:end]
        place = end


class _Kana(Cutlet):  # type: ignore[misc]
    """Misaki's table from kana to symbols, without its MeCab."""

    def __init__(self) -> None:
        self.table = dict(HEPBURN)

    def phonemes(self, hiragana: str) -> str:
        around = zip(["", *hiragana], hiragana, [*hiragana[1:], ""], strict=False)
        return "".join(self._get_single_mapping(*kana) for kana in around).replace("っ", "")
