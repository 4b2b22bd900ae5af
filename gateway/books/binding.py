"""A book bound of the parts that were spoken: one audio file with chapter marks, and its subtitles.

One part is in memory, and on the disk, at a time. It blocks: work for a thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import av
import msgpack
import numpy as np
from numpy.typing import NDArray

from gateway.audio.chapters import Chapter, Tags
from gateway.audio.encoder import FileEncoder
from gateway.audio.formats import AudioFormat
from gateway.cues import Cue, Ending, Token
from gateway.subtitles import CueWriter, SubtitleFormat
from shared.errors import SynthesisFailed

PAUSE_SAMPLES = 24_000
"""Silence is encoded in pieces of this size."""


class Leaf(NamedTuple):
    """A part as it was spoken."""

    title: str | None
    """Of the chapter that begins with it; None: it goes on with one."""
    num_samples: int


@dataclass(frozen=True, slots=True)
class Cover:
    """What is the same for the whole book."""

    format: AudioFormat
    sample_rate: int
    """Of the parts, in Hz."""
    title: str | None = None
    author: str | None = None
    chapter_pause_s: float = 0.0
    """Silence before each chapter but the first that is heard."""
    subtitles: SubtitleFormat | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where all parts of a book will be, in samples."""

    spans: tuple[tuple[int, int], ...]
    """Start and end of each part; what is between two is silence."""
    end: int
    chapters: tuple[Chapter, ...]


def lay_out(leaves: Sequence[Leaf], cover: Cover) -> Layout:
    """Where the parts will be, chapters' times in seconds; a chapter ends where the next begins."""
    pause = round(cover.chapter_pause_s * cover.sample_rate)
    spans, begins, position = [], [], 0
    for leaf in leaves:
        if leaf.title is not None:
            position += pause if position else 0
            begins.append((leaf.title, position))
        spans.append((position, position + leaf.num_samples))
        position += leaf.num_samples
    edges = [start / cover.sample_rate for _, start in begins] + [position / cover.sample_rate]
    chapters = (Chapter(title, *edges[place : place + 2]) for place, (title, _) in enumerate(begins))
    return Layout(tuple(spans), position, tuple(chapters))


class Binder:
    """Writes ``folder / "book"`` and ``folder / "subtitles"``; give it the parts in order, then ``close`` it."""

    def __init__(self, folder: Path, layout: Layout, cover: Cover) -> None:
        """Raises OSError."""
        self.audio, self.subtitles = folder / "book", folder / "subtitles"
        self._layout = layout
        self._cover = cover
        self._place = 0
        self._position = 0
        self._open = contextlib.ExitStack()
        tags = Tags(cover.title, cover.author, layout.chapters)
        self._encoder = self._open.enter_context(FileEncoder(cover.format, cover.sample_rate, self.audio, tags))
        self._writer = CueWriter(cover.subtitles) if cover.subtitles else None
        self._lines = self._open.enter_context(self.subtitles.open("w", encoding="utf-8")) if self._writer else None

    def add(self, flac: Path | None, cues: Iterable[Cue]) -> None:
        """The next part: its audio, None where it has no sound, and its cues, timed from its beginning.

        Raises SynthesisFailed if it is not as long as it should be, OSError, InputTooLarge as of FileEncoder.
        """
        start, end = self._layout.spans[self._place]
        self._place += 1
        for silence in _silence(start - self._position):
            self._encoder.write(silence)
        self._position = start
        for pcm in decoded(flac) if flac else ():
            self._encoder.write(pcm)
            self._position += pcm.size
        if self._position != end:
            raise SynthesisFailed("A part of the book is not as long as it was when it was spoken.")
        if self._writer and self._lines:
            shift_ms = round(start * 1000 / self._cover.sample_rate)
            self._lines.write(self._writer.write(shifted(cue, shift_ms) for cue in cues))

    def close(self) -> None:
        """Write what is left. The files are whole then."""
        self._encoder.close()
        if self._writer and self._lines:
            self._lines.write(self._writer.write(()))
            self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


def decoded(flac: Path) -> Iterator[NDArray[np.int16]]:
    """The samples of a FLAC file, 16 bit mono, frame by frame: shape (n,). Raises av.error.FFmpegError."""
    with av.open(str(flac)) as container:
        for frame in container.decode(container.streams.audio[0]):
            yield frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)


def packed(cues: Iterable[Cue]) -> bytes:
    """Cues, as they are kept until the book is bound."""
    rows = [(cue.start_ms, cue.end_ms, [[tuple(token) for token in line] for line in cue.lines]) for cue in cues]
    written: bytes = msgpack.packb(rows)
    return written


def unpacked(written: bytes) -> list[Cue]:
    """What ``packed`` was given."""
    return [
        Cue(start_ms, end_ms, tuple(tuple(_token(*fields) for fields in line) for line in lines))
        for start_ms, end_ms, lines in msgpack.unpackb(written)
    ]


def shifted(cue: Cue, by_ms: int) -> Cue:
    """The cue, so much later."""
    lines = tuple(
        tuple(token._replace(start_ms=token.start_ms + by_ms, end_ms=token.end_ms + by_ms) for token in line)
        for line in cue.lines
    )
    return replace(cue, start_ms=cue.start_ms + by_ms, end_ms=cue.end_ms + by_ms, lines=lines)


def _token(text: str, start_ms: int, end_ms: int, ending: int, space_after: bool) -> Token:
    return Token(text, start_ms, end_ms, Ending(ending), space_after)


def _silence(num_samples: int) -> Iterator[NDArray[np.int16]]:
    for start in range(0, num_samples, PAUSE_SAMPLES):
        yield np.zeros(min(PAUSE_SAMPLES, num_samples - start), np.int16)
