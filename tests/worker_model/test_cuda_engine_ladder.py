"""The shapes that batches are padded to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.engine.ladder import BYTES_PER_UNIT, Ladder, Lines, Rungs
from worker.model.network.placement import BLOCK, GAP, blocks_of, on_line, place

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
    rungs = replace(RUNGS, overhead=2)
    assert rungs.batches([3, 30, 5, 16, 100, 28, 2, 8]) == [[4], [1, 5], [3], [7, 2, 0, 6]]


def test_where_a_batch_costs_as_much_as_its_longest_job_few_are_formed() -> None:
    lengths = [500, 20, 200, 450]
    assert len(Ladder().durations.batches(lengths)) == 1
    assert len(Ladder().tokens.batches(lengths)) == 3


@settings(deadline=None)  # machines are busy
@given(st.lists(st.integers(1, 100), max_size=7), st.integers(0, 20))
def test_no_other_cut_costs_less(lengths: list[int], overhead: int) -> None:
    """Against all of them."""
    rungs = Rungs(RUNGS.lengths, RUNGS.jobs, RUNGS.budget, overhead)

    def cost(batch: list[int]) -> float:
        jobs, length = rungs.shape(batch)
        alone = len(batch) == 1
        return (jobs + overhead) * length if alone or (jobs, length) in rungs.shapes() else float("inf")

    ordered = sorted(lengths, reverse=True)
    least = [0.0]
    for end in range(1, len(ordered) + 1):
        least.append(min(least[start] + cost(ordered[start:end]) for start in range(end)))
    made = rungs.batches(lengths)
    assert sum(cost([lengths[index] for index in batch]) for batch in made) == least[-1]


@settings(deadline=None)  # machines are busy
@given(st.lists(st.integers(1, 2000), max_size=100))
def test_every_job_is_in_one_batch_and_every_batch_is_a_shape_made_ready(lengths: list[int]) -> None:
    for rungs in (RUNGS, Ladder().tokens, Ladder().durations, Ladder().contour):
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


@settings(deadline=None)  # machines are busy
@given(st.lists(st.integers(1, 1024), max_size=100))
def test_every_job_is_on_one_line_and_all_lines_but_one_are_at_least_half_full(blocks: list[int]) -> None:
    for lines in (Ladder().speech, Lines((512, 1024), 100)):
        made = lines.lines(blocks)
        assert sorted(index for line in made for index in line) == list(range(len(blocks)))
        sums = [sum(blocks[index] for index in line) for line in made]
        assert all(lines.size(total) in lines.sizes for total in sums)
        assert all(len(line) <= lines.jobs for line in made)
        half = [total for line, total in zip(made, sums, strict=True) if total <= 512 and len(line) < lines.jobs]
        assert len(half) <= 1


def test_the_smallest_line_that_has_room() -> None:
    lines = Lines((4, 8, 32), 16)
    assert [lines.size(count) for count in (1, 4, 5, 9, 32)] == [4, 4, 8, 32, 32]
    with pytest.raises(ValueError, match="33 blocks"):
        lines.size(33)
    assert lines.lines([3, 30, 2, 1]) == [[1, 2], [0, 3]]


@pytest.mark.parametrize(("sizes", "jobs"), [((), 1), ((8, 8), 1), ((0, 8), 1), ((8,), 0)])
def test_sizes_that_make_no_lines_are_refused(sizes: tuple[int, ...], jobs: int) -> None:
    with pytest.raises(ValueError, match="must ascend"):
        Lines(sizes, jobs)


@given(st.lists(st.integers(1, 300), max_size=12), st.integers(0, 3))
def test_jobs_on_a_line_do_not_touch(units: list[int], spare: int) -> None:
    size = sum(map(blocks_of, units)) + spare
    placed = place(units, size, len(units) + 1)
    jobs = [np.full(count, number + 1) for number, count in enumerate(units)]
    line = on_line(jobs, placed)
    assert line.shape == (size * BLOCK,)
    starts = [int(block) * BLOCK for block in placed.first_blocks[: len(units)]]
    for number, (start, count) in enumerate(zip(starts, units, strict=True)):
        assert (line[start : start + count] == number + 1).all()
        assert not line[start + count : start + count + GAP].any()
        owners = placed.owners[start // BLOCK : start // BLOCK + blocks_of(count)]
        assert (owners == number).all()
    assert np.count_nonzero(line) == sum(units)
    assert (placed.owners[sum(map(blocks_of, units)) :] == len(units)).all()


def test_more_than_a_line_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="2 jobs of 3 blocks"):
        place([4, 8], 2, 3)
    with pytest.raises(ValueError, match="1 of 3"):
        place([4, 8], 3, 2)


def test_a_ladder_for_more_or_less_memory_keeps_within_it() -> None:
    assert Ladder.for_memory(BYTES_PER_UNIT * 8192) == Ladder()
    for longest in (60, 1024, 5000):
        assert Ladder.for_memory(BYTES_PER_UNIT * BLOCK * longest + 1).speech.sizes[-1] == longest
    with pytest.raises(ValueError, match="10 are needed"):
        Ladder.for_memory(100_000_000)
