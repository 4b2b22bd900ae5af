"""Jobs packed on a line, as tests need it. Needs torch."""

from __future__ import annotations

from typing import Any

import torch

from worker.model.network.packing import Packing
from worker.model.network.placement import BLOCK, blocks_of, place


class Line:
    """A line with jobs of so many units, ``spare`` blocks longer than need be."""

    def __init__(self, units: list[int], spare: int = 0) -> None:
        self._units = units
        self._blocks = sum(map(blocks_of, units)) + spare
        self._placed = place(units, self._blocks, len(units) + 1)
        self.packing = Packing(*map(torch.from_numpy, self._placed))

    def join(self, parts: list[Any], garbage: float = 0.0) -> Any:
        """Each job's rows at its place, ``garbage`` between: (units * n, ...) each -> (1, blocks * BLOCK * n, ...)."""
        rate = len(parts[0]) // self._units[0]
        made = garbage * torch.randn(1, self._blocks * BLOCK * rate, *parts[0].shape[1:])
        for part, start in zip(parts, self.starts(rate), strict=True):
            made[0, start : start + len(part)] = part
        return made

    def parts(self, line: Any) -> list[Any]:
        """Each job's part of (1, blocks * BLOCK * n, ...)."""
        rate = line.shape[1] // (self._blocks * BLOCK)
        starts = self.starts(rate)
        return [line[0, start : start + count * rate] for count, start in zip(self._units, starts, strict=True)]

    def cut(self, line: Any) -> list[Any]:
        """``parts``; between them there must be silence."""
        made = [part.clone() for part in self.parts(line)]
        left = line.clone()
        for part in self.parts(left):
            part.zero_()
        assert not left.any()
        return made

    def of_jobs(self, values: Any) -> Any:
        """One more row, for the blocks that nobody owns."""
        return torch.cat([values, torch.zeros_like(values[:1])])

    def starts(self, rate: int) -> list[int]:
        """Each job's first row where there are ``rate`` to a unit."""
        return [int(block) * BLOCK * rate for block in self._placed.first_blocks[: len(self._units)]]
