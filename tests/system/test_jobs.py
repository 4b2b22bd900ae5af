"""Audio jobs: a book, or several texts, from the request to the files."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import httpx
import numpy as np
import pytest
import srt

from bench.texts import text_of
from tests.batch_service import running_batch_service
from tests.conftest import wait_until
from tests.jobs import Jobs
from tests.system.test_bad_input import check_error
from tests.webhooks.receiver import WEBHOOKS, running_receiver

BOOK = "\n\n".join(
    f"# Chapter {name}\n\n{text_of(1_500, seed=place)}" for place, name in enumerate(("One", "Two", "Three"))
)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    with running_batch_service(tmp_path_factory.mktemp("jobs"), WEBHOOKS) as service:
        yield Jobs(service)


def pcm_of(audio: bytes) -> np.ndarray[Any, Any]:
    with av.open(io.BytesIO(audio), "r") as container:
        frames = container.decode(container.streams.audio[0])
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


def test_a_book_has_chapters_and_subtitles_that_match(jobs: Jobs) -> None:
    job = jobs.done(
        input=BOOK, response_format="m4b", subtitles="srt", title="A Book", author="Nobody", metadata={"a": "b"}
    )
    audio, subtitles = job["files"]
    assert (audio["name"], subtitles["name"]) == ("A Book.m4b", "A Book.srt")
    assert (job["output"], job["metadata"], job["error"], job["item_errors"]) == ("concatenated", {"a": "b"}, None, [])
    progress = job["progress"]
    assert (progress["characters"], progress["total_characters"]) == (len(BOOK), len(BOOK))
    with av.open(io.BytesIO(jobs.file(audio)), "r") as file:
        marks = file.chapters()
        seconds = (file.duration or 0) / av.time_base
        assert (file.metadata["title"], file.metadata["artist"]) == ("A Book", "Nobody")
    starts = [float(mark["start"] * (mark["time_base"] or 1)) for mark in marks]
    assert [mark["metadata"]["title"] for mark in marks] == [f"Chapter {name}" for name in ("One", "Two", "Three")]
    assert starts == pytest.approx([chapter["start"] for chapter in job["chapters"]], abs=0.001)
    assert seconds == pytest.approx(audio["seconds"], abs=0.1)
    cues = list(srt.parse(jobs.file(subtitles).decode()))
    words = re.findall(r"\w+", " ".join(cue.content for cue in cues))
    assert words == re.findall(r"\w+", BOOK)
    for title, start in zip(("One", "Two", "Three"), starts, strict=True):
        cue = next(cue for cue in cues if title in cue.content)
        assert start <= cue.start.total_seconds() < start + 1.0
    assert cues[-1].end.total_seconds() <= seconds + 0.001


def test_its_parts_sound_as_the_whole_would(jobs: Jobs) -> None:
    """The same text as one request, which is cut into the same sentences."""
    text = text_of(6_500)
    job = jobs.done(input=text, response_format="wav", chapters="none")
    assert job["progress"]["total"] == 2
    whole = np.frombuffer(jobs.service.service.speak(text, stream=False).content, "<i2")
    bound = pcm_of(jobs.file(job["files"][0]))
    assert bound.size / whole.size == pytest.approx(1, abs=0.02)
    assert np.array_equal(bound[:48_000], whole[:48_000])


def test_items_become_files_of_their_own(jobs: Jobs) -> None:
    items: list[dict[str, Any]] = [
        {"input": "Hello.", "name": "first", "response_format": "pcm"},
        {"input": "It is me.", "speed": 2.0},
        {"input": "😀", "name": "bad"},
    ]
    job = jobs.done(items=items, voice="af_sky", response_format="flac")
    assert [told["name"] for told in job["files"]] == ["first.pcm", "0002.flac"]
    assert [(error["item"], error["code"]) for error in job["item_errors"]] == [(2, "unspeakable_text")]
    for told, item in zip(job["files"], items, strict=False):
        fields: dict[str, Any] = {"voice": "af_sky", "response_format": "flac", "stream": False, **item}
        assert jobs.file(told) == jobs.service.service.speak(fields.pop("input"), **fields).content


@pytest.mark.parametrize("normalise", [True, False])
def test_numbers_are_read_as_a_job_says(jobs: Jobs, normalise: bool) -> None:
    said: dict[str, Any] = {"normalization_options": {"normalize": normalise}, "voice": "af_sky"}
    text = "It costs $12.50 in 1999."
    spoken = jobs.service.service.speak(text, stream=False, **said).content
    book = jobs.done(input=text, response_format="wav", **said)
    assert np.array_equal(pcm_of(jobs.file(book["files"][0])), np.frombuffer(spoken, "<i2"))
    items = jobs.done(items=[{"input": text, "response_format": "pcm", **said}, {"input": "Hi."}], **said)
    assert jobs.file(items["files"][0]) == spoken


def test_items_become_one_file_with_a_chapter_each(jobs: Jobs) -> None:
    items = [{"input": "Who is there?", "name": "Bella", "voice": "af_bella"}, {"input": "Me.", "voice": "am_adam"}]
    job = jobs.done(items=items, output="concatenated", response_format="mp3", chapter_pause=0.5, subtitles="vtt")
    assert [chapter["title"] for chapter in job["chapters"]] == ["Bella", "2"]
    assert jobs.file(job["files"][1]).startswith(b"WEBVTT\n\n00:00:00.")


def test_a_change_of_voice_holds_in_the_parts_that_follow(jobs: Jobs) -> None:
    text = f"{text_of(4_800)} [voice:am_adam][rate:1.5]{text_of(4_000, seed=1)} [/voice]{text_of(4_000, seed=2)}"
    job = jobs.done(input=text, voice="af_sky", allow_voice_tags=True, response_format="wav")
    whole = jobs.service.service.speak(text, voice="af_sky", allow_voice_tags=True, stream=False)
    seconds = len(whole.content) / 48_000
    assert job["files"][0]["seconds"] == pytest.approx(seconds, rel=0.02)


def test_chapters_of_ones_own(jobs: Jobs) -> None:
    text = "First of all. Then this. At last."
    marks = [{"title": "A", "start": 0}, {"title": "B", "start": text.index("Then")}]
    job = jobs.done(input=text, chapters=marks, response_format="opus", chapter_pause=0)
    assert [chapter["title"] for chapter in job["chapters"]] == ["A", "B"]
    assert job["chapters"][0]["end"] == job["chapters"][1]["start"] > 0


def test_what_is_not_spoken_is_silent_and_no_failure(jobs: Jobs) -> None:
    text = "# One\n\nHello.\n\n# Two\n\n```\nprint()\n```\n"
    marks = [{"title": "A", "start": 0}, {"title": "B", "start": text.index("```")}]
    job = jobs.done(input=text, chapters=marks)
    assert [chapter["title"] for chapter in job["chapters"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"input": "😀 😀"}, "unspeakable_text", "input"),
        ({"input": "Hello. [pause:99s]"}, "invalid_markup", "input"),
        ({"items": [{"input": "Hello."}, {"input": "😀"}], "output": "concatenated"}, "unspeakable_text", "input"),
    ],
)
def test_what_cannot_be_spoken_fails_and_says_why(jobs: Jobs, body: dict[str, Any], code: str, param: str) -> None:
    job = jobs.wait(jobs.begin(**body))
    assert (job["status"], job["error"]["code"], job["error"]["param"]) == ("failed", code, param)
    assert job["files"] == []


def test_a_book_whose_first_part_fails_is_not_spoken_on(jobs: Jobs) -> None:
    items = [{"input": "😀"}, *({"input": text_of(5_000, seed=seed)} for seed in range(60))]
    job = jobs.wait(jobs.begin(items=items, output="concatenated"))
    assert (job["status"], job["error"]["code"]) == ("failed", "unspeakable_text")
    assert job["progress"]["done"] < 30


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({}, 400, None, "invalid_value"),
        ({"input": "a", "items": [{"input": "b"}]}, 400, None, "invalid_value"),
        ({"input": " \n"}, 400, "input", "unspeakable_text"),
        ({"input": "a" * 5_000_001}, 413, "input", "input_too_large"),
        ({"items": []}, 400, "items", "invalid_value"),
        ({"items": [{"input": "a"}] * 1001}, 413, "items", "input_too_large"),
        ({"items": [{"input": "a", "name": "../x"}]}, 400, "items", "invalid_value"),
        ({"items": [{"input": "a", "name": "x"}] * 2}, 400, None, "invalid_value"),
        ({"items": [{"input": "a"}, {"input": "b", "voice": "nobody"}]}, 400, "items[1]", "voice_not_found"),
        ({"items": [{"input": "a"}], "subtitles": "srt"}, 400, None, "invalid_value"),
        ({"input": "a", "voice": "nobody"}, 400, "voice", "voice_not_found"),
        ({"input": "a", "model": "gpt"}, 404, "model", "model_not_found"),
        ({"input": "a", "response_format": "ogg"}, 400, "response_format", "invalid_value"),
        ({"input": "a", "response_format": "wav", "bitrate": 64000}, 400, "bitrate", "invalid_value"),
        ({"input": "a", "output": "per_item"}, 400, None, "invalid_value"),
        ({"input": "a", "ssml": True}, 400, "ssml", "invalid_value"),
        ({"input": "a", "return_download_link": True}, 400, "return_download_link", "invalid_value"),
        ({"input": "abc", "chapters": [{"title": "x", "start": 3}]}, 400, None, "invalid_value"),
        ({"input": "abc", "chapters": [{"title": "x", "start": 1}] * 2}, 400, None, "invalid_value"),
        ({"input": "a", "subtitles": "ass"}, 400, "subtitles", "invalid_value"),
        ({"input": "a", "metadata": {str(n): "" for n in range(17)}}, 400, "metadata", "invalid_value"),
        ({"input": "a", "webhook_url": "https://10.0.0.1/"}, 400, "webhook_url", "webhook_refused"),
        ({"input": "a", "webhook_url": "file:///etc/passwd"}, 400, "webhook_url", "webhook_refused"),
        ({"input": "a", "webhook_url": "http://169.254.169.254/latest"}, 400, "webhook_url", "webhook_refused"),
    ],
)
def test_refused_at_once(jobs: Jobs, body: dict[str, Any], status: int, param: str | None, code: str) -> None:
    check_error(jobs.post(**body), status, param, code)


def test_a_key_makes_one_job_however_often_it_is_sent(jobs: Jobs) -> None:
    key = {"idempotency-key": "a book of ours"}
    body = {"input": "Hello.", "voice": "af_sky"}
    first = httpx.post(jobs.url, json=body, headers=key)
    assert (first.status_code, first.headers.get("idempotent-replayed")) == (202, None)
    job = jobs.wait(first.json()["id"])
    again = httpx.post(jobs.url, json={**body, "speed": 1.0, "unknown": "field"}, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == job  # as it stands by now
    check_error(httpx.post(jobs.url, json={**body, "speed": 2}, headers=key), 422, None, "idempotency_key_reused")
    assert httpx.post(jobs.url, json=body, headers={"idempotency-key": "another"}).json()["id"] != job["id"]
    jobs.delete(job["id"])
    anew = httpx.post(jobs.url, json={**body, "speed": 2}, headers=key)
    assert (anew.status_code, anew.headers.get("idempotent-replayed")) == (202, None)
    assert jobs.wait(anew.json()["id"])["status"] == "completed"


def test_a_key_that_is_sent_many_times_at_once_makes_one_job(jobs: Jobs) -> None:
    def post(_: int) -> httpx.Response:
        return httpx.post(jobs.url, json={"input": text_of(20_000)}, headers={"idempotency-key": "k"}, timeout=30)

    before = len(files_of(jobs, purpose="audio_job_input"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert ["idempotent-replayed" in answer.headers for answer in answers].count(False) == 1
    assert len(files_of(jobs, purpose="audio_job_input")) <= before + 1
    jobs.delete(answers[0].json()["id"])


def test_a_key_of_a_request_that_was_refused_is_free(jobs: Jobs) -> None:
    key = {"idempotency-key": "second thoughts"}
    assert httpx.post(jobs.url, json={"input": "Hi.", "voice": "nobody"}, headers=key).status_code == 400
    assert httpx.post(jobs.url, json={"input": "Hi.", "voice": "af_sky"}, headers=key).status_code == 202
    refused = httpx.post(jobs.url, json={"input": "Hi."}, headers={"idempotency-key": "x" * 256})
    check_error(refused, 400, "Idempotency-Key", "invalid_value")


def test_a_speech_is_no_audiobook(jobs: Jobs) -> None:
    check_error(jobs.service.service.speak("Hi.", response_format="m4b"), 400, "response_format", "invalid_value")


def test_unknown_jobs_and_files(jobs: Jobs) -> None:
    for path in ("/job_nothing", "/job_nothing/events", "/job_nothing/files/a.mp3", "/..%2f..%2fetc%2fpasswd"):
        answer = httpx.get(jobs.url + path)
        assert answer.status_code == 404, path
    check_error(httpx.delete(jobs.url + "/job_nothing"), 404, "job_id", "job_not_found")
    job_id = jobs.begin(input="Hello.")
    check_error(httpx.get(f"{jobs.url}/{job_id}/files/..%2F..%2Fx"), 404, None, "not_found")
    check_error(httpx.get(f"{jobs.url}/{job_id}/files/x.mp3"), 404, "name", "file_not_found")


def test_events_tell_of_it_to_the_end(jobs: Jobs) -> None:
    job_id = jobs.begin(input=BOOK)
    with httpx.stream("GET", f"{jobs.url}/{job_id}/events", timeout=40) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: ")]
    assert {event["type"] for event in events[:-1]} <= {"audio.job.progress"}
    assert events[-1]["type"] == "audio.job.completed"
    assert events[-1]["job"] == jobs.get(job_id)
    done = [event["job"]["progress"]["done"] for event in events]
    assert done == sorted(done)


def test_the_list_and_the_end_of_a_job(jobs: Jobs) -> None:
    ids = [jobs.done(input=f"Hello {number}.")["id"] for number in range(3)]
    page = httpx.get(jobs.url, params={"limit": 2}).json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = httpx.get(jobs.url, params={"limit": 1, "after": ids[1]}).json()
    assert [job["id"] for job in rest["data"]] == ids[:1]
    [told] = jobs.get(ids[2])["files"]
    assert httpx.delete(f"{jobs.url}/{ids[2]}").json() == {"id": ids[2], "object": "audio.job", "deleted": True}
    assert httpx.get(f"{jobs.url}/{ids[2]}").status_code == 404
    assert httpx.get(f"{jobs.service.service.url}/v1/files/{told['file_id']}/content").status_code == 404
    assert ids[2] not in {job["id"] for job in httpx.get(jobs.url).json()["data"]}


def test_nothing_but_the_book_is_left_of_a_job(jobs: Jobs) -> None:
    job = jobs.done(input=BOOK)
    for purpose in ("audio_job_part", "audio_job_input"):
        wait_until(lambda purpose=purpose: not files_of(jobs, purpose=purpose), f"{purpose} to go")  # type: ignore[misc]
    assert job["files"][0]["file_id"] in files_of(jobs)


def files_of(jobs: Jobs, **asked: str) -> set[str]:
    listed = httpx.get(f"{jobs.service.service.url}/v1/files", params=asked).json()["data"]
    return {file["id"] for file in listed}


def test_a_webhook_tells_of_the_end(jobs: Jobs) -> None:
    with running_receiver(500, 200) as receiver:
        job_id = jobs.begin(input="Hello.", webhook_url=receiver.url)
        wait_until(lambda: len(receiver.received) == 2, "the webhook, and again", 30)
        body = json.loads(receiver.received[1].body)
    assert (body["type"], body["data"]["id"]) == ("audio.job.completed", job_id)
    with running_receiver() as receiver:
        failed = jobs.begin(input="😀", webhook_url=receiver.url)
        wait_until(lambda: bool(receiver.received), "the webhook", 30)
        body = json.loads(receiver.received[0].body)
    assert (body["type"], body["data"]["id"]) == ("audio.job.failed", failed)
