"""LiveKit agents: OpenAI's events for every model but tts-1 and tts-1-hd, samples taken for 24 kHz."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.conftest import Client, Hear, Heard, documented
from tests.conftest import Service

LIVEKIT = Client("livekit", "livekit_tts.py", "venv")
SAMPLE_BYTES = 2
FINAL_SILENCE = bytes(480)
"""It ends what it was told with 10 ms of its own."""
LOST = {"flac": 2304, "opus": 480}
"""Samples that its decoder keeps for itself at the end, of anybody's file: a flac block, a packet of opus."""


@pytest.fixture
def heard(hear: Hear) -> Heard:
    return hear(LIVEKIT)


def test_events_by_default(heard: Heard, service: Service) -> None:
    """It asks for mp3 and decodes it itself."""
    sent = heard.sent("Plain.")
    assert sent.fields["stream_format"] == "sse"
    documented(sent)
    frame = heard.told["events_mp3"]
    assert (frame["rate"], frame["channels"]) == (24000, 1)
    samples = len(service.speak("Plain.", voice="ash").content) // SAMPLE_BYTES
    assert samples <= frame["samples"] <= samples + 3 * 1152  # whole mp3 frames


def test_usage(heard: Heard) -> None:
    input_tokens, output_tokens = heard.told["usage"]
    assert input_tokens > 0
    assert output_tokens > 0


def test_events_with_pcm(heard: Heard, service: Service) -> None:
    assert heard.audio("events_pcm.pcm") == service.speak("Events.", voice="alloy").content + FINAL_SILENCE


def test_audio_for_tts_1(heard: Heard, service: Service) -> None:
    sent = heard.recorder.asking("Audio.")[0]
    assert (sent.fields["model"], sent.fields["stream_format"]) == ("tts-1", "audio")
    documented(sent)
    assert heard.audio("audio_pcm.pcm") == service.speak("Audio.", voice="alloy").content + FINAL_SILENCE


@pytest.mark.parametrize("form", ["wav", "flac", "opus", "aac"])
def test_it_decodes_what_we_encode(heard: Heard, service: Service, form: str) -> None:
    samples = len(service.speak("Audio.", voice="alloy").content) // SAMPLE_BYTES - LOST.get(form, 0)
    assert samples <= heard.told[form]["samples"] <= samples + 3 * 1024


def test_an_llm_that_writes(heard: Heard, service: Service) -> None:
    """Its adapter cuts the text into sentences, and each is a request."""
    sentences = ["The first sentence is this one.", "And here is the second."]
    assert [len(heard.recorder.asking(sentence)) for sentence in sentences] == [1, 1]
    first, second = (service.speak(sentence, voice="alloy").content for sentence in sentences)
    heard_all = heard.audio("dripped.pcm")
    assert heard_all.startswith(first)
    assert heard_all.index(second, len(first)) - len(first) <= len(FINAL_SILENCE)


def test_prewarm_is_answered(heard: Heard) -> None:
    assert "GET /v1/" in heard.recorder.paths()


def test_refusals_are_its_own_errors(heard: Heard) -> None:
    error = heard.told["unknown_voice"]
    assert (error["class"], error["status"], error["retryable"]) == ("APIStatusError", 400, False)
    assert error["code"] == "voice_not_found"
    assert len(heard.recorder.asking("Refused.")) == 1


def test_an_interruption_frees_the_work(leave: Callable[[Client], dict[str, Any]]) -> None:
    assert leave(LIVEKIT)["heard"] > 0
