"""What stands between convolutions: adaptive instance norm, activation and sum. More than half of a GPU's time, if done
step by step, for it is all memory.

``AdainOps`` in plain torch, the reference; ``worker/model/kernels/adain_gpu`` is the same in as few passes as can be.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from worker.model.network.layers import Region, normalised, statistics

LEAK = 0.2
"""Slope of the leaky ReLUs that follow a norm."""


class Statistics(NamedTuple):
    """Of every channel of each job: both float32 (jobs, channels)."""

    mean: Tensor
    gain: Tensor
    """1 / standard deviation."""


class AdainOps(Protocol):
    """x and h are (1, length, channels) on a line, in float32 or the network's type. ``affine``: see ``Affines``."""

    def statistics(self, x: Tensor, place: Region) -> Statistics:
        """Over each job's own time, 1e-5 added to the variance."""

    def snake(
        self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor], reciprocal: Tensor
    ) -> Tensor:
        """Adaptive instance norm by the statistics ``of`` x, then Snake, ``x + sin(alpha x)^2 / alpha``; 0 in gaps.

        ``affine`` has alpha folded in, so the norm emits ``h = alpha * x`` and Snake is ``(h + sin(h)^2) / alpha``;
        reciprocal: 1 / alpha, (channels,). Source: Snake1D in kokoro 0.9.4 ``istftnet.py``; Liu et al. 2020.
        """

    def leaky(self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor]) -> Tensor:
        """Adaptive instance norm by the statistics ``of`` x, then leaky ReLU; 0 in gaps."""

    def add(self, x: Tensor, h: Tensor, bias: Tensor, place: Region) -> tuple[Tensor, Statistics]:
        """``x + h + bias``, and its statistics. bias: (channels,)."""


class PlainAdainOps:
    """``AdainOps`` in torch's own operators."""

    def statistics(self, x: Tensor, place: Region) -> Statistics:
        return Statistics(*statistics(x, place))

    def snake(
        self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor], reciprocal: Tensor
    ) -> Tensor:
        h = normalised(x, of, place, affine)
        sine = torch.sin(h)
        return ((h + sine * sine) * reciprocal).masked_fill(place.outside, 0.0).to(x.dtype)

    def leaky(self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor]) -> Tensor:
        h = functional.leaky_relu(normalised(x, of, place, affine), LEAK)
        return h.masked_fill(place.outside, 0.0).to(x.dtype)

    def add(self, x: Tensor, h: Tensor, bias: Tensor, place: Region) -> tuple[Tensor, Statistics]:
        made = x + h + bias
        return made, self.statistics(made, place)
