"""Logs are JSON, every line of a request says whose it is, and no line says what is spoken."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect as connect_websocket

from shared.contract import ChunkJob, Lane
from shared.streams import GatewayStreams, connect
from tests.conftest import Process, wait_until
from tests.observability.conftest import SECRET, Watched

TEXT = f"A {SECRET} sentence, and a second one that is {SECRET} as well."

Request = tuple[str, str, dict[str, Any]]

REQUESTS: list[Request] = [
    ("POST", "/v1/audio/speech", {"input": TEXT, "stream": True}),
    ("POST", "/v1/audio/speech", {"input": TEXT, "stream": False, "return_download_link": True}),
    ("POST", "/v1/audio/speech", {"input": TEXT, "stream_format": "sse"}),
    ("POST", "/dev/captioned_speech", {"input": TEXT}),
    ("POST", "/v1/audio/captioned_speech", {"input": TEXT, "stream": False}),
    ("POST", "/v1/audio/subtitles", {"input": TEXT, "subtitle_format": "srt"}),
    ("POST", "/v1/audio/dialogue", {"turns": [{"voice": "af_bella", "text": TEXT}]}),
    ("POST", "/dev/phonemize", {"text": TEXT, "language": "a"}),
    # And what goes wrong.
    ("POST", "/v1/audio/speech", {"input": TEXT, "voice": SECRET}),
    ("POST", "/v1/audio/speech", {"input": TEXT, "speed": SECRET}),
    ("POST", "/v1/audio/speech", {"input": [TEXT]}),
    ("POST", "/v1/audio/speech", {"input": TEXT, "lang_code": "j"}),
    ("POST", "/v1/audio/speech", {"input": f"<speak>{TEXT}", "ssml": True}),
    ("POST", "/v1/audio/speech", {"input": f"[voice:{SECRET}]{TEXT}", "allow_voice_tags": True}),
    ("POST", "/v1/audio/speech", {"input": f"{SECRET} \U000e0041\u4f60"}),
    ("POST", "/v1/audio/speech", {"input": TEXT, "lexicon": {SECRET: "not phonemes \u4f60"}}),
    ("POST", "/v1/audio/dialogue", {"turns": [{"voice": SECRET, "text": TEXT}]}),
    ("POST", "/v1/audio/voices/combine", {"name": SECRET}),
    ("POST", "/v1/audio/jobs", {"input": TEXT}),
    ("POST", "/v1/batches", {"input_file_id": SECRET}),
    ("GET", f"/v1/download/{SECRET}.mp3", {}),
]


@pytest.fixture(scope="module")
def asked(watched: Watched) -> list[httpx.Response]:
    """Every way to have something spoken, and to fail."""
    answers = []
    for method, path, body in REQUESTS:
        answers.append(httpx.request(method, watched.url + path, json=body or None, timeout=60))
    broken = f'{{"input": "{SECRET}'
    answers.append(httpx.post(f"{watched.url}/v1/audio/speech", content=broken))
    return answers


def test_the_requests_are_of_every_kind(asked: list[httpx.Response]) -> None:
    assert {200, 400, 404} <= {answer.status_code for answer in asked}
    assert max(answer.status_code for answer in asked) < 500
    assert sum(answer.is_success for answer in asked) >= 7


def spoken_over_a_websocket(watched: Watched) -> Iterator[dict[str, Any]]:
    with connect_websocket(watched.url.replace("http", "ws", 1) + "/v1/audio/speech/stream") as socket:
        messages = [{"type": "start"}, {"type": "text", "text": TEXT}, {"type": "end"}, {"type": SECRET}]
        for message in messages:
            socket.send(json.dumps(message))
        with contextlib.suppress(ConnectionClosedError):  # the last message is none that it knows
            for received in socket:
                if isinstance(received, str):
                    yield json.loads(received)


def test_no_line_of_any_process_says_what_was_spoken(watched: Watched, asked: list[httpx.Response]) -> None:
    list(spoken_over_a_websocket(watched))
    processes: list[Process] = [watched.gateway, *watched.workers]
    lines = [line for process in processes for line in process.log.read_text().splitlines() if SECRET in line]
    # The path of a request is logged, and this one's has the word in it.
    assert [line for line in lines if f'"path": "/v1/download/{SECRET}.mp3"' not in line] == []


def test_each_request_has_a_line_with_its_id(watched: Watched, asked: list[httpx.Response]) -> None:
    wanted = {answer.headers["x-request-id"] for answer in asked}
    wait_until(
        lambda: wanted <= {line.get("request_id") for line in watched.logs() if line["event"] == "request"},
        "every request has its line",
    )


async def test_a_workers_line_about_a_job_names_its_request_tenant_and_trace(watched: Watched) -> None:
    """Here about a job that came too late."""
    job = ChunkJob(
        request_id="req_late",
        seq=3,
        reply_stream="",
        token_ids=(1, 2, 3),
        voice=(("af_bella", 1.0),),
        speed=1.0,
        seed=0,
        deadline_ms=1,
        lane=Lane.STANDARD,
        tenant_id="acme",
        traceparent=f"00-{'ab' * 16}-b7ad6b7169203331-00",
    )
    redis = connect(watched.redis_url)
    await GatewayStreams(redis, "late", heartbeat_s=1.0).publish(job)
    await redis.aclose()

    def line() -> dict[str, Any] | None:
        return next((each for each in watched.logs() if each["event"] == "job_failed"), None)

    wait_until(lambda: line() is not None, "the worker says so")
    said = line() or {}
    assert {name: said[name] for name in ("request_id", "seq", "tenant", "trace_id", "code")} == {
        "request_id": "req_late",
        "seq": 3,
        "tenant": "acme",
        "trace_id": "ab" * 16,
        "code": "deadline_exceeded",
    }
