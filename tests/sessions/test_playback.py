"""What a listener still has to hear."""

from __future__ import annotations

from gateway.sessions.playback import Playback


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_audio_is_heard_as_time_goes_by() -> None:
    clock = Clock()
    playback = Playback(clock)
    assert playback.ahead_s == 0
    playback.extend_to(3.0)
    clock.now += 1
    assert playback.ahead_s == 2
    playback.extend_to(5.0)
    assert playback.ahead_s == 4


def test_after_a_silence_it_goes_on_from_there() -> None:
    clock = Clock()
    playback = Playback(clock)
    playback.extend_to(1.0)
    clock.now += 10
    assert playback.ahead_s == 0
    playback.extend_to(3.0)
    assert playback.ahead_s == 2
