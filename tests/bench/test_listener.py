"""The benchmark's listener, against a real service, and its arithmetic."""

from __future__ import annotations

import pytest

from bench.listener import BYTES_PER_S, listen, p50, p95, underrun_s
from bench.texts import text_of
from tests.conftest import Service


@pytest.mark.parametrize(
    ("arrivals", "silent_s"),
    [
        ([(0.5, 1.0)], 0.0),
        ([(0.5, 1.0), (1.4, 1.0), (2.5, 1.0)], 0.0),  # the last byte of one second is heard as the next one comes
        ([(0.5, 1.0), (2.0, 1.0)], 0.5),
        ([(0.5, 1.0), (2.0, 1.0), (3.5, 1.0)], 1.0),  # after a silence the player is late for good
        ([(0.0, 0.5), (0.1, 9.0), (5.0, 1.0)], 0.0),
    ],
)
def test_silence_of_a_player_that_starts_at_once(arrivals: list[tuple[float, float]], silent_s: float) -> None:
    in_bytes = [(arrived_s, round(audio_s * BYTES_PER_S)) for arrived_s, audio_s in arrivals]

    assert underrun_s(in_bytes) == pytest.approx(silent_s)


def test_percentiles_by_rank() -> None:
    assert p50([3.0, 1.0, 2.0]) == 2.0
    assert p95([1.0]) == 1.0
    assert p95([float(value) for value in range(1, 11)]) == 10.0
    assert p95([float(value) for value in range(1, 101)]) == 95.0


def test_a_request_as_it_is_heard(service: Service) -> None:
    text = text_of(300)
    heard = listen(service.url, text, "af_bella")

    assert 0 < heard.first_s <= heard.total_s
    assert heard.audio_s == pytest.approx(len(service.speak(text, voice="af_bella").content) / BYTES_PER_S)


def test_hanging_up_at_the_first_audio(service: Service) -> None:
    heard = listen(service.url, text_of(20_000), "af_bella", first_only=True)

    assert heard.first_s == heard.total_s
    assert heard.audio_s < 10
