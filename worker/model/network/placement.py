"""Jobs one after the other on one line of time, so that a batch of any lengths is nearly all sound and hardly padding.

The line is cut into blocks of ``BLOCK`` units. Every job begins a block, and at least ``GAP`` units of silence follow
it, which no convolution reaches across. What is known of a job spreads to its blocks, and what its blocks sum up to is
the job's, so the norms see each job as if it were alone. A batch then has one size, its number of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 8
"""Units in a block. Smaller blocks would waste less at the end of a job, and make more sums to add up."""

GAP = 2
"""Units between jobs at the least. The generator's longest convolution, of 11 taps 5 rows apart, reaches 25 rows to
each side, which are 1.25 units where there are 20 rows to a unit; no other reaches as far."""


class Placement(NamedTuple):
    """Where jobs go on a line, as numpy arrays."""

    owners: NDArray[np.int64]
    """(blocks,): which job each block belongs to; spare blocks to the last, which says nothing."""
    first_blocks: NDArray[np.int64]
    """(jobs,)"""
    units: NDArray[np.int64]
    """(jobs,): how long each is; 0 for those that are not there."""


def blocks_of(units: int) -> int:
    """How many blocks a job of so many units takes, silence after it included."""
    return -(-(units + GAP) // BLOCK)


def place(units: Sequence[int], num_blocks: int, num_jobs: int) -> Placement:
    """Place jobs one after the other. ``num_jobs`` must be more than there are: the last takes what is left over."""
    lengths = np.zeros(num_jobs, np.int64)
    lengths[: len(units)] = units
    taken = np.array([blocks_of(count) for count in units], np.int64)
    if len(units) >= num_jobs or taken.sum() > num_blocks:
        raise ValueError(f"{len(units)} jobs of {taken.sum()} blocks do not go into {num_jobs - 1} of {num_blocks}")
    first = np.zeros(num_jobs, np.int64)
    first[: len(units)] = np.cumsum(taken) - taken
    owners = np.full(num_blocks, num_jobs - 1, np.int64)
    owners[: taken.sum()] = np.repeat(np.arange(len(units)), taken)
    return Placement(owners, first, lengths)


def on_line(rows: Sequence[NDArray[np.int64]], placed: Placement, rate: int = 1) -> NDArray[np.int64]:
    """Each job's ``rate * units`` numbers at its place: int64 (blocks * BLOCK * rate,), 0 where it is silent."""
    line = np.zeros(len(placed.owners) * BLOCK * rate, np.int64)
    for numbers, block in zip(rows, placed.first_blocks, strict=False):
        start = block * BLOCK * rate
        line[start : start + len(numbers)] = numbers
    return line
