"""What a file says of itself: title, author, and where its chapters begin, written by libav as each container has it.

Chapters are in ID3 CHAP frames (mp3), a text track and Nero's ``chpl`` (m4a, m4b), Vorbis comments (opus) and Matroska
chapters (webm); the other containers have no place for them. https://ffmpeg.org/doxygen/trunk/structAVChapter.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from av.container import OutputContainer

CHAPTERED = frozenset({"mp3", "m4a", "m4b", "opus", "webm"})
"""Formats whose files can have chapter marks."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A stretch of the audio, in seconds of it."""

    title: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Tags:
    """Of one file. Written into its header: chapters' times must be known before its audio is encoded."""

    title: str | None = None
    artist: str | None = None
    chapters: Sequence[Chapter] = ()

    def __bool__(self) -> bool:
        return bool(self.title or self.artist or self.chapters)


def write_tags(container: OutputContainer, tags: Tags, sample_rate: int) -> None:
    """Set ``tags`` in a container whose header is still to be written, times in samples at ``sample_rate`` Hz."""
    named = {"title": tags.title, "artist": tags.artist}
    container.metadata.update({name: value for name, value in named.items() if value})
    container.set_chapters(
        [
            {
                "id": number,
                "start": round(chapter.start * sample_rate),
                "end": round(chapter.end * sample_rate),
                "time_base": Fraction(1, sample_rate),
                "metadata": {"title": chapter.title},
            }
            for number, chapter in enumerate(tags.chapters, start=1)
        ]
    )
