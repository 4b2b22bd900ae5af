"""Formats, sample rates and bit rates over HTTP: decoded, they are what the plain pcm is."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from gateway.audio.choice import choose_format, sample_rates
from gateway.audio.formats import FORMATS
from gateway.audio.shape import Pcm
from tests.audio.listening import decode, decode_at
from tests.conftest import Service

TEXT = "One two three four five six seven."
RATES = (8_000, 24_000, 44_100, 48_000)
PADDING_S = {"mp3": 0.15, "aac": 0.26, "m4a": 0.13, "opus": 0.021, "webm": 0.021}
"""Two codec frames at 8 kHz and, where a container cannot announce it, the priming: the fake engine begins abruptly."""


@pytest.fixture(scope="module")
def plain(service: Service) -> dict[bool, Pcm]:
    """TEXT at 24 kHz, streamed or not."""
    return {stream: np.frombuffer(service.speak(TEXT, stream=stream).content, "<i2") for stream in (True, False)}


def likeness(one: Pcm, other: Pcm) -> float:
    """Of two sounds at 24 kHz, in bands of 20 Hz up to 3.4 kHz: 1 if they are the same, 0 if nothing is."""
    bands = [np.abs(np.fft.rfft(pcm.astype(float), 20 * 24_000)).reshape(-1)[: 20 * 3_400] for pcm in (one, other)]
    heights = [np.linalg.norm(band.reshape(-1, 400), axis=1) for band in bands]
    return float(heights[0] @ heights[1] / (np.linalg.norm(heights[0]) * np.linalg.norm(heights[1])))


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "file"])
@pytest.mark.parametrize(
    ("form", "rate"), [(form, rate) for form in FORMATS for rate in RATES if rate in sample_rates(form)]
)
def test_every_format_at_every_rate_is_the_same_speech(
    service: Service, plain: dict[bool, Pcm], form: str, rate: int, stream: bool
) -> None:
    answer = service.speak(TEXT, response_format=form, sample_rate=rate, stream=stream)
    chosen = choose_format(form, rate)
    assert answer.headers["content-type"] == chosen.media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="speech.{chosen.extension}"'
    decoded = decode(chosen, answer.content)
    late_s = (len(decoded) - len(plain[stream])) / 24_000
    assert -0.0002 < late_s < PADDING_S.get(form, 0.0002)
    assert likeness(decoded, plain[stream]) > 0.98
    assert likeness(decoded[::2], plain[stream]) < 0.9  # the measure tells a wrong pitch


@pytest.mark.parametrize(("form", "bytes_per_s"), [("mulaw", 8_000), ("alaw", 8_000), ("pcm", 48_000)])
def test_bare_formats_have_their_own_default_rate(
    service: Service, plain: dict[bool, Pcm], form: str, bytes_per_s: int
) -> None:
    seconds = len(plain[True]) / 24_000
    assert len(service.speak(TEXT, response_format=form).content) == pytest.approx(bytes_per_s * seconds, abs=1)


@pytest.mark.parametrize("bitrate", [32_000, "32k", "32K"])
def test_a_bit_rate_makes_smaller_audio(service: Service, bitrate: int | str) -> None:
    usual, small = (
        len(service.speak(TEXT, response_format="mp3", **more).content) for more in ({}, {"bitrate": bitrate})
    )
    assert small == pytest.approx(usual / 3, rel=0.02)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"sample_rate": 7_999}, "sample_rate"),
        ({"sample_rate": 48_001}, "sample_rate"),
        ({"sample_rate": "24000"}, "sample_rate"),
        ({"sample_rate": 24_000.5}, "sample_rate"),
        ({"sample_rate": True}, "sample_rate"),
        ({"response_format": "opus", "sample_rate": 44_100}, "sample_rate"),
        ({"response_format": "webm", "sample_rate": 11_025}, "sample_rate"),
        ({"response_format": "mp3", "sample_rate": 20_000}, "sample_rate"),
        ({"response_format": "wav", "bitrate": "64k"}, "bitrate"),
        ({"response_format": "flac", "bitrate": 64_000}, "bitrate"),
        ({"response_format": "pcm", "bitrate": 64_000}, "bitrate"),
        ({"response_format": "mp3", "bitrate": "100k"}, "bitrate"),
        ({"response_format": "mp3", "bitrate": 64}, "bitrate"),
        ({"response_format": "mp3", "bitrate": "64"}, "bitrate"),
        ({"response_format": "mp3", "bitrate": True}, "bitrate"),
        ({"response_format": "mp3", "bitrate": "96k", "sample_rate": 8_000}, "bitrate"),
        ({"response_format": "opus", "bitrate": "300k"}, "bitrate"),
    ],
)
def test_wrong_combinations_are_refused_before_any_work(
    service: Service, fields: dict[str, object], param: str
) -> None:
    answer = service.speak(TEXT, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, "invalid_value")
    assert param in error["message"]


def test_none_is_as_if_not_given(service: Service) -> None:
    assert service.speak(TEXT, sample_rate=None, bitrate=None).content == service.speak(TEXT).content


def test_chunks_join_without_a_click_at_another_rate(service: Service) -> None:
    """Resampled chunk by chunk, a break would be heard where one ends; the whole resampled at once has none."""
    long = " ".join([TEXT] * 12)
    plain = np.frombuffer(service.speak(long).content, "<i2")
    phone = decode_at(8_000, FORMATS["pcm"], service.speak(long).content)
    streamed = np.frombuffer(service.speak(long, sample_rate=8_000).content, "<i2")
    assert len(plain) / 3 == pytest.approx(len(streamed), abs=1)
    assert np.abs(streamed.astype(int) - phone[: len(streamed)]).max() <= 2


def test_captions_say_what_the_audio_is(service: Service) -> None:
    body = {"input": TEXT, "response_format": "mulaw", "stream": False}
    answer = httpx.post(f"{service.url}/v1/audio/captioned_speech", json=body, timeout=30).json()
    assert answer["audio_format"] == "audio/basic"
