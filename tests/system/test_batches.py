"""OpenAI's Batch API, through OpenAI's own client: a file of lines becomes a file of results."""

from __future__ import annotations

import contextlib
import io
import json
import time
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import BadRequestError, NotFoundError, UnprocessableEntityError

from tests.batch_service import BatchService, line, running_batch_service
from tests.conftest import wait_until
from tests.system.test_bad_input import check_error

pytestmark = pytest.mark.timeout(180)  # most of it for four processes to start, where the machine is busy

LONG = "The quick brown fox jumps over the lazy dog. " * 400


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchService]:
    environment = {"BATCH_MAX_LINES": "50", "MAX_BODY_BYTES": "50000", "MAX_FILE_BYTES": "300000"}
    with running_batch_service(tmp_path_factory.mktemp("batches"), environment) as running:
        yield running


def audio_of(batches: BatchService, written: dict[str, Any]) -> bytes:
    return batches.client.files.content(written["response"]["body"]["file_id"]).content


def test_each_line_becomes_a_file(batches: BatchService) -> None:
    texts = {f"call {number}": f"This is line number {number}." for number in range(5)}
    before = batches.service.counters()["jobs_done"]
    begun = batches.begin([line(name, text) for name, text in texts.items()], metadata={"team": "books"})
    assert begun.status == "validating"
    ended = batches.wait(begun.id)
    wait_until(lambda: batches.service.counters()["jobs_done"] >= before + 5, "the worker's counters")
    assert batches.service.counters()["jobs_done"] == before + 5  # nothing is spoken twice
    assert (ended.status, ended.metadata, ended.errors, ended.error_file_id) == (
        "completed",
        {"team": "books"},
        None,
        None,
    )
    counts = ended.request_counts
    assert counts is not None
    assert (counts.total, counts.completed, counts.failed) == (5, 5, 0)
    stamps = [ended.created_at, ended.in_progress_at, ended.finalizing_at, ended.completed_at, ended.expires_at]
    assert stamps == sorted(stamp or 0 for stamp in stamps)
    written = batches.lines_of(ended.output_file_id)
    assert [each["custom_id"] for each in written] == list(texts)
    for each in written:
        body = each["response"]["body"]
        audio = audio_of(batches, each)
        assert audio == batches.service.speak(texts[each["custom_id"]], voice="af_bella", stream=False).content
        assert (each["response"]["status_code"], each["error"]) == (200, None)
        assert (body["bytes"], body["content_type"]) == (len(audio), "audio/pcm")
        assert body["seconds"] == pytest.approx(len(audio) / 48_000, abs=0.001)


def test_each_line_is_used_up_once(batches: BatchService) -> None:
    texts = [f"Line number {number}." for number in range(7)]
    ended = batches.wait(batches.begin([line(text, text, voice="am_michael") for text in texts]).id)
    seconds = sum(each["response"]["body"]["seconds"] for each in batches.lines_of(ended.output_file_id))

    def used() -> list[dict[str, Any]]:
        days = batches.get("/v1/usage?group_by=voice").json()["data"]
        return [found for day in days for found in day["results"] if found["voice"] == "am_michael"]

    wait_until(lambda: bool(used()), "the gateways' journals")
    (found,) = used()
    assert (found["num_model_requests"], found["num_failed_requests"]) == (7, 0)
    assert found["characters"] == sum(map(len, texts))
    assert found["audio_seconds"] == pytest.approx(seconds, abs=0.01)


def test_a_line_has_all_that_a_request_has(batches: BatchService) -> None:
    body = {"response_format": "wav", "sample_rate": 16_000, "speed": 2.0, "voice": "af_bella(2)+af_sky(1)"}
    ended = batches.wait(batches.begin([line("one", "Faster.", **body)]).id)
    (written,) = batches.lines_of(ended.output_file_id)
    with wave.open(io.BytesIO(audio_of(batches, written))) as audio:
        assert audio.getframerate() == 16_000


