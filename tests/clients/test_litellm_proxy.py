"""LiteLLM's proxy, as teams run it to share one key and one bill; OpenAI's client speaks to it."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Client, Hear, Heard, documented
from tests.conftest import Service

PROXY = Client("LiteLLM proxy", "litellm_proxy.py", "venv")


@pytest.fixture
def heard(hear: Hear) -> Heard:
    return hear(PROXY)


def test_plain(heard: Heard, service: Service) -> None:
    assert heard.audio("plain.mp3") == service.speak("Plain.", voice="alloy", response_format="mp3").content
    assert heard.told["type"] == "audio/mpeg"
    documented(heard.sent("Plain."))


def test_mixes_and_speed_pass_through(heard: Heard, service: Service) -> None:
    expected = service.speak("Mixed.", voice="af_bella(2)-af_sky(1)", speed=1.25).content
    assert heard.audio("mixed.pcm") == expected


def test_a_stream_is_audio(heard: Heard, service: Service) -> None:
    """Events are asked of the proxy, which has none."""
    assert heard.audio("streamed.pcm") == service.speak("Streamed.", voice="alloy").content
    assert heard.told["streamed_type"].startswith("audio/pcm")
    assert "stream_format" not in heard.sent("Streamed.").fields


@pytest.mark.parametrize(("case", "told"), [("unknown_voice", "nobody"), ("unknown_model", "whisper")])
def test_refusals_say_what_is_wrong(heard: Heard, case: str, told: str) -> None:
    error = heard.told[case]
    assert (error["class"], error["status"]) == ("BadRequestError", 400)
    assert told in error["message"]
