"""The chunk cache over HTTP: real processes, the fake engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Service, running_service, running_valkey

SENTENCES = " ".join(f"Sentence number {number} says something of its own." for number in range(40))

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("cached")
    with running_valkey() as server, running_service(server.url, folder, {"CACHE_MAX_MB": "50"}) as running:
        yield running


def test_without_the_setting_there_is_no_cache(service: Service) -> None:
    assert all("x-cache" not in service.speak("Not kept.").headers for _ in range(2))


@pytest.mark.parametrize("stream", [True, False])
def test_a_hit_is_byte_identical(cached: Service, stream: bool) -> None:
    text = SENTENCES.replace("something", "something streamed" if stream else "something whole")
    miss, hit = (cached.speak(text, stream=stream) for _ in range(2))
    assert [answer.headers["x-cache"] for answer in (miss, hit)] == ["miss", "hit"]
    assert hit.content == miss.content


def test_a_file_says_when_only_part_of_it_was_there(cached: Service) -> None:
    cached.speak("The first sentence is long enough to be one chunk by itself. [pause:1s] Nothing.", stream=False)
    partly = cached.speak(
        "The first sentence is long enough to be one chunk by itself. [pause:1s] Something.", stream=False
    )
    assert partly.headers["x-cache"] == "partial"


@pytest.mark.parametrize("change", [{"seed": 1}, {"speed": 2}, {"voice": "am_adam"}])
def test_another_sound_is_another_chunk(cached: Service, change: dict[str, object]) -> None:
    first = cached.speak("The same words again.")
    other = cached.speak("The same words again.", **change)
    assert other.headers["x-cache"] == "miss"
    assert other.content != first.content


def test_another_format_or_volume_is_the_same_chunk(cached: Service) -> None:
    cached.speak("Heard in several ways.")
    for change in ({"response_format": "mp3"}, {"volume_multiplier": 0.5}, {"stream_format": "sse"}):
        assert cached.speak("Heard in several ways.", **change).headers["x-cache"] == "hit"
