"""LiteLLM, which many put in front of everything."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Client, Hear, Heard, documented
from tests.conftest import Service

LITELLM = Client("litellm", "litellm_sdk.py", "venv")


@pytest.fixture
def heard(hear: Hear) -> Heard:
    return hear(LITELLM)


def test_plain(heard: Heard, service: Service) -> None:
    assert heard.audio("plain.mp3") == service.speak("Plain.", voice="alloy", response_format="mp3").content
    documented(heard.sent("Plain."))


def test_mixes_and_speed_pass_through(heard: Heard, service: Service) -> None:
    assert heard.audio("mixed.pcm") == service.speak("Mixed.", voice="af_bella+af_sky", speed=1.25).content


def test_asynchronous(heard: Heard, service: Service) -> None:
    assert heard.audio("async.pcm") == service.speak("Asynchronously.", voice="alloy").content


def test_our_headers_reach_the_caller(heard: Heard) -> None:
    assert {"llm_provider-x-request-id", "llm_provider-openai-processing-ms"} <= set(heard.told["upstream_headers"])


@pytest.mark.parametrize(
    ("case", "expected", "told"),
    [
        ("unknown_voice", ("BadRequestError", 400), "nobody"),
        ("unknown_model", ("NotFoundError", 404), "whisper-1"),
    ],
)
def test_refusals_are_its_own_errors(heard: Heard, case: str, expected: tuple[str, int], told: str) -> None:
    error = heard.told[case]
    assert (error["class"], error["status"]) == expected
    assert told in error["message"]
