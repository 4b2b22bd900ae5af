"""A book of 300,000 characters: it goes on, it can be stopped, and all that is said of its audio is true."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
import srt

from bench.texts import text_of
from tests.batch_service import running_batch_service
from tests.conftest import wait_until
from tests.jobs import Jobs

pytestmark = pytest.mark.chaos

CHAPTERS, CHAPTER_CHARS = 30, 10_000
BOOK = "\n\n".join(f"# Chapter {n}\n\n{text_of(CHAPTER_CHARS, seed=n)}" for n in range(1, CHAPTERS + 1))
STOPS_WITHIN_S = 3.0
"""A heartbeat until the runner sees it, and what is left of a chunk."""


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    with running_batch_service(tmp_path, {"HEARTBEAT_S": "1"}, runners=2) as running:
        yield Jobs(running)


@pytest.mark.timeout(900)
def test_a_book_of_300_000_characters(jobs: Jobs, tmp_path: Path) -> None:
    began = time.monotonic()
    job_id = jobs.begin(input=BOOK, response_format="m4b", subtitles="srt", title="Three Hundred Thousand")
    seen = [jobs.wait(job_id, lambda job, least=least: job["progress"]["done"] >= least) for least in (10, 25, 40)]  # type: ignore[misc]
    jobs.service.runners[0].kill()
    progress = [job["progress"] for job in seen]
    for first, second in itertools.pairwise(progress):
        assert first["characters"] < second["characters"] <= second["total_characters"] == len(BOOK)
        assert first["audio_seconds"] < second["audio_seconds"]
        assert first["eta_seconds"] is not None
    job = jobs.wait(job_id, timeout_s=600)
    took_s = time.monotonic() - began
    assert job["status"] == "completed"
    assert [chapter["title"] for chapter in job["chapters"]] == [f"Chapter {n}" for n in range(1, CHAPTERS + 1)]
    book, subtitles = tmp_path / "book.m4b", tmp_path / "book.srt"
    for told, path in zip(job["files"], (book, subtitles), strict=True):
        path.write_bytes(jobs.file(told))
    with av.open(str(book)) as file:
        starts = [float(mark["start"] * (mark["time_base"] or 1)) for mark in file.chapters()]
        seconds = (file.duration or 0) / av.time_base
    assert starts == pytest.approx([chapter["start"] for chapter in job["chapters"]], abs=0.001)
    assert seconds == pytest.approx(job["files"][0]["seconds"], abs=0.1)
    cues = list(srt.parse(subtitles.read_text()))
    assert re.findall(r"\w+", " ".join(cue.content for cue in cues)) == re.findall(r"\w+", BOOK)
    assert all(first.end <= second.start for first, second in itertools.pairwise(cues))
    heads = [cue.start.total_seconds() for cue in cues if re.match(r"Chapter \d+", cue.content)]
    assert len(heads) == CHAPTERS
    assert all(start <= head < start + 1 for start, head in zip(starts, heads, strict=True))
    print(f"\n{len(BOOK)} characters, {seconds / 3600:.1f} h of audio in {took_s:.0f} s; {len(cues)} cues")


@pytest.mark.timeout(300)
def test_a_cancelled_book_stops_within_a_chunk(jobs: Jobs) -> None:
    job_id = jobs.begin(input=BOOK)
    jobs.wait(job_id, lambda job: job["progress"]["done"] >= 5)
    cancelled = time.monotonic()
    assert jobs.delete(job_id)["status"] in {"cancelling", "cancelled"}
    ended = jobs.wait(job_id)
    ended_s = time.monotonic() - cancelled
    assert (ended["status"], ended["files"]) == ("cancelled", [])
    wait_until(lambda: time.monotonic() - cancelled > STOPS_WITHIN_S, "the last chunk to be spoken")
    spoken = jobs.service.service.counters()["jobs_done"]
    wait_until(lambda: time.monotonic() - cancelled > 2 * STOPS_WITHIN_S, "more of them, if there are any")
    assert jobs.service.service.counters()["jobs_done"] == spoken
    print(f"\ncancelled within {ended_s:.1f} s; {spoken:.0f} chunks spoken of about {len(BOOK) // 200}")
