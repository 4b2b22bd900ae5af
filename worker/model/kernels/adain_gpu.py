"""``AdainOps`` in Triton: norm, activation and sum in as few passes over memory as can be.

Plain torch makes about a dozen passes, most of them in float32; here a norm with its activation takes one to read and
one to read and write, and a sum takes its statistics on the way. The reference is ``PlainAdainOps``. Every kernel is
compiled once for a number of channels and of rows to a block, whatever the length of the line, so that no job ever
waits for a compiler.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from worker.model.kernels.adain_triton import apply_kernel, finish_kernel, sum_kernel
from worker.model.network.adain import LEAK, Statistics
from worker.model.network.layers import Region

ROWS = 16
"""Rows of a tile, at the most. Blocks have 8, 16, 160 or 960."""

PARTS = 5
"""Programs to a block where it is long: enough of them where the line is short, and a multiple of ROWS for each."""

WIDE = 256
"""Channels of a tile, at the most."""

PARTIALS = 32
FINISHED = 64
"""Sums added up at once, and for how many channels by one program."""


class TritonAdainOps:
    """``AdainOps`` for a line on a GPU."""

    def statistics(self, x: Tensor, place: Region) -> Statistics:
        return self._summed(x, x, x, x, place, adds=False)

    def snake(
        self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor], reciprocal: Tensor
    ) -> Tensor:
        return self._applied(x, of, place, affine, reciprocal, snakes=True)

    def leaky(self, x: Tensor, of: Statistics, place: Region, affine: tuple[Tensor, Tensor]) -> Tensor:
        return self._applied(x, of, place, affine, x, snakes=False)

    def add(self, x: Tensor, h: Tensor, bias: Tensor, place: Region) -> tuple[Tensor, Statistics]:
        made = torch.empty_like(x)
        return made, self._summed(x, h, bias, made, place, adds=True)

    def _applied(
        self,
        x: Tensor,
        of: Statistics,
        place: Region,
        affine: tuple[Tensor, Tensor],
        reciprocal: Tensor,
        *,
        snakes: bool,
    ) -> Tensor:
        scale, shift = affine
        made = torch.empty_like(x)
        tiles = Tiles.of(x, place)
        style = (of.mean, of.gain, scale, shift, scale.stride(0), reciprocal)
        apply_kernel[tiles.grid](x, made, *style, *_where(place), *tiles.shape, snakes, LEAK)
        return made

    def _summed(self, x: Tensor, h: Tensor, bias: Tensor, made: Tensor, place: Region, *, adds: bool) -> Statistics:
        """Of ``made``: x, or what becomes of x where something is added."""
        tiles, channels = Tiles.of(x, place), x.shape[2]
        partial = torch.empty(tiles.grid[0] * tiles.parts, 2, channels, dtype=torch.float32, device=x.device)
        sum_kernel[tiles.grid](x, h, bias, made, partial, *_where(place), *tiles.shape, adds)
        mean, gain = torch.empty(2, len(place.lengths), channels, dtype=torch.float32, device=x.device)
        wide = min(tiles.wide, FINISHED)
        _, first_blocks, lengths = _where(place)
        finish_kernel[len(lengths), -(-channels // wide)](
            made, partial, mean, gain, first_blocks, lengths, place.rows, channels, wide, tiles.parts, PARTIALS
        )
        return Statistics(mean, gain)


class Tiles(NamedTuple):
    """How a line is cut for the kernels."""

    grid: tuple[int, int, int]
    """Blocks, parts of each, tiles of channels."""
    shape: tuple[int, int, int, int, int]
    """The kernels' constants: rows of a block, channels, channels of a tile, parts, rows of a tile."""
    wide: int
    parts: int

    @classmethod
    def of(cls, x: Tensor, place: Region) -> Tiles:
        channels, block = int(x.shape[2]), place.rows
        parts = PARTS if block % (PARTS * ROWS) == 0 else 1
        wide = min(WIDE, 1 << (channels - 1).bit_length())
        grid = (int(x.shape[1]) // block, parts, -(-channels // wide))
        return cls(grid, (block, channels, wide, parts, min(ROWS, block)), wide, parts)


def _where(place: Region) -> tuple[Tensor, Tensor, Tensor]:
    assert place.packing is not None  # noqa: S101 - the generator's regions are of lines
    return place.packing.owners, place.packing.first_blocks, place.lengths
