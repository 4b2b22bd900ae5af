"""A short book, for real: chapters and subtitles are where a Whisper hears them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import av
import numpy as np
import pytest
import srt

from bench.ears import WHISPER_HZ, Ears, for_ears, resampled, word_errors, words
from bench.texts import text_of
from tests.batch_service import running_batch_service
from tests.jobs import Jobs

pytestmark = pytest.mark.model

TITLES = ("The River", "A Letter", "The Road North", "Rain", "Home Again")
BOOK = "\n\n".join(f"# {title}\n\n{text_of(970, seed=place)}" for place, title in enumerate(TITLES))
HEARD_S = 12.0
MAX_WORD_ERROR_RATE = 0.15
"""Of pieces that begin and end in the middle of things."""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    with running_batch_service(tmp_path_factory.mktemp("book"), {"ENGINE": "onnx"}) as service:
        yield Jobs(service)


def test_a_book_gives_way_to_who_is_urgent(jobs: Jobs, ears: Ears) -> None:
    text, sentence = text_of(400, seed=7), "The ferry leaves early in the morning, long before the fog has lifted."
    job_id, service = jobs.begin(input=text, response_format="wav", voice="am_michael"), jobs.service.service
    for _ in range(20):
        spoken = service.speak(sentence, stream=False).content
        assert words(ears.hear(for_ears(np.frombuffer(spoken, "<i2")))) == words(sentence)
        if service.counters()["jobs_interrupted"]:
            break
    assert service.counters()["jobs_interrupted"]
    job = jobs.wait(job_id, timeout_s=400)
    with av.open(io.BytesIO(jobs.file(job["files"][0])), "r") as file:
        heard = words(ears.hear(resampled(list(file.decode(file.streams.audio[0])))))
    assert word_errors(words(text), heard) <= MAX_WORD_ERROR_RATE * len(words(text))


def test_a_book_of_5_000_characters(jobs: Jobs, ears: Ears) -> None:
    assert len(BOOK) == pytest.approx(5_000, rel=0.05)
    job_id = jobs.begin(input=BOOK, response_format="m4b", subtitles="srt", title="Five Thousand", voice="af_heart")
    job = jobs.wait(job_id, timeout_s=850)
    assert job["status"] == "completed"
    with av.open(io.BytesIO(jobs.file(job["files"][0])), "r") as file:
        marks = file.chapters()
        audio = resampled(list(file.decode(file.streams.audio[0])))
    starts = [float(mark["start"] * (mark["time_base"] or 1)) for mark in marks]
    assert [mark["metadata"]["title"] for mark in marks] == list(TITLES)
    cues = list(srt.parse(jobs.file(job["files"][1]).decode()))
    errors = total = 0
    for title, start in zip(TITLES, starts, strict=True):
        near = [cue for cue in cues if 0 <= cue.start.total_seconds() - start < HEARD_S]
        end = near[-1].end.total_seconds() + 0.2
        heard = words(ears.hear(audio[round(start * WHISPER_HZ) : round(end * WHISPER_HZ)]))
        said = words(" ".join(cue.content for cue in near))
        assert heard[: len(words(title))] == words(title)
        errors, total = errors + word_errors(said, heard), total + len(said)
    seconds = job["files"][0]["seconds"]
    print(f"\n{len(BOOK)} characters, {seconds:.0f} s of audio; {errors} of {total} words heard otherwise")
    assert errors / total <= MAX_WORD_ERROR_RATE
