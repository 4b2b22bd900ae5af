"""Open WebUI's calls, replayed as its source makes them (with aiohttp, as it does); it is not run itself."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Client, Hear, Heard, documented
from tests.conftest import Service

OPEN_WEBUI = Client("Open WebUI", "open_webui.py", "venv")


@pytest.fixture
def heard(hear: Hear) -> Heard:
    return hear(OPEN_WEBUI)


def test_voices_without_a_key(heard: Heard) -> None:
    (asked,) = (request for request in heard.recorder.requests if request.target == "/v1/audio/voices")
    assert "authorization" not in asked.headers
    documented(asked)
    assert heard.told["voices"]["af_heart"] == "af_heart"


def test_models_by_its_second_try(heard: Heard) -> None:
    """It asks for a list that only some servers have, and then for OpenAI's."""
    assert heard.told["audio_models"] == 404
    assert "tts-1" in heard.told["models"]


def test_speech(heard: Heard, service: Service) -> None:
    documented(heard.sent("From a chat."))
    expected = service.speak("From a chat.", voice="af_heart", response_format="mp3").content
    assert heard.audio("speech.mp3") == expected
    assert heard.told["type"] == "audio/mpeg"


def test_a_refusal_is_told_in_our_words(heard: Heard) -> None:
    assert "nobody" in heard.told["error"]
