"""The few shapes that batches are padded to, so that each can be compiled and captured before the first job comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from worker.model.network.placement import BLOCK

Shape = tuple[int, int]
"""Jobs in a batch, and their padded length."""


@dataclass(frozen=True, slots=True)
class Rungs:
    """The shapes of one stage: every length with as many jobs as the budget bears.

    lengths, jobs: ascending; jobs begins with 1. budget: jobs times length at the most; a job alone may have any rung's
    length. overhead: what a batch costs beside its padded jobs, in jobs: near 0 where every row is work, large where a
    batch takes as long as its longest job.
    """

    lengths: tuple[int, ...]
    jobs: tuple[int, ...]
    budget: int
    overhead: int = 0

    def __post_init__(self) -> None:
        for rungs in (self.lengths, self.jobs):
            if not rungs or list(rungs) != sorted(set(rungs)) or rungs[0] < 1:
                raise ValueError(f"rungs must ascend from 1 or more, but are {rungs}")
        if self.jobs[0] != 1:
            raise ValueError(f"a batch of one must be possible, but jobs begin with {self.jobs[0]}")

    def shapes(self) -> list[Shape]:
        """Every shape of the ladder, largest first: what is captured first sets the size of the memory they share."""
        made = [(jobs, length) for length in self.lengths for jobs in self.jobs if self._fits(jobs, length)]
        return sorted(made, key=lambda shape: (shape[0] * shape[1], shape[1]), reverse=True)

    def shape(self, lengths: Sequence[int]) -> Shape:
        """The smallest shape that holds jobs of these lengths.

        A length past the last rung is rounded up to a multiple of the first: such a shape is not in ``shapes``, and
        neither is one of more jobs than the last rung.
        """
        longest, step = max(lengths), self.lengths[0]
        length = next((rung for rung in self.lengths if rung >= longest), -(-longest // step) * step)
        return next((rung for rung in self.jobs if rung >= len(lengths)), len(lengths)), length

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Sort jobs by length and cut them where that costs least, ``overhead`` and padding together: indices into
        ``lengths``, longest first, every batch within the budget. A job longer than every rung is a batch of its own.
        """
        order = sorted(range(len(lengths)), key=lambda index: lengths[index], reverse=True)
        least, cuts = [0.0], [0]  # the first so many jobs: what they cost, and where their last batch begins
        for end in range(1, len(order) + 1):
            costs = {}
            for start in range(end - 1, -1, -1):
                jobs, length = self.shape([lengths[index] for index in order[start:end]])
                if start < end - 1 and not (jobs <= self.jobs[-1] and self._fits(jobs, length)):
                    break  # more jobs, and longer ones, will not fit either
                costs[start] = least[start] + (jobs + self.overhead) * length
            cuts.append(min(costs, key=lambda start: costs[start]))
            least.append(costs[cuts[end]])
        made, end = [], len(order)
        while end:
            made.append(order[cuts[end] : end])
            end = cuts[end]
        return made[::-1]

    def _fits(self, jobs: int, length: int) -> bool:
        return jobs == 1 or (jobs * length <= self.budget and length <= self.lengths[-1])


@dataclass(frozen=True, slots=True)
class Lines:
    """The sizes of line on which jobs are packed one after the other (``network.packing``).

    sizes: in blocks, ascending; the last bounds the memory. jobs: on one line at the most.
    """

    sizes: tuple[int, ...]
    jobs: int

    def __post_init__(self) -> None:
        if not self.sizes or list(self.sizes) != sorted(set(self.sizes)) or self.sizes[0] < 1 or self.jobs < 1:
            raise ValueError(f"sizes must ascend from 1 or more, for 1 job or more, but are {self.sizes}, {self.jobs}")

    def size(self, num_blocks: int) -> int:
        """The smallest that holds so many blocks. Raises ValueError beyond the last."""
        for size in self.sizes:
            if size >= num_blocks:
                return size
        raise ValueError(f"{num_blocks} blocks are more than {self.sizes[-1]}")

    def lines(self, blocks: Sequence[int]) -> list[list[int]]:
        """Fill lines, each job onto the first with room for it, longest first: indices into ``blocks``, all of them.

        All lines but the last come out nearly full, and the last is rounded up to the next size: that is all there is
        of padding. No job may be longer than the last size.
        """
        made: list[list[int]] = []
        room: list[int] = []
        for index in sorted(range(len(blocks)), key=lambda index: blocks[index], reverse=True):
            fitting = (n for n, left in enumerate(room) if left >= blocks[index] and len(made[n]) < self.jobs)
            number = next(fitting, None)
            if number is None:
                number = len(made)
                made.append([])
                room.append(self.sizes[-1])
            made[number].append(index)
            room[number] -= blocks[index]
        return made


BYTES_PER_UNIT = 600_000
"""Memory that a unit of audio takes while it is made, at the most.

Counted over the network's live tensors without compilation: 576 kB with a float32 vocoder, 425 kB with a half one. What
goes before takes 26 kB for a token that is encoded, and 9 kB for a step of an LSTM, beside what the
library takes.
"""

_JOBS = (1, 4, 16, 64)
_SIZES = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 640, 768, 896, 1024)
_SHORTEST_LINE = 50
"""Blocks: ten seconds of audio."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Shapes of all stages. The defaults are meant for a card of 8 GB; ``for_memory`` makes others."""

    tokens: Rungs = field(
        default=Rungs((32, 64, 128, 192, 256, 384, 512), (1, 2, 4, 8, 16, 32, 64), budget=8192, overhead=2)
    )
    """Of ``encode``, in tokens, with the two boundary tokens: padding takes as long as what is read."""
    durations: Rungs = field(default=Rungs((64, 128, 256, 512), _JOBS, budget=32768, overhead=64))
    """In tokens too. An LSTM takes about as long for 64 jobs as for one: few and large batches."""
    contour: Rungs = field(
        default=Rungs((64, 128, 192, 256, 384, 512, 768, 1024, 1536), _JOBS, budget=32768, overhead=64)
    )
    """In units of 25 ms of audio; an LSTM as well."""
    speech: Lines = field(default=Lines(_SIZES, _JOBS[-1]))
    """In blocks of eight units. The longest line, 205 s of audio in 5 GB, which with weights and CUDA's own leaves room
    on a card of 8 GB, bounds the memory: a job that does not fit on it is refused."""

    @classmethod
    def for_memory(cls, num_bytes: int) -> Ladder:
        """The ladder whose lines of audio take at most ``num_bytes`` while they are made, weights not counted.

        Raises ValueError where that does not suffice for ten seconds of audio.
        """
        longest = num_bytes // (BYTES_PER_UNIT * BLOCK)
        default = cls()
        if longest < _SHORTEST_LINE:
            raise ValueError(f"{num_bytes} bytes hold {longest * BLOCK / 40:.1f} s of audio, and 10 are needed")
        sizes = (*(size for size in default.speech.sizes if size < longest), longest)
        return replace(default, speech=Lines(sizes, default.speech.jobs))
