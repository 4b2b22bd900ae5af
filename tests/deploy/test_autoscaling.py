"""The chart's numbers for KEDA and the HPA, over simulated loads: waits are bounded and nothing flaps."""

from __future__ import annotations

import pytest

from bench.autoscaling import MAX_QUEUE_WAIT_S, TRACES, Outcome, Policy, policies, run, workers_for

pytestmark = pytest.mark.deploy


def outcome(name: str, policy: Policy, seed: int = 1) -> Outcome:
    trace, seconds = TRACES[name]
    return run(trace, seconds, policy, workers_for(name), seed)


@pytest.mark.parametrize("name", TRACES)
def test_nothing_flaps_and_waits_are_bounded(name: str) -> None:
    follows = outcome(name, Policy.of_the_chart())
    hours = TRACES[name][1] / 3600
    workers = workers_for(name)
    first_worker_s = Policy.of_the_chart().polling_s + workers.start_s
    assert follows.wait_s(1.0) <= max(MAX_QUEUE_WAIT_S, first_worker_s)
    assert follows.wait_s(0.5) < 1
    assert follows.turns <= (6 if name == "pulses" else 2) * hours


@pytest.mark.parametrize("name", ["steady", "ramp", "diurnal"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_load_that_does_not_jump_is_hardly_waited_for(name: str, seed: int) -> None:
    follows = outcome(name, Policy.of_the_chart(), seed)
    assert follows.wait_s(0.99) < 5
    assert follows.refused == 0


def test_a_jump_to_five_times_the_load_is_nearly_all_taken() -> None:
    assert outcome("spike", Policy.of_the_chart()).refused < 0.01


def test_by_queued_seconds_alone_it_would_be_worse() -> None:
    """Why the query counts what is being made: a queue that is empty says nothing of how many keep it so."""
    for name in ("steady", "diurnal"):
        by_backlog = outcome(name, policies()["queued seconds alone, KEDA's defaults"])
        assert by_backlog.turns > 2 * outcome(name, Policy.of_the_chart()).turns
        assert by_backlog.wait_s(0.5) > 1


def test_without_a_window_for_going_down_it_would_flap() -> None:
    assert outcome("diurnal", policies()["the chart's without a window for going down"]).turns > 100
