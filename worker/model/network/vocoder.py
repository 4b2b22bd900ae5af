"""From aligned text, pitch, loudness and the harmonic source to audio: nine tenths of all the arithmetic.

All jobs of a batch are on one line (``packing``), so every tensor here is (1, rows, channels).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from worker.model.network.adain import AdainOps, Statistics
from worker.model.network.layers import (
    Affines,
    Places,
    Region,
    conv,
    conv_transpose,
    packed_region,
)
from worker.model.network.packing import Packing
from worker.model.network.parameters import Parameters
from worker.model.network.residual import ResidualBlocks
from worker.model.network.spectral import inverse_spectrum

_BLOCKS = 4
"""Residual blocks after the first; the last of them doubles the length."""


def decoder(
    p: Parameters, text: Tensor, curves: tuple[Tensor, Tensor], affines: Affines, places: Places, *, ops: AdainOps
) -> Tensor:
    """``Decoder`` without its generator: features (1, frames, 512).

    text: rows (1, units, 512), finite and of no meaning in gaps; curves: F0 and N, each (1, frames), likewise. Source:
    kokoro 0.9.4 ``istftnet.py``.
    """
    silent = places.frames.outside[..., 0]
    f0, n = (
        functional.conv1d(
            curve.masked_fill(silent, 0.0)[:, None],
            p[f"{module}.weight"],
            p[f"{module}.bias"],
            stride=2,
            padding=1,
        )
        for curve, module in zip(curves, ("decoder.F0_conv", "decoder.N_conv"), strict=True)
    )
    guides = torch.cat([f0, n], dim=1).transpose(1, 2).to(p.dtype)  # (1, units, 2)
    text = text.to(p.dtype)
    block = ResidualBlocks(p, ops, affines)
    h = block(torch.cat([text, guides], dim=2), places.units, places.units, "decoder.encode")
    residual = conv(p, text, "decoder.asr_res.0")  # (1, units, 64)
    for number in range(_BLOCKS):
        after = places.units if number + 1 < _BLOCKS else places.frames
        joined = torch.cat([h, residual, guides], dim=2)  # (1, units, 1090)
        h = block(joined, places.units, after, f"decoder.decode.{number}")
    return h


def generator(
    p: Parameters, features: Tensor, source: Tensor, affines: Affines, packing: Packing, *, ops: AdainOps
) -> Tensor:
    """iSTFTNet: ``Generator`` of kokoro 0.9.4 ``istftnet.py``; Kaneko et al. 2022.

    features: (1, frames, 512); source: the harmonic source's spectrum, (1, 60 * frames, 22). Returns float32 audio
    (1, 300 * frames), 0 between jobs. The transform that ends it is float32 whatever the network's type.
    """
    config = p.config.generator
    h, place, rate = features, packed_region(packing, 2), 2
    source = source.to(p.dtype)
    for stage, stride in enumerate(config.upsample_rates):
        last = stage + 1 == len(config.upsample_rates)
        h = functional.leaky_relu(h, 0.1).masked_fill(place.outside, 0.0)
        h = conv_transpose(p, h, f"decoder.generator.ups.{stage}", stride=stride)
        rate *= stride
        place = packed_region(packing, rate, extra=int(last))
        if last:
            h = _one_row_more(h, place)
        blocks = _Blocks(p, ops, affines, place)
        h = blocks.refine(h + blocks.excitation(source, stage), stage)
    h = functional.leaky_relu(h, 0.01).masked_fill(place.outside, 0.0)
    h = conv(p, h, "decoder.generator.conv_post").float()
    bins = config.n_fft // 2 + 1
    magnitude = torch.exp(h[..., :bins]).masked_fill(place.outside, 0.0)
    phase = torch.sin(h[..., bins : 2 * bins])
    samples = packed_region(packing, rate * config.hop)
    return inverse_spectrum(p, magnitude, phase, samples, config.hop)


def _one_row_more(h: Tensor, place: Region) -> Tensor:
    """A row before each job's first, equal to its second, as centred frames of the inverse transform need."""
    before = functional.pad(h[:, :-1], (0, 0, 1, 0))
    after = functional.pad(h[:, 1:], (0, 0, 0, 1))
    return torch.where((place.position == 0)[..., None], after, before)


class _Blocks:
    """The residual blocks of one stage, at its resolution."""

    def __init__(self, p: Parameters, ops: AdainOps, affines: Affines, place: Region) -> None:
        self._p, self._ops, self._affines, self._place = p, ops, affines, place

    def excitation(self, source: Tensor, stage: int) -> Tensor:
        """The source's spectrum, brought to the stage's resolution and channels."""
        rates = self._p.config.generator.upsample_rates
        module = f"decoder.generator.noise_convs.{stage}"
        stride = 1 if stage + 1 == len(rates) else rates[stage + 1]
        padding = 0 if stride == 1 else (stride + 1) // 2
        made = conv(self._p, source, module, stride=stride, padding=padding)
        statistics = self._ops.statistics(made, self._place)
        return self._residual(made, statistics, f"decoder.generator.noise_res.{stage}")

    def refine(self, h: Tensor, stage: int) -> Tensor:
        """The mean of three residual blocks of different reach."""
        count = len(self._p.config.generator.resblock_kernels)
        statistics = self._ops.statistics(h, self._place)
        names = [f"decoder.generator.resblocks.{stage * count + index}" for index in range(count)]
        made = self._residual(h, statistics, names[0])
        for name in names[1:]:
            made = made + self._residual(h, statistics, name)
        return made / count

    def _residual(self, x: Tensor, statistics: Statistics, module: str) -> Tensor:
        """``AdaINResBlock1``: three steps, a dilated and a plain convolution, each after a Snake.

        The dilated convolution's bias is left out: the norm after it would take it away again.
        """
        p, ops, place = self._p, self._ops, self._place
        for step, dilation in enumerate(p.config.generator.resblock_dilations):
            first, second = ((f"{module}.adain{half}.{step}", f"{module}.alpha{half}.{step}") for half in "12")
            h = ops.snake(x, statistics, place, self._affines[first[0]], p[first[1]])
            h = conv(p, h, f"{module}.convs1.{step}", dilation=dilation, bias=False)
            h = ops.snake(h, ops.statistics(h, place), place, self._affines[second[0]], p[second[1]])
            h = conv(p, h, f"{module}.convs2.{step}", bias=False)
            x, statistics = ops.add(x, h, p[f"{module}.convs2.{step}.bias"], place)
        return x