def test_lines_at_fault_are_told_one_by_one_and_the_others_are_done(batches: BatchService) -> None:
    faulty = [
        (line("voice", voice="nobody"), 400, "voice", "voice_not_found"),
        (line("empty", ""), 400, "input", "unspeakable_text"),
        (line("model", model="gpt-17"), 404, "model", "model_not_found"),
        (line("speed", speed=9), 400, "speed", "invalid_value"),
        (line("events", stream_format="sse"), 400, "stream_format", "invalid_value"),
        (line("link", return_download_link=True), 400, "return_download_link", "invalid_value"),
        (line("nothing") | {"body": {}}, 400, "input", "missing_required_parameter"),
    ]
    begun = batches.begin([line("good"), *(fault[0] for fault in faulty)])
    ended = batches.wait(begun.id)
    counts = ended.request_counts
    assert counts is not None
    assert (ended.status, counts.completed, counts.failed) == ("completed", 1, len(faulty))
    assert [each["custom_id"] for each in batches.lines_of(ended.output_file_id)] == ["good"]
    told = batches.lines_of(ended.error_file_id)
    for each, (said, status, param, code) in zip(told, faulty, strict=True):
        error = each["response"]["body"]["error"]
        assert (each["custom_id"], each["response"]["status_code"]) == (said["custom_id"], status)
        assert (error["param"], error["code"]) == (param, code)


GOOD = json.dumps(line("a"))


@pytest.mark.parametrize(
    ("lines", "code", "number", "param"),
    [
        ([GOOD, "{"], "invalid_json_line", 2, None),
        ([GOOD, "", "[1]"], "invalid_value", 3, None),
        (["[" * 10_000], "invalid_json_line", 1, None),
        (['{"a":' * 10_000], "invalid_json_line", 1, None),
        ([line("b") | {"custom_id": ""}], "invalid_value", 1, "custom_id"),
        ([line("b") | {"custom_id": 7}], "invalid_value", 1, "custom_id"),
        ([{"method": "POST", "url": "/v1/audio/speech", "body": {}}], "missing_required_parameter", 1, "custom_id"),
        ([GOOD, GOOD], "duplicate_custom_id", 2, "custom_id"),
        ([line("b") | {"url": "/v1/chat/completions"}], "invalid_url", 1, "url"),
        ([line("b") | {"method": "GET"}], "invalid_method", 1, "method"),
        ([line("b") | {"body": "Hello"}], "invalid_value", 1, "body"),
        ([line("b", "x" * 60_000)], "line_too_long", 1, None),
        ([line(str(number)) for number in range(51)], "too_many_lines", 51, None),
        ([" ", "\n"], "empty_file", None, None),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_its_line(
    batches: BatchService, lines: list[object], code: str, number: int | None, param: str | None
) -> None:
    ended = batches.wait(batches.begin(lines).id)
    assert ended.status == "failed"
    assert ended.failed_at
    assert ended.errors is not None
    assert ended.errors.data is not None
    fault = ended.errors.data[-1]
    assert (fault.code, fault.line, fault.param) == (code, number, param)
    assert fault.message
    assert ended.output_file_id is None


def test_text_that_is_not_utf_8_fails_with_its_line(batches: BatchService) -> None:
    source = batches.client.files.create(file=("a.jsonl", GOOD.encode().replace(b"Hello", b"\xff")), purpose="batch")
    begun = batches.begin_file(source.id)
    ended = batches.wait(begun.id)
    assert ended.errors is not None
    assert ended.errors.data is not None
    assert [(fault.code, fault.line) for fault in ended.errors.data] == [("invalid_json_line", 1)]


def test_cancel_stops_what_is_under_way_and_keeps_what_is_done(batches: BatchService) -> None:
    begun = batches.begin([line("short"), *(line(f"long {number}", LONG) for number in range(12))])
    batches.wait(begun.id, lambda batch: bool(batch.request_counts and batch.request_counts.completed))
    cancelled = batches.client.batches.cancel(begun.id)
    assert cancelled.status in {"cancelling", "cancelled"}
    asked = time.monotonic()
    ended = batches.wait(begun.id)
    assert ended.status == "cancelled"
    assert ended.cancelling_at
    assert ended.cancelled_at
    done = {each["custom_id"] for each in batches.lines_of(ended.output_file_id)}
    not_done = {each["custom_id"]: each["error"]["code"] for each in batches.lines_of(ended.error_file_id)}
    assert "short" in done
    assert set(not_done.values()) == {"batch_cancelled"}
    assert done | set(not_done) == {"short", *(f"long {number}" for number in range(12))}
    assert time.monotonic() - asked < 10
    idle = batches.service.counters()
    wait_until(
        lambda: batches.service.counters() == idle or idle.update(batches.service.counters()) is not None, "idle"
    )
    with pytest.raises(BadRequestError, match="cannot be cancelled"):
        batches.client.batches.cancel(batches.wait(batches.begin([line("one")]).id).id)


def test_a_key_makes_one_batch_however_often_it_is_sent(batches: BatchService) -> None:
    file_id = batches.upload([line("a")])
    key = {"Idempotency-Key": "lines of today"}
    first = batches.begin_file(file_id, extra_headers=key)
    batches.wait(first.id)
    assert batches.client.files.delete(file_id).deleted
    again = batches.begin_file(file_id, extra_headers=key)  # what it asks for was there when it was asked for
    assert (again.id, again.status) == (first.id, "completed")
    with pytest.raises(UnprocessableEntityError, match="another request"):
        batches.begin_file(file_id, extra_headers=key, metadata={"a": "b"})


def test_batches_are_listed_newest_first(batches: BatchService) -> None:
    begun = [batches.begin([line("one")]).id for _ in range(3)]
    listed = [batch.id for batch in batches.client.batches.list(limit=2)]  # the client asks for page after page
    assert listed[:3] == begun[::-1]
    page = batches.client.batches.list(limit=2, after=begun[2])
    assert [batch.id for batch in page.data][:2] == begun[1::-1]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"endpoint": "/v1/chat/completions"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {"k": 1}}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 5}}, "output_expires_after"),
        ({"output_expires_after": {"anchor": "now", "seconds": 7200}}, "output_expires_after"),
    ],
)
def test_what_is_asked_for_is_honoured_or_refused(batches: BatchService, fields: dict[str, Any], param: str) -> None:
    source = batches.upload([line("one")])
    body = {"input_file_id": source, "endpoint": "/v1/audio/speech", "completion_window": "24h", **fields}
    check_error(httpx.post(f"{batches.service.url}/v1/batches", json=body), 400, param, "invalid_value")


