"""A book is its parts one after another, and says truly where everything is."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import srt
from hypothesis import given
from hypothesis import strategies as st

from gateway.audio.choice import choose_format
from gateway.audio.encoder import FileEncoder
from gateway.audio.shape import Pcm
from gateway.books.binding import Binder, Cover, Leaf, decoded, lay_out, packed, shifted, unpacked
from gateway.cues import Cue, Ending, Token
from gateway.subtitles import SubtitleFormat
from shared.errors import SynthesisFailed

RATE = 24_000
LEAVES = [Leaf("I", 30_000), Leaf(None, 24_001), Leaf("", 0), Leaf("III", 12_345)]
NOISE = np.random.default_rng(0)
PCM = [NOISE.integers(-9_000, 9_000, leaf.num_samples).astype(np.int16) for leaf in LEAVES]


def flac(folder: Path, pcm: Pcm) -> Path | None:
    if not pcm.size:
        return None
    path = folder / "part.flac"
    with FileEncoder(choose_format("flac"), RATE, path) as encoder:
        encoder.write(pcm)
        encoder.close()
    return path


def cue(text: str, start_ms: int, end_ms: int) -> Cue:
    return Cue(start_ms, end_ms, ((Token(text, start_ms, end_ms, Ending.SENTENCE, True),),))


def bound(folder: Path, cover: Cover, pcm: list[Pcm] = PCM) -> Binder:
    with Binder(folder, lay_out(LEAVES, cover), cover) as binder:
        for number, each in enumerate(pcm):
            binder.add(flac(folder, each), [cue(f"Part {number}.", 100, 400)] if each.size else [])
        binder.close()
    return binder


def test_the_audio_is_that_of_the_parts_with_a_pause_between_chapters(tmp_path: Path) -> None:
    cover = Cover(choose_format("flac"), RATE, chapter_pause_s=1.0)
    heard = np.concatenate(list(decoded(bound(tmp_path, cover).audio)))
    second = np.zeros(RATE, np.int16)
    assert np.array_equal(heard, np.concatenate([PCM[0], PCM[1], second, second, PCM[3]]))


def test_chapters_and_subtitles_are_where_the_audio_is(tmp_path: Path) -> None:
    cover = Cover(choose_format("m4b"), RATE, "Title", "Author", 1.0, SubtitleFormat.SRT)
    binder = bound(tmp_path, cover)
    starts = [0.0, (54_001 + RATE) / RATE, (54_001 + 2 * RATE) / RATE]
    with av.open(str(binder.audio)) as file:
        marks = file.chapters()
        assert [mark["metadata"].get("title", "") for mark in marks] == ["I", "", "III"]
        assert [float(mark["start"] * (mark["time_base"] or 1)) for mark in marks] == pytest.approx(starts, abs=0.001)
        assert file.metadata["title"] == "Title"
    cues = list(srt.parse(binder.subtitles.read_text()))
    assert [each.content for each in cues] == ["Part 0.", "Part 1.", "Part 3."]
    begins = [0, 30_000 / RATE, starts[2]]
    assert [each.start.total_seconds() for each in cues] == pytest.approx([at + 0.1 for at in begins], abs=0.001)


def test_subtitles_of_a_book_without_words_are_a_whole_file_all_the_same(tmp_path: Path) -> None:
    cover = Cover(choose_format("mp3"), RATE, subtitles=SubtitleFormat.VTT)
    with Binder(tmp_path, lay_out([], cover), cover) as binder:
        binder.close()
    assert binder.subtitles.read_text() == "WEBVTT\n\n"


def test_a_part_that_is_not_what_it_was_is_noticed(tmp_path: Path) -> None:
    cover = Cover(choose_format("flac"), RATE)
    for wrong in ([PCM[0][:-1], *PCM[1:]], [*PCM[:3], np.concatenate([PCM[3], PCM[3]])]):
        with pytest.raises(SynthesisFailed):
            bound(tmp_path, cover, wrong)


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.text(max_size=3)), st.integers(0, 10**7)), max_size=30),
    st.floats(0, 10),
)
def test_chapters_follow_one_another_to_the_end(leaves: list[tuple[str | None, int]], pause_s: float) -> None:
    layout = lay_out([Leaf(*leaf) for leaf in leaves], Cover(choose_format("flac"), RATE, chapter_pause_s=pause_s))
    edges = [edge for span in layout.spans for edge in span]
    assert edges == sorted(edges)
    assert [title for title, _ in leaves if title is not None] == [chapter.title for chapter in layout.chapters]
    for first, second in zip(layout.chapters, layout.chapters[1:], strict=False):
        assert first.start <= first.end == second.start
    if layout.chapters:
        assert layout.chapters[-1].end * RATE == pytest.approx(layout.end)


def test_cues_are_kept_as_they_are() -> None:
    two_lines = (*cue("a", 2_000, 2_500).lines, *cue("b", 2_500, 3_000).lines)
    cues = [cue("Grüße — 你好", 0, 1500), Cue(2_000, 3_000, two_lines)]
    assert unpacked(packed(cues)) == cues
    assert shifted(cues[1], 1_000).lines[1][0].start_ms == 3_500
