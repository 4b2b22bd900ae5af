"""Chapter marks and names, read back from the files."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from gateway.audio.chapters import CHAPTERED, Chapter, Tags
from gateway.audio.choice import choose_format
from gateway.audio.encoder import FileEncoder
from gateway.audio.formats import FILE_FORMATS
from tests.audio.listening import SAMPLE_RATE, record

SECONDS = 6.0
CHAPTERS = (Chapter("I. Öffnung — 第一章", 0.0, 1.2345), Chapter("II", 1.2345, 4.0), Chapter("The End", 4.0, SECONDS))
TAGS = Tags(title="A Tale; of = Two # Cities", artist="Kokoro", chapters=CHAPTERS)
PCM = record(round(SECONDS * SAMPLE_RATE)).pcm


def written(name: str, path: Path, tags: Tags | None, rate: int | None = None) -> Path:
    with FileEncoder(choose_format(name, rate), SAMPLE_RATE, path, tags) as encoder:
        for piece in np.array_split(PCM, 7):
            encoder.write(piece)
        encoder.close()
    return path


@pytest.mark.parametrize("rate", [None, 48_000])
@pytest.mark.parametrize("name", sorted(CHAPTERED))
def test_chapters_are_found_where_they_are(name: str, rate: int | None, tmp_path: Path) -> None:
    with av.open(str(written(name, tmp_path / f"book.{name}", TAGS, rate))) as file:
        found = file.chapters()
        assert [mark["metadata"]["title"] for mark in found] == [chapter.title for chapter in CHAPTERS]
        for mark, chapter in zip(found, CHAPTERS, strict=True):
            unit = mark["time_base"] or 1
            assert float(mark["start"] * unit) == pytest.approx(chapter.start, abs=0.0011)
            assert float(mark["end"] * unit) == pytest.approx(chapter.end, abs=0.06)
        said = {key.lower(): value for key, value in {**file.metadata, **file.streams.audio[0].metadata}.items()}
        assert (said["title"], said["artist"]) == (TAGS.title, TAGS.artist)


@pytest.mark.parametrize("name", sorted(FILE_FORMATS))
def test_tags_change_nothing_of_the_sound(name: str, tmp_path: Path) -> None:
    plain, tagged = (written(name, tmp_path / f"{bool(tags)}.{name}", tags) for tags in (None, TAGS))
    assert samples_of(plain) == samples_of(tagged)


def samples_of(path: Path) -> bytes:
    if choose_format(path.suffix.removeprefix(".")).is_bare:
        return path.read_bytes()
    with av.open(str(path)) as file:
        return b"".join(frame.to_ndarray().tobytes() for frame in file.decode(file.streams.audio[0]))


def test_a_book_of_many_chapters(tmp_path: Path) -> None:
    edges = np.linspace(0, SECONDS, 401)
    chapters = [Chapter(f"Chapter {n}", float(edges[n - 1]), float(edges[n])) for n in range(1, 401)]
    for name in sorted(CHAPTERED):
        with av.open(str(written(name, tmp_path / f"many.{name}", Tags(chapters=chapters)))) as file:
            assert len(file.chapters()) == 400


def test_without_tags_files_are_as_they_always_were(tmp_path: Path) -> None:
    assert written("mp3", tmp_path / "plain.mp3", None).read_bytes()[:3] != b"ID3"
    assert written("mp3", tmp_path / "none.mp3", Tags()).read_bytes()[:3] != b"ID3"
