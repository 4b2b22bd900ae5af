"""Spanish, French, Hindi, Italian and Portuguese: what misaki's ``EspeakG2P`` says, with a place for every word.

espeak-ng is given all of a stretch between two marks at once, as misaki does, since what it says of a word depends on
those around it ("les enfants" is ``lez ɑ̃fɑ̃``). Its words are those of the text, with few exceptions, where it says
two in one or one in several; only there are words found by how they sound alone.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import logging
from collections.abc import Iterator, Sequence

import regex
from misaki.espeak import EspeakG2P
from phonemizer.backend import EspeakBackend

from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from gateway.text.phonemisers.assembly import Item, items_of, join, spoken
from gateway.text.phonemisers.function_words import FUNCTION_WORDS
from gateway.text.spoken import Word

_log = logging.getLogger(__name__)
_log.setLevel(logging.ERROR)  # phonemizer warns of every language switch

CACHED_WORDS = 10_000

_WORD = regex.compile(r"\S++")
_LONGEST_RUN = 60
"""A longer run without a space is no word; in pieces, espeak-ng's buffers hold it."""

_LONGEST_STRETCH = 400
"""Characters that espeak-ng is given at once: past some 800 it breaks the text itself, and breaks words."""

LINKED = "‿"
"""IPA's sign for words without a gap between them: at the end of a word that espeak-ng says as one with the next."""

_STRESS = str.maketrans("", "", "ˈˌ-")


class EspeakLanguageG2P:
    """The ``G2P`` of a language that Kokoro learnt from espeak-ng. Not safe for threads: espeak-ng has a state."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._espeak = _Espeak(language.value)
        self._function_words = FUNCTION_WORDS[language]
        self._alone = functools.lru_cache(CACHED_WORDS)(self._said)

    def __call__(self, sentences: Sequence[AlignedText]) -> list[tuple[Word, ...]]:
        return [join(items_of(sentence, self._items, self._language), spaced=True) for sentence in sentences]

    def _said(self, text: str) -> str:
        return str(self._espeak(text)[0])

    def _items(self, stretch: AlignedText) -> Iterator[Item]:
        for part in _parts(stretch):
            places = [place for found in _WORD.finditer(part.text) for place in _cut(*found.span())]
            texts = [part.text[start:end] for start, end in places]
            for (start, end), text, phonemes in zip(places, texts, self._phonemes(texts), strict=True):
                char_start, char_end = part.span(start, end)
                known = spoken(phonemes.rstrip(LINKED), text, char_start, char_end, self._language)
                space_after = part.text[end : end + 1].isspace() and not phonemes.endswith(LINKED)
                kind = self._function_words.get(text.casefold())
                yield Item(
                    known,
                    char_start,
                    char_end,
                    space_after,
                    text,
                    begins_phrase=kind is not None and kind.begins_phrase,
                    leans=kind is not None,
                )

    def _phonemes(self, words: list[str]) -> list[str]:
        """What each of ``words`` sounds like among the others."""
        said = self._said(" ".join(words)).split()
        if len(said) == len(words):
            return said
        alone = [self._alone(word) for word in words]
        audible = [place for place, phonemes in enumerate(alone) if phonemes]
        if len(said) != len(audible):
            said = shared_out(said, [alone[place] for place in audible])
        by_place = dict(zip(audible, said, strict=True))
        return [by_place.get(place, "") for place in range(len(words))]


class _Espeak(EspeakG2P):  # type: ignore[misc]
    """Misaki's, but for marks: those that are pauses are gone before, the others are espeak-ng's ("3.5", "a.m.")."""

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.backend = EspeakBackend(
            language,
            punctuation_marks="|",
            with_stress=True,
            tie="^",
            language_switch="remove-flags",
            logger=_log,
        )


def _parts(stretch: AlignedText) -> Iterator[AlignedText]:
    """The stretch between spaces in parts that espeak-ng reads as one."""
    start, end = 0, len(stretch.text)
    while end - start > _LONGEST_STRETCH:
        space = stretch.text.rfind(" ", start + 1, start + _LONGEST_STRETCH)
        cut = space + 1 if space > 0 else start + _LONGEST_STRETCH
        yield stretch.slice(start, cut)
        start = cut
    yield stretch.slice(start, end)


def _cut(start: int, end: int) -> Iterator[tuple[int, int]]:
    bounds = [*range(start, end, _LONGEST_RUN), end]
    return itertools.pairwise(bounds)


def shared_out(said: list[str], alone: list[str]) -> list[str]:
    """``said`` as one string for each of ``alone``: the words as they sound one by one, in the same order.

    Both are laid side by side at the sounds that they share. A bound that then falls near one of ``said`` is that; one
    that does not is inside words that are said as one. Where ``said`` has several words for one, they stay apart.
    """
    whole, by_sound = " ".join(said), "".join(alone).translate(_STRESS)
    sounds = [place for place, symbol in enumerate(whole) if symbol not in "ˈˌ "]
    blocks = difflib.SequenceMatcher(None, by_sound, [whole[place] for place in sounds], autojunk=False)
    matching = blocks.get_matching_blocks()
    ends = itertools.accumulate(len(phonemes.translate(_STRESS)) for phonemes in alone)
    spaces = [sounds.index(place + 1 + _leading(whole, place + 1)) for place, char in enumerate(whole) if char == " "]
    cuts = [0]
    for end in list(ends)[:-1]:
        near = _place(end, matching)
        space = min(spaces, key=lambda place: abs(place - near), default=near)
        cuts.append(max(cuts[-1], space if abs(space - near) <= 1 else near))
    bounds = [0, *(_with_stress(whole, sounds, cut) for cut in cuts[1:]), len(whole)]
    return [_piece(whole, start, end) for start, end in itertools.pairwise(bounds)]


def _piece(whole: str, start: int, end: int) -> str:
    piece = whole[start:end].strip()
    linked = piece and end < len(whole) and not whole[end - 1].isspace() and not whole[end].isspace()
    return f"{piece}{LINKED}" if linked else piece


def _leading(whole: str, place: int) -> int:
    """How many stress marks there are at ``place``."""
    return len(whole[place:]) - len(whole[place:].lstrip("ˈˌ "))


def _place(end: int, matching: Sequence[difflib.Match]) -> int:
    """Where in the second sequence lies what is at ``end`` in the first."""
    last = matching[0]
    for block in matching:
        if block.a > end:
            break
        last = block
    return last.b + min(max(end - last.a, 0), last.size)


def _with_stress(whole: str, sounds: list[int], cut: int) -> int:
    """The place in ``whole`` of the sound numbered ``cut``, before its stress marks."""
    place = sounds[cut] if cut < len(sounds) else len(whole)
    while place and whole[place - 1] in "ˈˌ":
        place -= 1
    return place
