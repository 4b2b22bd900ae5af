"""The layers Kokoro is made of, over rows (batch, length, channels).

``module`` is always the module's path in the official state dict.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from worker.model.network.packing import Packing
from worker.model.network.parameters import PAD_FEATURES, Parameters, StyleTable
from worker.model.network.placement import BLOCK

NORM_EPS = 1e-5
"""torch's default epsilon, in every norm but ALBERT's."""


class Region(NamedTuple):
    """Where each job of a batch is, at one resolution of time: in a row of its own, or with others on one line."""

    inside: Tensor
    """bool (batch, length, 1): whether a job is there."""
    outside: Tensor
    """Its opposite."""
    count: Tensor
    """float32 (jobs, 1): how long each is, 1 where it is not there at all."""
    position: Tensor
    """int64 (batch, length): rows since the job began."""
    lengths: Tensor
    """int64 (jobs,): ``count``, and 0 where a job is not there."""
    packing: Packing | None = None
    """Of a line; its jobs' rows are all in the batch's only row."""
    rows: int = 0
    """Of a block, on a line."""

    def split(self, x: Tensor) -> Tensor:
        """(batch, length, channels) as pieces of one job each: (pieces, rows, channels), its own row or a block."""
        return x if self.packing is None else x.reshape(len(self.packing.owners), -1, x.shape[2])

    def spread(self, values: Tensor) -> Tensor:
        """To every piece what is its job's: (jobs, ...) -> (pieces, ...)."""
        return values if self.packing is None else self.packing.spread(values)


class Places(NamedTuple):
    """The same jobs at two resolutions."""

    units: Region
    frames: Region


Affines = dict[str, tuple[Tensor, Tensor]]
"""Scale and shift, each float32 (jobs, channels), by the module that applies them."""


def region(lengths: Tensor, size: int) -> Region:
    """Every job in a row of its own. lengths: int64 (batch,), each 1 to ``size``."""
    position = torch.arange(size, device=lengths.device).expand(len(lengths), -1)
    inside = (position < lengths[:, None])[..., None]
    return Region(inside, ~inside, lengths[:, None].float(), position, lengths)


def packed_region(packing: Packing, rate: int, extra: int = 0) -> Region:
    """Jobs on a line that has ``rate`` rows for a unit; every job is ``extra`` rows longer."""
    blocks = torch.arange(len(packing.owners), device=packing.owners.device)
    since = (blocks - packing.spread(packing.first_blocks)) * (BLOCK * rate)
    position = since[:, None] + torch.arange(BLOCK * rate, device=blocks.device)  # (blocks, rows)
    lengths = packing.units * rate + extra * (packing.units > 0)
    inside = (position < packing.spread(lengths)[:, None]).reshape(1, -1, 1)
    count = lengths[:, None].clamp_min(1).float()
    return Region(inside, ~inside, count, position.reshape(1, -1), lengths, packing, BLOCK * rate)


def linear(p: Parameters, x: Tensor, module: str) -> Tensor:
    """Fully connected layer over the last axis: (..., inputs) -> (..., outputs)."""
    return functional.linear(x, p[f"{module}.weight"], p[f"{module}.bias"])


def conv(
    p: Parameters,
    x: Tensor,
    module: str,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: int | None = None,
    bias: bool = True,
) -> Tensor:
    """1-D convolution; padded with zeros to keep the length unless told otherwise. ``x`` must be 0 outside its region.

    bias: whether to add its own; cuDNN makes another pass over the output for it.

    As a 2-D convolution of height 1, for which rows are channels-last memory as they stand.
    """
    weight, offset = p[f"{module}.weight"], p.get(f"{module}.bias") if bias else None
    if weight.shape[1] > x.shape[2]:
        x = functional.pad(x, (0, weight.shape[1] - x.shape[2]))
    if weight.ndim == 2:
        return functional.linear(x, weight, offset)
    side = dilation * (weight.shape[3] - 1) // 2 if padding is None else padding
    made = functional.conv2d(_as_image(x), weight, offset, (1, stride), (0, side), (1, dilation))
    return _as_rows(made)


