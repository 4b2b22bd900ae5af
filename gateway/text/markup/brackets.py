"""Markup in square brackets: ``[pause:1.5s]``, ``[voice:af_sky]``, ``[rate:1.2]`` and ``[Kokoro](/kˈOkəɹO/)``.

Pronunciations follow misaki 0.9.4 (``en.py``, ``G2P.preprocess``), but that a word holds no bracket and phonemes no
slash, so that every text is read in linear time and a link to a path stays a link.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import regex

from gateway.text.aligned import OBJECT, AlignedText, Said
from gateway.text.markup.places import quoted, refusal, tag_refusal
from gateway.text.markup.values import number, time_s
from gateway.text.phonemes import UnsayablePhonemes, told_phonemes

ALWAYS_ON = ("pause",)
WITH_VOICE_TAGS = ("pause", "voice", "rate")

_PRONUNCIATION = r"""
    (?P<word> [^\[\]]++ ) \]
    \( (?: /(?P<phonemes> [^/()]*+ )/ | (?P<stress> [+-]?(?:[012]|0?\.5) ) | \#(?P<flags> [^\#()]*+ )\# ) \)
"""

_NUM_FLAGS = frozenset("&an")
"""Misaki's: say "and" in numbers, "a" for a leading one, "n" for "and"."""

_RUN = re.compile(rf"[^\s{OBJECT}]++")
_AROUND_WORDS = "\"'“”‘’«»()<>{}.,;:!?…—–-*_~。，、！？：；「」『』（）।¿¡"
_PLAIN_WORD = regex.compile(r"[\p{Latin}\p{M}'’-]++")


class Tag(NamedTuple):
    """``input[char_start:char_end]``."""

    name: str
    value: str | None
    """None of one that ends what another began: ``[/voice]``."""
    char_start: int
    char_end: int


@functools.cache
def _markup(tags: tuple[str, ...]) -> re.Pattern[str]:
    opening = rf"(?P<name> {'|'.join(tags)} ) : (?P<value> [^\[\]]*+ ) (?P<closed> \] )?"
    closing = rf"/ (?P<ended> {'|'.join(tag for tag in tags if tag not in ALWAYS_ON) or '(?!)'} ) \]"
    pattern = rf"\[ (?: {opening} | {closing} | {_PRONUNCIATION} )"
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE | re.ASCII)


def pieces(text: AlignedText, tags: tuple[str, ...], source: str) -> Iterator[AlignedText | Tag]:
    """``text`` around those of ``tags`` that are in it, with its pronunciations as OBJECTs.

    Raises InvalidMarkup, which names the place in ``source``, for an unclosed tag and for phonemes that are none.
    """
    told: list[_Told] = []
    kept = 0
    for match in _markup(tags).finditer(text.text) if "[" in text.text else ():
        if match["word"] is not None:
            told += _pronounced(text, match, source)
            continue
        if match.start() > kept:
            yield _with_told(text, kept, match.start(), told)
        yield _tag(text, match, source)
        kept = match.end()
        told = []
    if kept == 0 and not told:
        yield text
    elif kept < len(text.text):
        yield _with_told(text, kept, len(text.text), told)


class _Told(NamedTuple):
    """``text[start:end]`` is to be an OBJECT, said in this way, or to be left out."""

    start: int
    end: int
    said: Said | None


def _with_told(text: AlignedText, start: int, end: int, told: Sequence[_Told]) -> AlignedText:
    """``text[start:end]`` with those stretches of it, which count from the beginning of ``text``."""
    piece = text if start == 0 and end == len(text.text) else text.slice(start, end)
    if not told:
        return piece
    said = {text.starts[stretch.start]: stretch.said for stretch in told if stretch.said is not None}
    edits = [(stretch.start - start, stretch.end - start, OBJECT if stretch.said else "") for stretch in told]
    return piece.edited(edits, said)


def _tag(text: AlignedText, match: re.Match[str], source: str) -> Tag:
    start, end = text.span(*match.span())
    if match["ended"] is not None:
        return Tag(match["ended"].lower(), None, start, end)
    name = match["name"].lower()
    if match["closed"] is None:
        raise refusal(source, f"{quoted(match.group())}: the tag has no closing bracket", start, end)
    return Tag(name, match["value"].strip(), start, end)


def _pronounced(text: AlignedText, match: re.Match[str], source: str) -> Iterator[_Told]:
    """The word or words of a pronunciation, said as told; spaces at their ends stay spaces."""
    start, end = match.span("word")
    yield _Told(match.start(), start, None)
    if match["phonemes"] is not None:
        word = match["word"].strip() or match["word"]
        first = start + match["word"].index(word)
        yield _Told(first, first + len(word), _said(word, _phonemes(text, match, source), None, ""))
    elif match["flags"] is not None:
        yield from _stressed_words(text.text, start, end, None, _flags(text, match, source))
    else:
        yield from _stressed_words(text.text, start, end, float(match["stress"]), "")
    yield _Told(end, match.end(), None)


_known_phonemes = functools.lru_cache(maxsize=1024)(told_phonemes)


@functools.lru_cache(maxsize=4096)
def _said(word: str, phonemes: str | None, stress: float | None, num_flags: str) -> Said:
    return Said(word, phonemes, stress, num_flags)


def _phonemes(text: AlignedText, match: re.Match[str], source: str) -> str:
    try:
        return _known_phonemes(match["phonemes"])
    except UnsayablePhonemes as error:
        index = min(match.start("phonemes") + error.index, match.end("phonemes") - 1)
        start, end = text.span(index, index + 1)
        raise refusal(source, f"{quoted(match.group())}: {error}", start, end) from None


def _flags(text: AlignedText, match: re.Match[str], source: str) -> str:
    flags: str = match["flags"]
    if not flags or not _NUM_FLAGS.issuperset(flags):
        start, end = text.span(*match.span())
        raise refusal(source, f"{quoted(match.group())}: the flags of a number are '&', 'a' and 'n'", start, end)
    return flags


def stressed(text: AlignedText, stress: float) -> AlignedText:
    """``text`` with each of its words, but no numbers and the like, to be said with this stress."""
    told = [
        word
        for word in _stressed_words(text.text, 0, len(text.text), stress, "")
        if _PLAIN_WORD.fullmatch(text.text, word.start, word.end)
    ]
    return _with_told(text, 0, len(text.text), told)


def _stressed_words(text: str, start: int, end: int, stress: float | None, num_flags: str) -> Iterator[_Told]:
    for match in _RUN.finditer(text, start, end):
        word = match.group().strip(_AROUND_WORDS)
        if word:
            first = text.index(word, match.start())
            yield _Told(first, first + len(word), _said(word, None, stress, num_flags))


def pause_s(tag: Tag, source: str) -> float:
    """The length of a pause tag. Raises InvalidMarkup."""
    value = tag.value or ""
    seconds = time_s(value) if value[-1:].isalpha() else number(value)
    if seconds is None:
        message = "a pause is written in seconds or milliseconds, as in [pause:1.5s] or [pause:500ms]"
        raise tag_refusal(source, message, tag.char_start, tag.char_end)
    return seconds
