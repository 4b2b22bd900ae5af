"""Markup in square brackets: ``[pause:1.5s]``, ``[voice:af_sky]``, ``[rate:1.2]`` and ``[Kokoro](/kˈOkəɹO/)``.

Pronunciations follow misaki 0.9.4 (``en.py``, ``G2P.preprocess``), but that a word holds no bracket and phonemes no
slash, so that every text is read in linear time and a link to a path stays a link.
"""

from __future__ import annotations

import functools
import re
from array import array
from collections.abc import Iterator
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
    kept = 0
    for match in _markup(tags).finditer(text.text):
        if match.start() > kept:
            yield text.slice(kept, match.start())
        kept = match.end()
        if match["word"] is not None:
            yield from _pronounced(text, match, source)
        else:
            yield _tag(text, match, source)
    if kept == 0:
        yield text
    elif kept < len(text.text):
        yield text.slice(kept, len(text.text))


def _tag(text: AlignedText, match: re.Match[str], source: str) -> Tag:
    start, end = text.span(*match.span())
    if match["ended"] is not None:
        return Tag(match["ended"].lower(), None, start, end)
    name = match["name"].lower()
    if match["closed"] is None:
        raise refusal(source, f"{quoted(match.group())}: the tag has no closing bracket", start, end)
    return Tag(name, match["value"].strip(), start, end)


def _pronounced(text: AlignedText, match: re.Match[str], source: str) -> Iterator[AlignedText]:
    """The word or words of a pronunciation, said as told; spaces at their ends stay spaces."""
    start, end = match.span("word")
    word = match["word"].strip() or match["word"]
    first = start + match["word"].index(word)
    if first > start:
        yield text.slice(start, first)
    stretch = text.slice(first, first + len(word))
    if match["phonemes"] is not None:
        yield stretch.as_object(Said(word, phonemes=_phonemes(text, match, source)))
    elif match["flags"] is not None:
        yield stressed(stretch, None, num_flags=_flags(text, match, source))
    else:
        yield stressed(stretch, float(match["stress"]))
    if first + len(word) < end:
        yield text.slice(first + len(word), end)


def _phonemes(text: AlignedText, match: re.Match[str], source: str) -> str:
    try:
        return told_phonemes(match["phonemes"])
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


def stressed(
    text: AlignedText, stress: float | None, *, num_flags: str = "", only_letters: bool = False
) -> AlignedText:
    """``text`` with each of its words to be said with this stress; ``only_letters``: but numbers and the like."""
    pieces: list[str] = []
    starts, ends = array("l"), array("l")
    said = dict(text.said)
    told: dict[str, Said] = {}
    kept = 0
    for match in _RUN.finditer(text.text):
        word = match.group().strip(_AROUND_WORDS)
        if not word or (only_letters and not _PLAIN_WORD.fullmatch(word)):
            continue
        start = text.text.index(word, match.start())
        pieces += (text.text[kept:start], OBJECT)
        starts.extend(text.starts[kept : start + 1])
        ends.extend(text.ends[kept:start])
        kept = start + len(word)
        ends.append(text.ends[kept - 1])
        if word not in told:
            told[word] = Said(word, stress=stress, num_flags=num_flags)
        said[text.starts[start]] = told[word]
    pieces.append(text.text[kept:])
    starts.extend(text.starts[kept:])
    ends.extend(text.ends[kept:])
    return AlignedText("".join(pieces), starts, ends, said)


def pause_s(tag: Tag, source: str) -> float:
    """The length of a pause tag. Raises InvalidMarkup."""
    value = tag.value or ""
    seconds = time_s(value) if value[-1:].isalpha() else number(value)
    if seconds is None:
        message = "a pause is written in seconds or milliseconds, as in [pause:1.5s] or [pause:500ms]"
        raise tag_refusal(source, message, tag.char_start, tag.char_end)
    return seconds
