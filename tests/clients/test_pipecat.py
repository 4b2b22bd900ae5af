"""pipecat: pcm in one answer for each thing to say, OpenAI's thirteen voices alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.conftest import Client, Hear, Heard, documented
from tests.conftest import Service

PIPECAT = Client("pipecat", "pipecat_tts.py", "venv")


@pytest.fixture
def heard(hear: Hear) -> Heard:
    return hear(PIPECAT)


def test_plain(heard: Heard, service: Service) -> None:
    sent = heard.sent("Plain.")
    assert sent.fields["response_format"] == "pcm"
    documented(sent)
    assert heard.audio("plain.pcm") == service.speak("Plain.", voice="alloy").content
    assert heard.told["rates"] == [24000]
    assert heard.told["errors"] == []
    assert {"TTSStartedFrame", "TTSStoppedFrame"} <= set(heard.told["frames"])


def test_styled(heard: Heard, service: Service) -> None:
    assert heard.audio("styled.pcm") == service.speak("Styled.", voice="marin", speed=1.25).content


def test_it_asks_for_openais_voices_until_it_is_told_of_others(heard: Heard, service: Service) -> None:
    assert "'af_bella' is not supported" in heard.told["unlisted"][0]
    assert heard.recorder.asking("Not asked.") == []
    assert heard.audio("listed.pcm") == service.speak("Listed.", voice="af_bella").content


def test_a_refusal_is_an_error_frame(heard: Heard) -> None:
    assert "model_not_found" in heard.told["refused"][0]


def test_an_interruption_frees_the_work(leave: Callable[[Client], dict[str, Any]]) -> None:
    told = leave(PIPECAT)
    assert told["heard"] > 0
    assert told["errors"] == []
