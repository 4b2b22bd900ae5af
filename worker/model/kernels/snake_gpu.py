"""``SnakeOps`` in Triton: norm, Snake and sum in as few passes over memory as can be.

Plain torch makes about a dozen passes, most of them in float32; here a norm with its Snake takes one to read and one
to read and write, and a sum takes its statistics on the way. The reference is ``PlainSnakeOps``. Every kernel is
compiled once for a number of channels and of rows to a block, whatever the length of the line, so that no job ever
waits for a compiler.
"""

from __future__ import annotations

import torch
from torch import Tensor

from worker.model.kernels.snake_triton import finish_kernel, snake_kernel, sum_kernel
from worker.model.network.layers import Region
from worker.model.network.snake import Statistics

ROWS = 16
"""Rows of a tile. A block has a multiple of it: 160 and 960."""

PARTS = 5
"""Programs to a block: enough of them where the line is short, and a multiple of ROWS for each."""

PARTIALS = 32
CHANNELS = 64
"""Sums added up at once, and for how many channels by one program."""


class TritonSnakeOps:
    """``SnakeOps`` for a line on a GPU, of channels that are a power of two."""

    def statistics(self, x: Tensor, place: Region) -> Statistics:
        return self._summed(x, x, x, x, place, adds=False)

    def snake(
        self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor], reciprocal: Tensor
    ) -> Tensor:
        scale, shift = affine
        made = torch.empty_like(x)
        style = (of.mean, of.gain, scale, shift, scale.stride(0), reciprocal)
        snake_kernel[_blocks(x, place), PARTS](x, made, *style, *_where(place), place.rows, x.shape[2], PARTS, ROWS)
        return made

    def add(self, x: Tensor, h: Tensor, bias: Tensor, place: Region) -> tuple[Tensor, Statistics]:
        made = torch.empty_like(x)
        return made, self._summed(x, h, bias, made, place, adds=True)

    def _summed(self, x: Tensor, h: Tensor, bias: Tensor, made: Tensor, place: Region, *, adds: bool) -> Statistics:
        """Of ``made``: x, or what becomes of x where something is added."""
        channels, blocks, rows = x.shape[2], _blocks(x, place), place.rows
        partial = torch.empty(blocks * PARTS, 2, channels, dtype=torch.float32, device=x.device)
        sum_kernel[blocks, PARTS](x, h, bias, made, partial, *_where(place), rows, channels, PARTS, ROWS, adds)
        mean, gain = torch.empty(2, len(place.lengths), channels, dtype=torch.float32, device=x.device)
        wide = min(channels, CHANNELS)
        _, first_blocks, lengths = _where(place)
        finish_kernel[len(lengths), channels // wide](
            made, partial, mean, gain, first_blocks, lengths, rows, channels, wide, PARTS, PARTIALS
        )
        return Statistics(mean, gain)


def _where(place: Region) -> tuple[Tensor, Tensor, Tensor]:
    assert place.packing is not None  # noqa: S101 - the generator's regions are of lines
    return place.packing.owners, place.packing.first_blocks, place.lengths


def _blocks(x: Tensor, place: Region) -> int:
    return int(x.shape[1]) // place.rows
