"""What the device knows of jobs on one line (``placement``)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Packing(NamedTuple):
    """A ``Placement``, as tensors."""

    owners: Tensor
    first_blocks: Tensor
    units: Tensor

    def spread(self, values: Tensor) -> Tensor:
        """Every block gets its job's: (jobs, ...) -> (blocks, ...)."""
        return values[self.owners]

    def total(self, sums: Tensor) -> Tensor:
        """Add up each job's blocks: float32 (blocks, channels) -> (jobs, channels).

        One job's infinities are nobody else's: they count as 0 here, and are found in its audio.
        """
        jobs = torch.arange(len(self.units), device=sums.device)
        members = (self.owners == jobs[:, None]).to(sums.dtype)  # (jobs, blocks)
        return members @ sums.nan_to_num(0.0, 0.0, 0.0)
