"""Bad input: the right status and OpenAI's error shape before the first byte; never a 500, never a short file."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from tests.conftest import Service

Case = tuple[dict[str, object], int, str | None, str]
OK = {"input": "Hello."}

REFUSED: list[Case] = [
    ({}, 400, "input", "missing_required_parameter"),
    ({"input": ""}, 400, "input", "unspeakable_text"),
    ({"input": " \n\t "}, 400, "input", "unspeakable_text"),
    ({"input": "😀😀🎉"}, 400, "input", "unspeakable_text"),
    ({"input": "\x00\x01\x02"}, 400, "input", "unspeakable_text"),
    ({"input": None}, 400, "input", "invalid_value"),
    ({"input": 5}, 400, "input", "invalid_value"),
    ({"input": ["a"]}, 400, "input", "invalid_value"),
    ({**OK, "voice": "af_bela"}, 400, "voice", "voice_not_found"),
    ({**OK, "voice": ""}, 400, "voice", "invalid_value"),
    ({**OK, "voice": 7}, 400, "voice", "invalid_value"),
    ({**OK, "voice": {"name": "af_bella"}}, 400, "voice", "invalid_value"),
    ({**OK, "voice": ["af_bella"]}, 400, "voice", "invalid_value"),
    ({**OK, "voice": "af_bella++af_sky"}, 400, "voice", "invalid_value"),
    ({**OK, "voice": "af_bella(0)"}, 400, "voice", "invalid_value"),
    ({**OK, "voice": "af_bella(-1)+af_sky"}, 400, "voice", "invalid_value"),
    ({**OK, "voice": "af_bella(1e309)"}, 400, "voice", "invalid_value"),
    ({**OK, "voice": "../../etc/passwd"}, 400, "voice", "invalid_value"),
    ({**OK, "lang_code": "xx"}, 400, "lang_code", "unknown_language"),
    ({**OK, "response_format": "ogg"}, 400, "response_format", "invalid_value"),
    ({**OK, "response_format": None}, 400, "response_format", "invalid_value"),
    ({**OK, "speed": 0}, 400, "speed", "invalid_value"),
    ({**OK, "speed": 5}, 400, "speed", "invalid_value"),
    ({**OK, "speed": None}, 400, "speed", "invalid_value"),
    ({**OK, "speed": "fast"}, 400, "speed", "invalid_value"),
    ({**OK, "speed": True}, 400, "speed", "invalid_value"),
    ({**OK, "speed": float("nan")}, 400, "speed", "invalid_value"),
    ({**OK, "speed": float("inf")}, 400, "speed", "invalid_value"),
    ({**OK, "stream": "yes"}, 400, "stream", "invalid_value"),
    ({**OK, "seed": -1}, 400, "seed", "invalid_value"),
    ({**OK, "stream_format": "events"}, 400, "stream_format", "invalid_value"),
    ({**OK, "volume_multiplier": -1}, 400, "volume_multiplier", "invalid_value"),
    ({**OK, "volume_multiplier": "loud"}, 400, "volume_multiplier", "invalid_value"),
    ({**OK, "normalization_options": {"normalise": False}}, 400, "normalization_options", "invalid_value"),
    ({**OK, "normalization_options": {"normalize": "no"}}, 400, "normalization_options", "invalid_value"),
    ({"input": "<speak>Hi", "ssml": True}, 400, "input", "invalid_markup"),
    ({"input": "[pause:99s]"}, 400, "input", "invalid_markup"),
    ({"input": "[Kokoro](/k☃/)"}, 400, "input", "invalid_markup"),
    ({"input": "[voice:nobody]Hi.", "allow_voice_tags": True}, 400, "input", "voice_not_found"),
    ({"input": "[rate:3]Hi.", "allow_voice_tags": True, "speed": 2}, 400, "input", "invalid_value"),
    ({**OK, "lexicon": {"Hello": "☃"}}, 400, "lexicon", "invalid_value"),
    ({**OK, "voice_aliases": {"me": {"voice": "af_sky", "rate": 9}}}, 400, "voice_aliases", "invalid_value"),
    ({**OK, "return_download_link": "yes"}, 400, "return_download_link", "invalid_value"),
    ({**OK, "download_format": "ogg"}, 400, "download_format", "invalid_value"),
    ({**OK, "model": "gpt-17"}, 404, "model", "model_not_found"),
    ({**OK, "model": None}, 400, "model", "invalid_value"),
]  # fmt: skip


def check_error(answer: httpx.Response, status: int, param: str | None, code: str) -> str:
    assert answer.status_code == status, answer.text[:500]
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["param"], error["code"]) == (param, code)
    assert answer.headers["x-request-id"].startswith("req_")
    message: str = error["message"]
    assert message
    return message


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("case", REFUSED, ids=lambda case: repr(case[0])[:60])
def test_refused(service: Service, case: Case, stream: bool) -> None:
    body, status, param, code = case
    text = json.dumps({"stream": stream, **body})
    for path in ("speech", "captioned_speech"):
        check_error(httpx.post(f"{service.url}/v1/audio/{path}", content=text, timeout=30), status, param, code)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"input=Hello", "invalid_json"),
        (b'{"input": "\\ud800"}', "invalid_json"),
        (b'{"input": "\xff"}', "invalid_json"),
        (b"[1]", "invalid_value"),
        (b'"Hello"', "invalid_value"),
        (b"null", "invalid_value"),
        (b"[" * 100_000, "invalid_json"),
    ],
)
def test_a_body_that_is_no_json_object(service: Service, content: bytes, code: str) -> None:
    check_error(httpx.post(f"{service.url}/v1/audio/speech", content=content), 400, None, code)


def test_a_close_voice_is_suggested(service: Service) -> None:
    assert "'af_bella'" in check_error(service.speak("Hi.", voice="af_bela"), 400, "voice", "voice_not_found")


def test_input_over_its_limit(service: Service) -> None:
    check_error(service.speak("a " * 500_001), 413, "input", "input_too_large")


def test_body_over_its_limit(service: Service) -> None:
    body = b'{"input": "Hi.", "padding": "' + b"x" * 17_000_000 + b'"}'
    check_error(httpx.post(f"{service.url}/v1/audio/speech", content=body, timeout=30), 413, None, "body_too_large")


@pytest.mark.parametrize(
    "text",
    [
        "1" * 400,
        "Call " + "9" * 400 + " now.",
        "Hello \x00\x07 world\u202e.",
        "שלום hello \u200f there",
        "Hello Привет world Ελλάδα.",
        "caf\u0065\u0301 na\u00efve",
        "𝓗𝓮𝓵𝓵𝓸 hello",
        "word" * 2000,
        "#!@ hello $%^&*()",
        "a\u200db \ufeffhello",
        "Hello" + "!" * 5000,
    ],
)
def test_odd_text_is_spoken_or_refused_but_never_breaks(service: Service, text: str) -> None:
    answer = service.speak(text)
    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 200:
        assert len(answer.content) > 2 * 24_000 * 0.2
    else:
        assert answer.json()["error"]["code"] in {"unspeakable_text", "unspeakable_characters"}


def test_a_megabyte_of_digits_starts_soon(service: Service) -> None:
    started = time.monotonic()
    with httpx.stream(
        "POST", f"{service.url}/v1/audio/speech", json={"input": "7" * 1_000_000, "response_format": "pcm"}, timeout=30
    ) as answer:
        assert answer.status_code == 200
        first = next(answer.iter_bytes())
    assert first
    assert time.monotonic() - started < 20  # minutes, were any step quadratic


def test_unknown_paths_and_methods_have_the_same_shape(service: Service) -> None:
    check_error(httpx.get(f"{service.url}/v1/nothing"), 404, None, "not_found")
    check_error(httpx.get(f"{service.url}/v1/audio/speech"), 405, None, "method_not_allowed")
