"""What stands between the generator's convolutions: norm, Snake and sum. Half of a GPU's time, for it is all memory.

``SnakeOps`` in plain torch, the reference; ``worker/model/kernels/snake_gpu`` is the same in as few passes as can be.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from worker.model.network.layers import Region, normalised, statistics


class Statistics(NamedTuple):
    """Of every channel of each job: both float32 (jobs, channels)."""

    mean: Tensor
    gain: Tensor
    """1 / standard deviation."""


class SnakeOps(Protocol):
    """x and h are rows on a line, (1, length, channels), in the network's type."""

    def statistics(self, x: Tensor, place: Region) -> Statistics:
        """Over each job's own time, 1e-5 added to the variance."""

    def snake(
        self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor], reciprocal: Tensor
    ) -> Tensor:
        """Adaptive instance norm by the statistics ``of`` x, then Snake, ``x + sin(alpha x)^2 / alpha``; 0 in gaps.

        ``affine`` has alpha folded in, so the norm emits ``h = alpha * x`` and Snake is ``(h + sin(h)^2) / alpha``;
        reciprocal: 1 / alpha, (channels,). Source: Snake1D in kokoro 0.9.4 ``istftnet.py``; Liu et al. 2020.
        """

    def add(self, x: Tensor, h: Tensor, bias: Tensor, place: Region) -> tuple[Tensor, Statistics]:
        """``x + h + bias``, and its statistics. bias: (channels,)."""


class PlainSnakeOps:
    """``SnakeOps`` in torch's own operators."""

    def statistics(self, x: Tensor, place: Region) -> Statistics:
        return Statistics(*statistics(x, place))

    def snake(
        self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor], reciprocal: Tensor
    ) -> Tensor:
        h = normalised(x, of, place, affine)
        sine = torch.sin(h)
        return ((h + sine * sine) * reciprocal).masked_fill(place.outside, 0.0).to(x.dtype)

    def add(self, x: Tensor, h: Tensor, bias: Tensor, place: Region) -> tuple[Tensor, Statistics]:
        made = x + h + bias
        return made, self.statistics(made, place)
