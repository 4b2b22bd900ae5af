"""When each word of the input is heard: from the model's own token durations, exact to the audio as it is sent. Pure.

A timeline is fed what the audio is made of, in order: chunks, as they are trimmed, and pauses. It works in samples,
so that nothing adds up to an error however long the audio.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from gateway.audio.gaps import Kept, peak_of, sound_in
from gateway.text.chunker import Chunk, WordSpan
from gateway.text.segments import Mark
from shared.vocabulary import PUNCTUATION, is_audible

UNITS_PER_S = 40
"""Token durations are counted in 25 ms (``shared.contract.AudioFrame``)."""

ONSET_S = 0.1
"""After a silence a word is heard before its first token begins: in 126 clips of 4 voices by 30 ms in the middle and
by 20 to 80 in nine of ten. So there its first sound is looked for so far back. Inside a phrase nothing is corrected:
Whisper, too, has words begin within 10 ms of their tokens in the middle."""

SILENCE_S = 0.02
"""What is shorter is no silence, but a moment between two vibrations of a voice."""

_BOUNDARY = regex.compile(r"\b", regex.WORD)
"""Unicode's default word boundary (UAX #29): none in "don't" and "5km", one on either side of an ideograph."""


@dataclass(frozen=True, slots=True)
class WordTiming:
    """``input[char_start:char_end]`` is heard from ``start`` to ``end``, in seconds of the whole audio."""

    word: str
    """That slice of the input, as it was written."""
    start: float
    end: float
    char_start: int
    char_end: int
    spoken: str | None = None
    """What is said for it, where that is not what is written: "five kilometres"."""

    def fields(self) -> dict[str, Any]:
        """The word as JSON has it, under the names that Kokoro-FastAPI gave them."""
        fields: dict[str, Any] = {
            "word": self.word,
            "start_time": round(self.start, 4),
            "end_time": round(self.end, 4),
            "char_start": self.char_start,
            "char_end": self.char_end,
        }
        if self.spoken is not None:
            fields["spoken"] = self.spoken
        return fields


@dataclass(frozen=True, slots=True)
class MarkTiming:
    """A mark is reached ``time`` seconds into the audio."""

    name: str
    time: float
    char_start: int


@dataclass(slots=True)
class _Entry:
    """A word in the making; times in samples of the whole audio."""

    span: WordSpan
    """Of the part that was added last."""
    start: int
    end: int
    char_start: int
    char_end: int
    spoken: str


