"""`stream_format: "sse"`: OpenAI's events, read by OpenAI's client and by a parser that goes by the specification."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import openai
import pytest
from httpx_sse import ServerSentEvent, connect_sse

from tests.conftest import Service, running_service, running_valkey
from tests.system.test_faults import PACED, SENTENCES

TEXT = "The quick brown fox jumps over the lazy dog. [pause:0.5s] It was not amused, and said so."
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm", "m4a")


def events_of(service: Service, text: str = TEXT, **fields: object) -> Iterator[dict[str, Any]]:
    body = {"model": "kokoro", "input": text, "response_format": "pcm", "stream_format": "sse", **fields}
    with (
        httpx.Client(timeout=60) as client,
        connect_sse(client, "POST", f"{service.url}/v1/audio/speech", json=body) as source,
    ):
        assert source.response.status_code == 200
        assert source.response.headers["content-type"].startswith("text/event-stream")
        assert source.response.headers["x-accel-buffering"] == "no"
        assert "content-length" not in source.response.headers
        for event in source.iter_sse():
            yield read(event)


def read(event: ServerSentEvent) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(event.data)
    assert event.event in {"message", fields["type"]}
    return fields


def audio_of(events: list[dict[str, Any]]) -> bytes:
    assert [event["type"] for event in events] == ["speech.audio.delta"] * (len(events) - 1) + ["speech.audio.done"]
    return b"".join(base64.b64decode(event["audio"], validate=True) for event in events[:-1])


def decoded(audio: bytes) -> bytes:
    with av.open(io.BytesIO(audio), "r") as container:
        return b"".join(frame.to_ndarray().tobytes() for frame in container.decode(container.streams.audio[0]))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("form", FORMATS)
def test_the_deltas_together_are_the_audio(service: Service, form: str, stream: bool) -> None:
    events = list(events_of(service, response_format=form, stream=stream))
    audio = service.speak(TEXT, response_format=form, stream=stream).content
    if form == "opus":  # every Ogg stream has a serial number of its own
        assert decoded(audio_of(events)) == decoded(audio)
    else:
        assert audio_of(events) == audio


def test_the_audio_comes_while_it_is_made(service: Service) -> None:
    assert len(list(events_of(service, SENTENCES))) > 5


def test_the_usage_is_what_was_spoken(service: Service) -> None:
    usage = list(events_of(service, "Hello world."))[-1]["usage"]
    phonemes = httpx.post(f"{service.url}/v1/audio/phonemize", json={"text": "Hello world."}).json()["tokens"]
    samples = len(service.speak("Hello world.").content) // 2
    assert usage["input_tokens"] == len(phonemes)
    assert usage["output_tokens"] == math.ceil(samples / 600)  # 25 ms at 24 kHz
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd"])
def test_the_models_that_openai_has_no_events_for_send_audio(service: Service, model: str) -> None:
    answer = service.speak(TEXT, model=model, stream_format="sse")
    assert answer.headers["content-type"].startswith("audio/pcm")
    assert answer.content == service.speak(TEXT).content


def test_openais_client_reads_them(service: Service) -> None:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="not-needed") as client:
        with client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="alloy", input=TEXT, response_format="pcm", stream_format="sse"
        ) as response:
            lines = [line for line in response.iter_lines() if line]
        assert all(line.startswith("data: ") for line in lines)
        events = [json.loads(line.removeprefix("data: ")) for line in lines]
        assert audio_of(events) == service.speak(TEXT, voice="alloy").content


def test_a_failure_before_the_first_audio_is_an_http_error(service: Service) -> None:
    answer = service.speak("😀", stream_format="sse")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unspeakable_text")


def test_a_dialogue_has_events_too(service: Service) -> None:
    body = {"turns": [{"voice": "af_sky", "text": "Hi."}], "response_format": "pcm", "stream_format": "sse"}
    answer = httpx.post(f"{service.url}/v1/audio/dialogue", json=body, timeout=30)
    assert answer.headers["content-type"] == "text/event-stream"


def test_a_failure_after_the_first_audio_is_an_event_and_no_clean_end(tmp_path: Path) -> None:
    environment = {**PACED, "WORKER_GRACE_S": "1"}
    with running_valkey() as server, running_service(server.url, tmp_path, environment) as running:
        events = events_of(running, SENTENCES)
        seen = [next(events)]
        running.workers[0].kill()
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            seen.extend(events)
    assert {event["type"] for event in seen[:-1]} == {"speech.audio.delta"}
    assert seen[-1]["type"] == "speech.audio.error"
    assert set(seen[-1]["error"]) == {"message", "type", "param", "code"}
    assert seen[-1]["error"]["code"] == "no_workers"
