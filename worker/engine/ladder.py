"""The few shapes that batches are padded to, so that each can be compiled and captured before the first job comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Shape = tuple[int, int]
"""Jobs in a batch, and their padded length."""


@dataclass(frozen=True, slots=True)
class Rungs:
    """The shapes of one stage: every length with as many jobs as the budget bears.

    lengths, jobs: ascending; jobs begins with 1. budget: jobs times length at the most; a job alone may have any rung's
    length.
    """

    lengths: tuple[int, ...]
    jobs: tuple[int, ...]
    budget: int

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
        """Sort jobs by length and cut them into batches within the budget: indices into ``lengths``, longest first.

        Jobs of like length share a batch, so little is padded. A job longer than every rung is a batch of its own.
        """
        order = sorted(range(len(lengths)), key=lambda index: lengths[index], reverse=True)
        made: list[list[int]] = []
        while order:
            _, length = self.shape([lengths[order[0]]])
            room = max((jobs for jobs in self.jobs if self._fits(jobs, length)), default=1)
            made.append(order[:room])
            order = order[room:]
        return made

    def _fits(self, jobs: int, length: int) -> bool:
        return jobs == 1 or (jobs * length <= self.budget and length <= self.lengths[-1])


BYTES_PER_UNIT = 600_000
"""Memory that a unit of audio takes while it is made, at the most.

Counted over the network's live tensors without compilation: 585 kB with a float32 vocoder, 424 kB with a half one.
"""

SPEECH_BUDGET = 8192
"""Units: 205 s of audio in 5 GB, which with weights and CUDA's own leaves room on a card of 8 GB."""

_JOBS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Shapes of both stages. The defaults are meant for a card of 8 GB; ``for_memory`` makes others."""

    text: Rungs = field(default=Rungs((32, 64, 128, 192, 256, 384, 512), _JOBS, budget=4096))
    """In tokens, with the two boundary tokens."""
    speech: Rungs = field(default=Rungs((64, 128, 192, 256, 384, 512, 768, 1024, 1536), _JOBS, budget=SPEECH_BUDGET))
    """In units of 25 ms of audio, whose number bounds the memory: a job of more units than the budget is refused."""

    @classmethod
    def for_memory(cls, num_bytes: int) -> Ladder:
        """The ladder whose batches of audio take at most ``num_bytes`` while they are made, weights not counted.

        Raises ValueError where that does not suffice for ten seconds of audio.
        """
        budget = num_bytes // BYTES_PER_UNIT
        default = cls()
        if budget < 400:
            raise ValueError(f"{num_bytes} bytes hold {budget / 40:.1f} s of audio, and 10 are needed")
        lengths = tuple(length for length in default.speech.lengths if length <= budget)
        return cls(default.text, Rungs(lengths, default.speech.jobs, budget))