class Timeline:
    """Takes the parts of the audio of a text in order; gives the words in them.

    Words follow one another without overlap, in the text and in time, and lie inside the audio. What stands for one
    word of the input is one entry: the tokens of "5km" or "don't", and the halves of a word that is cut between two
    chunks. Punctuation is no word, and its time is no word's.
    """

    def __init__(self, text: str, marks: Iterable[Mark] = (), sample_rate: int = 24_000) -> None:
        """``text``: the input that all offsets point into. ``marks``: in the order of their places in it."""
        self.marks: list[MarkTiming] = []
        """Those reached so far: each at the start of the first word at or after its place, else at the end."""
        self._text = text
        self._marks = deque(marks)
        self._sample_rate = sample_rate
        self._num_samples = 0
        self._open: _Entry | None = None

    @property
    def seconds(self) -> float:
        """How long the audio is so far."""
        return self._num_samples / self._sample_rate

    def extend(self, text: str, char_start: int) -> None:
        """The input goes on: at ``char_start`` it has ``text``. What lies between that and its end so far is blank."""
        self._text = self._text.ljust(char_start) + text

    def add(self, chunk: Chunk, durations: Sequence[int], pcm: NDArray[np.int16], kept: Kept) -> list[WordTiming]:
        """Go on with a chunk, of whose ``pcm`` (shape (n,), int16) ``pcm[kept.first:kept.end]`` is heard.

        durations: units of 25 ms of each token, boundary tokens included. Returns the words that are complete: the last
        word of a chunk that breaks off inside a clause may go on in the next. Raises ValueError if there are not as
        many durations as tokens.
        """
        if len(durations) != len(chunk.token_ids) + 2:
            raise ValueError(f"{len(durations)} durations for {len(chunk.token_ids)} tokens and two boundaries")
        done: list[WordTiming] = []
        clock = _ChunkClock(chunk, durations, pcm, kept, self._sample_rate)
        begins = True
        for span in chunk.words:
            if not is_audible(chunk.phonemes[span.token_start : span.token_end]):
                continue
            start, end = (self._num_samples + sample for sample in clock.times(span))
            if not self._goes_on(span, end, chunk, begins=begins):
                done += self._close()
                self._open = _Entry(span, start, end, span.char_start, span.char_end, span.text)
            begins = False
        self._num_samples += kept.end - kept.first
        return done if chunk.breaks_off else done + self._close()

    def pause(self, seconds: float) -> list[WordTiming]:
        """Go on with silence, rounded to whole samples as ``shape.silence`` does; returns the word it ends, if any."""
        self._num_samples += round(seconds * self._sample_rate)
        return self._close()

    def finish(self) -> list[WordTiming]:
        """The audio ends: the last word, if it is still to be given; all marks are reached."""
        done = self._close()
        self._reach(len(self._text), self.seconds)
        return done

    def _goes_on(self, span: WordSpan, end: int, chunk: Chunk, *, begins: bool) -> bool:
        """Whether ``span`` belongs to the open word, to which it is then added."""
        entry = self._open
        if entry is None:
            return False
        touches = span.char_start == entry.char_end
        is_cut = begins and touches and span.text == entry.span.text
        inside = touches and _BOUNDARY.match(self._text, span.char_start) is None
        if not (is_cut or inside or span.char_start < entry.char_end):
            return False
        if not is_cut:
            apart = begins or " " in chunk.phonemes[entry.span.token_end : span.token_start]
            entry.spoken += " " * apart + span.text
        entry.span, entry.end, entry.char_end = span, end, max(entry.char_end, span.char_end)
        return True

    def _close(self) -> list[WordTiming]:
        if self._open is None:
            return []
        entry, self._open = self._open, None
        start, end = entry.start / self._sample_rate, entry.end / self._sample_rate
        word = self._text[entry.char_start : entry.char_end]
        spoken = None if _letters(word) == _letters(entry.spoken) else entry.spoken
        self._reach(entry.char_start, start)
        return [WordTiming(word, start, end, entry.char_start, entry.char_end, spoken)]

    def _reach(self, char_start: int, time: float) -> None:
        while self._marks and self._marks[0].char_start <= char_start:
            mark = self._marks.popleft()
            self.marks.append(MarkTiming(mark.name, time, mark.char_start))


class _ChunkClock:
    """From the tokens of one chunk to samples of the whole audio."""

    def __init__(
        self, chunk: Chunk, durations: Sequence[int], pcm: NDArray[np.int16], kept: Kept, sample_rate: int
    ) -> None:
        self._phonemes = chunk.phonemes
        unit = sample_rate // UNITS_PER_S
        # The boundary token comes first: token t lasts from bounds[t] to bounds[t + 1].
        self._bounds = [units * unit for units in accumulate(durations)]
        self._onset, self._silence = (round(seconds * sample_rate) for seconds in (ONSET_S, SILENCE_S))
        self._pcm = pcm
        self._peak = peak_of(pcm)
        self._kept = kept
        self._last_end = kept.first

    def times(self, span: WordSpan) -> tuple[int, int]:
        """From a word's first sound to its last, in samples of what is kept; words come in order.

        Token durations alone have it end too late before a pause: the model gives that silence to the word's last
        token, not to the punctuation.
        """
        start, end = (self._inside(self._bounds[token]) for token in (span.token_start, span.token_end))
        if self._follows_silence(span):
            start = self._first_sound_before(start)
        sound = sound_in(self._pcm, start, end, self._peak)
        self._last_end = sound.end if sound else end
        return start - self._kept.first, self._last_end - self._kept.first

    def _follows_silence(self, span: WordSpan) -> bool:
        before = self._phonemes[: span.token_start].rstrip(" ")[-1:]
        return not before or before in PUNCTUATION

    def _first_sound_before(self, start: int) -> int:
        """Where the sound begins that goes on at ``start``; ``start`` itself where no silence lies close before it."""
        earliest = max(start - self._onset, self._last_end)
        sound = sound_in(self._pcm, earliest, start, self._peak)
        return sound.first if sound and sound.first - earliest >= self._silence else start

    def _inside(self, sample: int) -> int:
        return min(max(sample, self._last_end), self._kept.end)


def _letters(text: str) -> str:
    """What of a text tells one word from another."""
    return "".join(char for char in text.casefold() if char.isalnum())
