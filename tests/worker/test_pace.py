"""The worker's estimate of its own pace: it finds the two numbers, in noise too, and does not run off."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.base import EngineError, EngineJob, Speech
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.pace import REHEARSAL_JOBS, Job, Pace, rehearse
from worker.voices import VoicePackError

SHORT_S, SENTENCE_S, LONG_S = 1.4, 4.0, 15.0


def took_s(audio_s: float, realtime_factor: float, fixed_cost_s: float) -> float:
    return fixed_cost_s + audio_s / realtime_factor


def measured(realtime_factor: float, fixed_cost_s: float, lengths_s: list[float], noise: float = 0.0) -> list[Job]:
    """Jobs of these lengths; each took up to ``noise`` times its time longer."""
    source = random.Random(5)  # noqa: S311
    return [
        Job(audio_s, took_s(audio_s, realtime_factor, fixed_cost_s) * (1 + source.uniform(0, noise)))
        for audio_s in lengths_s
    ]


REHEARSAL = [SENTENCE_S, SHORT_S] * 3


@pytest.mark.parametrize(("realtime_factor", "fixed_cost_s"), [(1.9, 0.05), (4.0, 0.1), (80.0, 0.03), (300.0, 0.0)])
def test_both_numbers_are_found(realtime_factor: float, fixed_cost_s: float) -> None:
    pace = Pace.fitted(measured(realtime_factor, fixed_cost_s, REHEARSAL))

    assert pace.realtime_factor == pytest.approx(realtime_factor)
    assert pace.fixed_cost_s == pytest.approx(fixed_cost_s)


def test_one_job_is_enough_to_say_something() -> None:
    rehearsed, at_work = Pace.fitted([Job(4.0, 2.0)]), Pace()
    at_work.add(Job(4.0, 2.0))

    for pace in (rehearsed, at_work):
        assert pace.realtime_factor == pytest.approx(2.0)
        assert pace.fixed_cost_s == 0


def test_noise_moves_the_estimate_by_no_more_than_itself() -> None:
    pace = Pace.fitted(measured(3.0, 0.05, REHEARSAL, noise=0.3))
    for job in measured(3.0, 0.05, [SENTENCE_S, SHORT_S, LONG_S] * 20, noise=0.3):
        pace.add(job)

    for audio_s in (SHORT_S, SENTENCE_S, LONG_S):
        assert 0.95 <= pace.expected_s(audio_s) / took_s(audio_s, 3.0, 0.05) <= 1.35


def test_a_machine_whose_speed_jumps_about_gets_no_fixed_cost_from_that() -> None:
    """As on two cores that five others use too: there a line through the latest jobs put it at over a second."""
    source = random.Random(9)  # noqa: S311
    pace = Pace.fitted(measured(2.0, 0.03, REHEARSAL))
    for audio_s in [SHORT_S, SENTENCE_S, SENTENCE_S, LONG_S] * 25:
        pace.add(Job(audio_s, took_s(audio_s, 2.0, 0.03) * source.uniform(1, 8)))

    assert pace.fixed_cost_s < 0.25
    assert 0.25 < pace.realtime_factor < 1


def test_one_hiccup_is_forgotten_and_a_change_for_good_is_learnt() -> None:
    pace = Pace.fitted(measured(4.0, 0.05, REHEARSAL))
    pace.add(Job(SENTENCE_S, 60.0))
    assert pace.expected_s(SENTENCE_S) < 1.5 * took_s(SENTENCE_S, 4.0, 0.05)
    for job in measured(1.0, 0.2, [SENTENCE_S, SHORT_S] * 15):
        pace.add(job)
    assert pace.expected_s(SENTENCE_S) == pytest.approx(took_s(SENTENCE_S, 1.0, 0.2), rel=0.15)


SECONDS = st.floats(0.01, 100)
JOBS = st.lists(st.builds(Job, SECONDS, SECONDS), min_size=1, max_size=40)


@given(JOBS, JOBS)
def test_whatever_is_measured_the_numbers_make_sense(rehearsed: list[Job], at_work: list[Job]) -> None:
    pace = Pace.fitted(rehearsed)
    for job in at_work:
        pace.add(job)
    assert 0 < pace.realtime_factor < float("inf")
    assert 0 <= pace.fixed_cost_s < float("inf")


def test_a_rehearsal_measures_the_engine() -> None:
    pace = rehearse(FakeEngine(speed_factor=200.0), FakeVoicePacks(["af_bella"]), lambda: False)
    assert 50 < pace.realtime_factor <= 220


def test_a_rehearsal_ends_when_told_to() -> None:
    asked: list[None] = []

    def stopped() -> bool:
        asked.append(None)
        return len(asked) > 2

    rehearse(FakeEngine(), FakeVoicePacks(["af_bella"]), stopped)
    assert len(asked) == 3 < REHEARSAL_JOBS


def test_nothing_to_rehearse_with_is_said() -> None:
    with pytest.raises(VoicePackError, match="no voices"):
        rehearse(FakeEngine(), FakeVoicePacks([]), lambda: False)


def test_an_engine_that_fails_is_said() -> None:
    class Mute(FakeEngine):
        def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
            return [EngineError("no sound") for _ in batch]

    with pytest.raises(EngineError, match="no sound"):
        rehearse(Mute(), FakeVoicePacks(["af_bella"]), lambda: False)
