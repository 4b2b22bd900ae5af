"""The worker's estimate of its own pace: it finds the two numbers, in noise too, and does not run off."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.base import EngineError, EngineJob, Speech
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.pace import REHEARSAL_JOBS, Pace, rehearse
from worker.voices import VoicePackError

SHORT_S, SENTENCE_S, LONG_S = 1.4, 4.0, 15.0


def took_s(audio_s: float, realtime_factor: float, fixed_cost_s: float) -> float:
    return fixed_cost_s + audio_s / realtime_factor


def paced(realtime_factor: float, fixed_cost_s: float, lengths_s: list[float], noise: float = 0.0) -> Pace:
    """Measured over jobs of these lengths; each took up to ``noise`` times its time longer."""
    source = random.Random(5)  # noqa: S311
    pace = Pace()
    for audio_s in lengths_s:
        pace.add(audio_s, took_s(audio_s, realtime_factor, fixed_cost_s) * (1 + source.uniform(0, noise)))
    return pace


@pytest.mark.parametrize(("realtime_factor", "fixed_cost_s"), [(1.9, 0.05), (4.0, 0.1), (80.0, 0.03), (300.0, 0.0)])
def test_both_numbers_are_found(realtime_factor: float, fixed_cost_s: float) -> None:
    pace = paced(realtime_factor, fixed_cost_s, [SENTENCE_S, SHORT_S] * 4)
    for audio_s in (SHORT_S, SENTENCE_S, LONG_S):
        assert pace.expected_s(audio_s) == pytest.approx(took_s(audio_s, realtime_factor, fixed_cost_s), rel=0.05)


def test_one_job_is_enough_to_say_something() -> None:
    pace = paced(2.0, 0.0, [SENTENCE_S])
    assert pace.realtime_factor == pytest.approx(2.0)
    assert pace.fixed_cost_s == 0


def test_noise_moves_the_estimate_by_no_more_than_itself() -> None:
    pace = paced(3.0, 0.05, [SENTENCE_S, SHORT_S, LONG_S] * 20, noise=0.3)
    for audio_s in (SHORT_S, SENTENCE_S, LONG_S):
        assert 1.0 <= pace.expected_s(audio_s) / took_s(audio_s, 3.0, 0.05) <= 1.3


def test_long_jobs_alone_do_not_unlearn_the_fixed_cost() -> None:
    pace = paced(3.0, 0.1, [SENTENCE_S, SHORT_S] * 4)
    source = random.Random(7)  # noqa: S311
    for _ in range(500):
        audio_s = LONG_S * source.uniform(0.9, 1.1)
        pace.add(audio_s, took_s(audio_s, 3.0, 0.1) * source.uniform(0.9, 1.1))
    assert pace.fixed_cost_s == pytest.approx(0.1, abs=0.1)
    assert pace.expected_s(SHORT_S) == pytest.approx(took_s(SHORT_S, 3.0, 0.1), rel=0.2)


def test_one_hiccup_is_forgotten_and_a_change_for_good_is_learnt() -> None:
    pace = paced(4.0, 0.05, [SENTENCE_S, SHORT_S] * 4)
    pace.add(SENTENCE_S, 60.0)
    assert pace.expected_s(SENTENCE_S) < 1.5 * took_s(SENTENCE_S, 4.0, 0.05)
    for audio_s in [SENTENCE_S, SHORT_S] * 15:
        pace.add(audio_s, took_s(audio_s, 1.0, 0.2))
    assert pace.expected_s(SENTENCE_S) == pytest.approx(took_s(SENTENCE_S, 1.0, 0.2), rel=0.15)


@given(st.lists(st.tuples(st.floats(0.1, 30), st.floats(0, 100)), min_size=1, max_size=40))
def test_whatever_is_measured_the_numbers_make_sense(jobs: list[tuple[float, float]]) -> None:
    pace = Pace()
    for audio_s, wall_s in jobs:
        pace.add(audio_s, wall_s)
    assert pace.realtime_factor > 0
    assert pace.fixed_cost_s >= 0


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
