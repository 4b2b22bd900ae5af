"""Subtitles from word timings: as SRT, as WebVTT, or as WebVTT with a time for every word. Pure.

Words come as they are known, and cues go out as soon as they are whole. What is shown is the input as it is written,
without its markup.
"""

from __future__ import annotations

import html
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import regex

from gateway.cues import Cue, Cues, Ending, Token, pieces_of
from gateway.text.aligned import OBJECT, AlignedText
from gateway.timings import WordTiming

_SENTENCE_END = regex.compile(r"[.!?…。！？।॥｡]\P{L}*+$")
_CLAUSE_END = regex.compile(r"[,;:،、，；：—–]\P{L}*+$")
_BEFORE_A_WORD = regex.compile(r"[\p{Ps}\p{Pi}¿¡\p{Sc}#@]++$")
"""Of the signs that touch a word on either side, those that belong to the following one."""
_SPACE = regex.compile(r"\s")
_OPENING = regex.compile(r"[\p{Ps}\p{Pi}]")
_PARAGRAPH_END = regex.compile(r"\n[^\S\n]*+\n")
_MAX_SIGNS = 8
"""In a row; more are a rule or a border."""


class SubtitleFormat(StrEnum):
    """How cues are written."""

    SRT = "srt"
    VTT = "vtt"
    VTT_WORDS = "vtt-words"
    """Karaoke: within a cue, each word but the first has the time of its start before it."""


class CueMaker:
    """From words to cues: ``add`` until the words end, then ``finish``."""

    def __init__(self, speech: Sequence[AlignedText]) -> None:
        """``speech``: the texts that are spoken, which point into the input that the words are of, in order."""
        self._tokens = _Tokens(speech)
        self._cues = Cues()

    def add(self, words: Iterable[WordTiming]) -> list[Cue]:
        """The cues that ``words``, the next ones of the input, complete."""
        tokens = [token for word in words for token in self._tokens.add(word)]
        return [cue for token in tokens for cue in self._cues.add(token)]

    def finish(self, seconds: float) -> list[Cue]:
        """The rest. ``seconds``: how long the audio is, for no cue outlasts it by more than rounding."""
        last = [cue for token in self._tokens.finish() for cue in self._cues.add(token)]
        return [*last, *self._cues.finish(round(seconds * 1000))]


class CueWriter:
    """Writes cues, which come in order, as a file of one form."""

    def __init__(self, form: SubtitleFormat) -> None:
        self._form = form
        self._num_cues = 0
        self._head = "" if form is SubtitleFormat.SRT else "WEBVTT\n\n"

    def write(self, cues: Iterable[Cue]) -> str:
        """The next cues, with what a file begins with before the first; call it once at least."""
        head, self._head = self._head, ""
        return head + "".join(map(self._block, cues))

    def _block(self, cue: Cue) -> str:
        self._num_cues += 1
        if self._form is SubtitleFormat.SRT:
            # SRT knows no escapes, but an arrow would be taken for another cue's times.
            text = cue.text.replace("-->", "→")
            return f"{self._num_cues}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{text}\n\n"
        text = _timed(cue) if self._form is SubtitleFormat.VTT_WORDS else html.escape(cue.text, quote=False)
        return f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{text}\n\n"


class Subtitles:
    """A writer of one kind of subtitles, used as an encoder is: ``write`` until the words end, then ``close``."""

    def __init__(self, speech: Sequence[AlignedText], form: SubtitleFormat) -> None:
        """``speech``: as of a CueMaker."""
        self._maker = CueMaker(speech)
        self._writer = CueWriter(form)

    def write(self, words: Iterable[WordTiming]) -> str:
        """The cues that ``words``, the next ones of the input, complete."""
        return self._writer.write(self._maker.add(words))

    def close(self, seconds: float) -> str:
        """The rest. ``seconds``: how long the audio is."""
        return self._writer.write(self._maker.finish(seconds))


class _Tokens:
    """From words to tokens: a word is shown with what the input has between it and its neighbours."""

    def __init__(self, speech: Sequence[AlignedText]) -> None:
        self._speech = [text for text in speech if text.text]
        self._ends = [text.ends[-1] for text in self._speech]
        self._word: WordTiming | None = None
        self._before = ""
        self._char_end = 0

    def add(self, word: WordTiming) -> list[Token]:
        """What is known once ``word`` is: the word before it."""
        between = _parted(self._shown(self._char_end, word.char_start))
        tokens = self._last(between)
        self._word, self._before, self._char_end = word, between.before, word.char_end
        return tokens

    def finish(self) -> list[Token]:
        """The last word."""
        return self._last(_parted(self._shown(self._char_end, max(self._ends, default=0))))

    def _last(self, between: _Between) -> list[Token]:
        word = self._word
        if word is None:
            return []
        written = " ".join(self._shown(word.char_start, word.char_end).split()) or word.spoken or word.word
        text = self._before + written + between.after
        token = Token(text, round(word.start * 1000), round(word.end * 1000), between.ending, between.has_space)
        return list(pieces_of(token))

    def _shown(self, start: int, end: int) -> str:
        """What is shown of the input's characters from ``start`` to ``end``."""
        shown = ""
        for number in range(bisect_left(self._ends, start + 1), len(self._speech)):
            text = self._speech[number]
            if text.starts[0] >= end:
                break
            first, last = bisect_left(text.starts, start), bisect_left(text.starts, end)
            shown += "".join(_char(text, index) for index in range(first, last))
        return shown


def _char(text: AlignedText, index: int) -> str:
    said = text.said_at(index) if text.text[index] == OBJECT else None
    return said.text if said else text.text[index]


class _Between(NamedTuple):
    """What the input has between two words."""

    after: str
    """Shown with the first of them."""
    before: str
    """Shown with the second."""
    has_space: bool
    ending: Ending


def _parted(between: str) -> _Between:
    """What goes with which word.

    Words that are not spoken, such as a block of code, are not shown, nor are the signs that begin a line.
    """
    pieces = _SPACE.split(between)
    if len(pieces) == 1:
        found = _BEFORE_A_WORD.search(between)
        place = found.start() if found else len(between)
        after, before = between[:place], between[place:]
    else:
        after, before = pieces[0] if "\n" in between else " ".join(pieces[:-1]).rstrip(), pieces[-1]
    after, before = _signs(after), _signs(before)
    if _PARAGRAPH_END.search(between) or _SENTENCE_END.search(after):
        ending = Ending.SENTENCE
    else:
        ending = Ending.CLAUSE if _CLAUSE_END.search(after) or _OPENING.match(before) else Ending.WORD
    return _Between(after, before, len(pieces) > 1, ending)


def _signs(text: str) -> str:
    return "" if len(text) > _MAX_SIGNS or any(char.isalnum() for char in text) else text


def _timed(cue: Cue) -> str:
    """WebVTT's cue text with timestamps, which must lie inside the cue and increase."""
    shown: list[str] = []
    latest_ms = cue.start_ms
    for line in cue.lines:
        written = ""
        for token in line:
            if latest_ms < token.start_ms < cue.end_ms:
                written += f"<{_clock(token.start_ms, '.')}>"
                latest_ms = token.start_ms
            written += html.escape(token.text, quote=False) + " " * token.space_after
        shown.append(written.rstrip(" "))
    return "\n".join(shown)


def _clock(milliseconds: int, point: str) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{milliseconds:03}"
