"""The shapes that batches are padded to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.engine.ladder import BYTES_PER_UNIT, SPEECH_BUDGET, Ladder, Rungs

RUNGS = Rungs(lengths=(8, 16, 32), jobs=(1, 2, 4), budget=64)


def test_shapes_are_within_the_budget_largest_first() -> None:
    assert RUNGS.shapes() == [(2, 32), (4, 16), (1, 32), (2, 16), (4, 8), (1, 16), (2, 8), (1, 8)]


@pytest.mark.parametrize(
    ("lengths", "shape"),
    [([1], (1, 8)), ([8, 3], (2, 8)), ([9], (1, 16)), ([30, 2, 2], (4, 32)), ([33], (1, 40)), ([400], (1, 400))],
)
def test_a_shape_holds_its_jobs(lengths: list[int], shape: tuple[int, int]) -> None:
    assert RUNGS.shape(lengths) == shape


def test_jobs_of_like_length_share_a_batch() -> None:
    assert RUNGS.batches([3, 30, 5, 16, 100, 28, 2, 8, 1]) == [[4], [1, 5], [3, 7, 2, 0], [6, 8]]


@settings(deadline=None)  # machines are busy
@given(st.lists(st.integers(1, 2000), max_size=100))
def test_every_job_is_in_one_batch_and_every_batch_is_a_shape_made_ready(lengths: list[int]) -> None:
    for rungs in (RUNGS, Ladder().text, Ladder().speech):
        batches = rungs.batches(lengths)
        assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
        for batch in batches:
            jobs, length = rungs.shape([lengths[index] for index in batch])
            if length <= rungs.lengths[-1]:
                assert (jobs, length) in rungs.shapes()
            else:
                assert (jobs, len(batch)) == (1, 1)
                assert length >= lengths[batch[0]]


@pytest.mark.parametrize(
    ("lengths", "jobs"), [((), (1,)), ((8, 8), (1,)), ((16, 8), (1,)), ((0, 8), (1,)), ((8,), ()), ((8,), (2, 4))]
)
def test_rungs_that_make_no_ladder_are_refused(lengths: tuple[int, ...], jobs: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must"):
        Rungs(lengths, jobs, 64)


def test_a_ladder_for_more_or_less_memory_keeps_within_it() -> None:
    small, large = Ladder.for_memory(500 * BYTES_PER_UNIT), Ladder.for_memory(40_000 * BYTES_PER_UNIT)
    assert max(jobs * length for jobs, length in small.speech.shapes()) <= 500
    assert SPEECH_BUDGET < max(jobs * length for jobs, length in large.speech.shapes()) <= 40_000
    with pytest.raises(ValueError, match="10 are needed"):
        Ladder.for_memory(100_000_000)
