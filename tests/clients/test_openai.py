"""OpenAI's own clients, of Python (two majors, since many still need the older) and of Node."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import av
import pytest

from tests.clients.conftest import Client, Hear, Heard, documented
from tests.conftest import Service

PYTHON = Client("openai-python 3", "openai_python.py", "ours")
PYTHON_2 = Client("openai-python 2", "openai_python.py", "venv")
NODE = Client("openai-node", "openai_node.mjs", "node")
ALL = pytest.mark.parametrize("client", [PYTHON, PYTHON_2, NODE], ids=lambda client: client.name)


def decoded(audio: bytes) -> bytes:
    with av.open(io.BytesIO(audio), "r") as container:
        return b"".join(frame.to_ndarray().tobytes() for frame in container.decode(container.streams.audio[0]))


def events_audio(lines: list[str]) -> tuple[bytes, dict[str, Any]]:
    """The audio of the events, and the last of them."""
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["type"] for event in events] == ["speech.audio.delta"] * (len(events) - 1) + ["speech.audio.done"]
    return b"".join(base64.b64decode(event["audio"]) for event in events[:-1]), events[-1]


@pytest.fixture(params=[PYTHON, PYTHON_2, NODE], ids=lambda client: client.name)
def heard(request: pytest.FixtureRequest, hear: Hear) -> Heard:
    return hear(request.param)


def test_plain(heard: Heard, service: Service) -> None:
    assert heard.audio("plain.mp3") == service.speak("Plain.", voice="alloy", response_format="mp3").content
    assert heard.audio("plain.pcm") == service.speak("Plain.", voice="alloy").content


@pytest.mark.parametrize("form", ["opus", "aac", "flac", "wav"])
def test_every_format(hear: Hear, service: Service, form: str) -> None:
    expected = service.speak("Plain.", voice="alloy", response_format=form).content
    assert decoded(hear(PYTHON).audio(f"plain.{form}")) == decoded(expected)


def test_streamed(heard: Heard, service: Service) -> None:
    assert heard.audio("streamed.pcm") == service.speak("Streamed. In two.", voice="onyx", speed=1.5).content


def test_a_voice_as_an_object_and_the_raw_answer(heard: Heard, service: Service) -> None:
    assert heard.audio("raw.pcm") == service.speak("Raw.", voice="af_bella").content
    assert heard.told["raw_headers"]["x-request-id"].startswith("req_")
    assert int(heard.told["raw_headers"]["openai-processing-ms"]) >= 0
    assert heard.told["raw_type"].startswith("audio/pcm")
    assert heard.sent("Raw.").fields["voice"] == {"id": "af_bella"}


def test_events(heard: Heard, service: Service) -> None:
    audio, done = events_audio(heard.told["event_lines"])
    assert audio == service.speak("Events.", voice="marin").content
    assert set(done["usage"]) == {"input_tokens", "output_tokens", "total_tokens"}


@pytest.mark.parametrize("client", [PYTHON, PYTHON_2], ids=lambda client: client.name)
def test_asynchronous(hear: Hear, service: Service, client: Client) -> None:
    assert hear(client).audio("async.pcm") == service.speak("Asynchronously.", voice="alloy").content


def test_models(heard: Heard) -> None:
    assert {"tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"} <= set(heard.told["models"])
    assert heard.told["model"] == "tts-1"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("unknown_voice", ("BadRequestError", 400, "voice_not_found", "voice")),
        ("unknown_model", ("NotFoundError", 404, "model_not_found", "model")),
        ("empty", ("BadRequestError", 400, "unspeakable_text", "input")),
    ],
)
def test_refusals_are_the_clients_own_errors(heard: Heard, case: str, expected: tuple[str, int, str, str]) -> None:
    error = heard.told[case]
    assert (error["class"], error["status"], error["code"], error["param"]) == expected
    assert error["type"] == "invalid_request_error"
    assert error["request_id"].startswith("req_")


def test_what_is_sent(heard: Heard) -> None:
    documented(heard.sent("Events."))
    # A refusal is asked once: nothing of a 4xx is tried again.
    assert len(heard.recorder.asking("Refused.")) == 2


@ALL
def test_who_leaves_frees_the_work(client: Client, leave: Callable[[Client], dict[str, Any]]) -> None:
    told = leave(client)
    assert told["heard"] > 0
    assert told["timeout"] in {"APITimeoutError", "APIConnectionTimeoutError"}
