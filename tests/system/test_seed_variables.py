"""Kokoro-FastAPI's variables, each set to something else than its default, and what is heard and seen of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import Service, running_service, running_valkey
from tests.system.test_bad_input import check_error

TOLD = "Write to bob@example.com about the 10kg."
TEXT = "One sentence is here. Another one follows it. A third comes after that. The fourth is the last of them."

SET = {
    "API_TITLE": "Our speech",
    "API_DESCRIPTION": "For us alone",
    "API_VERSION": "9.8.7",
    "CORS_ENABLED": "false",
    "DEFAULT_VOICE": "bf_emma",
    "DEFAULT_VOICE_CODE": "b",
    "DEFAULT_VOLUME_MULTIPLIER": "0.5",
    "SAMPLE_RATE": "16000",
    "ADVANCED_TEXT_NORMALIZATION": "false",
    "VOICE_WEIGHT_NORMALIZATION": "false",
    "TARGET_MIN_TOKENS": "10",
    "TARGET_MAX_TOKENS": "20",
    "ABSOLUTE_MAX_TOKENS": "40",
    "DYNAMIC_GAP_TRIM_PADDING_MS": "0",
    "GAP_TRIM_MS": "40",
    "MAX_TEMP_DIR_COUNT": "2",
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("seed")
    environment = {**SET, "TEMP_FILE_DIR": str(folder / "links")}
    with running_valkey() as server, running_service(server.url, folder, environment) as running:
        yield running


def samples(answer: httpx.Response) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, "<i2")


def chunks(service: Service) -> int:
    answer = service.speak(TEXT, return_timing=True)
    timing = httpx.get(service.url + answer.headers["x-timing-path"]).json()
    return sum(bool(chunk["text"]) for chunk in timing["chunks"])


def test_the_documentation_is_headed_as_it_is_told(ours: Service) -> None:
    info = httpx.get(f"{ours.url}/openapi.json").json()["info"]
    assert [info[name] for name in ("title", "description", "version")] == ["Our speech", "For us alone", "9.8.7"]


def test_pages_of_others_may_not_call_it(ours: Service, service: Service) -> None:
    allowed = [
        "access-control-allow-origin"
        in httpx.get(f"{each.url}/v1/models", headers={"origin": "http://a.example"}).headers
        for each in (ours, service)
    ]
    assert allowed == [False, True]


def test_whose_language_is_spoken_by_default(ours: Service) -> None:
    said = [
        ours.speak("I can't dance.", voice="af_sky", **code) for code in ({}, {"lang_code": "b"}, {"lang_code": "a"})
    ]
    by_default, british, american = map(samples, said)
    assert np.array_equal(by_default, british)
    assert not np.array_equal(by_default, american)


def test_who_speaks_by_default_and_how_loud(ours: Service) -> None:
    quiet, named = ours.speak("Hello."), ours.speak("Hello.", voice="bf_emma", volume_multiplier=1.0)
    assert quiet.headers["content-type"] == "audio/pcm;rate=16000;channels=1"
    assert np.abs(samples(quiet) - samples(named) / 2).max() <= 1


def test_numbers_are_never_read_as_words(ours: Service, service: Service) -> None:
    said: dict[str, Any] = {"voice": "af_sky", "volume_multiplier": 1, "sample_rate": 24000}
    asked, plain = ({**said, "normalization_options": {"normalize": each}} for each in (True, False))
    assert ours.speak(TOLD, **asked).content == ours.speak(TOLD, **plain).content
    assert service.speak(TOLD, **asked).content != service.speak(TOLD, **plain).content


def test_weights_are_used_as_they_are_written(ours: Service, service: Service) -> None:
    refused = ours.speak("Hi.", voice="af_bella(20)+af_sky(1)")
    check_error(refused, 400, "voice", "invalid_value")
    assert service.speak("Hi.", voice="af_bella(20)+af_sky(1)").status_code == 200


def test_chunks_are_as_small_and_as_close_as_they_are_told(ours: Service, service: Service) -> None:
    assert chunks(ours) > chunks(service)
    said: dict[str, Any] = {"voice": "af_sky", "sample_rate": 24000}
    assert samples(ours.speak(TEXT, **said)).size < samples(service.speak(TEXT, **said)).size
    trimmed, whole = (samples(each.speak("Hello.", **said)).size for each in (ours, service))
    assert whole - trimmed >= 24_000 * 0.039  # what GAP_TRIM_MS takes from an end


def test_the_oldest_link_makes_room(ours: Service) -> None:
    paths = [ours.speak("Hi.", return_download_link=True).headers["x-download-path"] for _ in range(3)]
    assert [httpx.get(ours.url + path).status_code for path in paths] == [404, 200, 200]