def conv_transpose(p: Parameters, x: Tensor, module: str, *, stride: int) -> Tensor:
    """1-D transposed convolution that makes the length ``stride`` times as long; as ``conv``."""
    weight = p[f"{module}.weight"]
    side = (weight.shape[3] - stride) // 2
    made = functional.conv_transpose2d(_as_image(x), weight, p[f"{module}.bias"], (1, stride), (0, side))
    return _as_rows(made)


def bidirectional_lstm(p: Parameters, x: Tensor, place: Region, module: str) -> Tensor:
    """One bidirectional LSTM layer: (batch, length, inputs) -> (batch, length, 2 * hidden), forward half first.

    Padding is on the right, where the backward direction starts. A feature that is 1 there shuts the input gate, so
    cell and output stay exactly 0 until the job's last step, as if it began there. The forward direction's output in
    padding is meaningless, as is every layer's. One call for the whole batch: nothing is packed, flipped or asked of
    the CPU.
    """
    flag = functional.pad(place.outside.float(), (0, PAD_FEATURES - 1))
    return _lstm(torch.cat([x, flag], dim=2), p.lstms[module])


def style_affines(table: StyleTable, style: Tensor) -> Affines:
    """All scales (1 + gamma) and shifts (beta) that styles (jobs, 128) ask for: ``AdaIN1d`` of StyleTTS 2."""
    made = functional.linear(style, table.weight, table.bias)
    return {
        module: (made[:, start : start + channels], made[:, start + channels : start + 2 * channels])
        for module, start, channels in table.spans
    }


def statistics(x: Tensor, place: Region) -> tuple[Tensor, Tensor]:
    """Mean and 1 / standard deviation of every channel over each job's own time: each float32 (jobs, channels).

    Sum and sum of squares are taken in one pass, relative to the job's first row, which keeps the difference of
    squares from cancelling (Chan, Golub & LeVeque 1983, shifted data).
    """
    pieces = place.split(x)
    first = pieces[:, 0] if place.packing is None else pieces[place.packing.first_blocks, 0]
    first = first.float()
    moved = (pieces.float() - place.spread(first)[:, None]).masked_fill(place.split(place.outside), 0.0)
    sums, squares = moved.sum(1), (moved * moved).sum(1)
    if place.packing is not None:
        sums, squares = place.packing.total(sums), place.packing.total(squares)
    mean = sums / place.count
    variance = squares / place.count - mean * mean
    return first + mean, torch.rsqrt(variance.clamp_min(0.0) + NORM_EPS)


def normalised(x: Tensor, mean_and_gain: tuple[Tensor, Tensor], place: Region, affine: tuple[Tensor, Tensor]) -> Tensor:
    """Adaptive instance norm by ``statistics``: less the mean, over the deviation, scaled and shifted; float32."""
    (mean, gain), (scale, shift) = mean_and_gain, affine
    mean, gain, shift = (place.spread(each)[:, None] for each in (mean, gain * scale, shift))
    return ((place.split(x).float() - mean) * gain + shift).view(x.shape)


def _as_image(x: Tensor) -> Tensor:
    """Rows as (batch, channels, 1, length), channels last in memory: a view."""
    return x.transpose(1, 2).unsqueeze(2)


def _as_rows(x: Tensor) -> Tensor:
    """(batch, channels, 1, length) as rows; a view of channels-last memory, else a copy."""
    return x.squeeze(2).transpose(1, 2).contiguous()


def _run_lstm(x: Tensor, weights: list[Tensor]) -> Tensor:
    zeros = x.new_zeros(2, x.shape[0], weights[1].shape[1])
    made, _, _ = torch.lstm(x, (zeros, zeros), weights, True, 1, 0.0, False, True, True)  # by position: it is a builtin
    return made.contiguous()


def _lstm_shape(x: Tensor, weights: list[Tensor]) -> Tensor:
    return x.new_empty(x.shape[0], x.shape[1], 2 * weights[1].shape[1])


# An operator of its own, so that torch.compile calls the library's LSTM instead of unrolling its steps.
_lstm = torch.library.custom_op(
    "kokoro_fleet::bidirectional_lstm", _run_lstm, mutates_args=(), schema="(Tensor x, Tensor[] weights) -> Tensor"
)
_lstm.register_fake(_lstm_shape)