def test_unknown_ids(batches: BatchService) -> None:
    with pytest.raises(NotFoundError, match="No such file"):
        batches.begin_file("file-none")
    for call in (batches.client.batches.retrieve, batches.client.batches.cancel):
        with pytest.raises(NotFoundError, match="No such batch"):
            call("batch_none")
    check_error(batches.get("/v1/batches?after=batch_none"), 404, "batch_id", "batch_not_found")


def test_a_file_that_grows_too_large_is_refused_and_gone(batches: BatchService) -> None:
    form = httpx.Request("POST", "http://x", data={"purpose": "batch"}, files={"file": ("a", b"z" * 300_001)})
    content = form.read()
    answer = httpx.post(
        f"{batches.service.url}/v1/files",
        headers={"content-type": form.headers["content-type"]},
        content=(content[start : start + 5000] for start in range(0, len(content), 5000)),
    )
    check_error(answer, 413, "file", "file_too_large")
    kept = []
    for path in batches.folder.glob("stored/**/file-*"):
        with contextlib.suppress(FileNotFoundError):  # another test's batch may be writing, and rename its files
            kept.append(path.read_bytes())
    assert not [content for content in kept if b"z" * 1000 in content]


def test_results_expire_when_they_are_told_to(batches: BatchService) -> None:
    begun = batches.begin([line("one")], output_expires_after={"anchor": "created_at", "seconds": 7200})
    ended = batches.wait(begun.id)
    assert ended.output_file_id
    output = batches.client.files.retrieve(ended.output_file_id)
    assert (output.expires_at or 0) - output.created_at == 7200
    with pytest.raises(BadRequestError, match="purpose is batch_output"):
        batches.begin_file(output.id)
