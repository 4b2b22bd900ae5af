"""The harmonic source: what the vocal folds would do at the given pitch, with breath where there is none."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from worker.model.network.layers import Region
from worker.model.network.parameters import Parameters

VOICED_NOISE = 0.003
"""Noise beside the sines, from ``SineGen``; unvoiced, it is a third of the sines' amplitude."""

_TURN = 1 << 40
"""One turn of phase as an integer: sums of such are exact, in whatever order a device takes them."""


def harmonic_source(p: Parameters, pitch: Tensor, frames: Region, noise: Tensor | None) -> Tensor:
    """A weighted sum of nine sines at multiples of the pitch, silent where it is unvoiced, plus noise.

    pitch: hertz, (1, frames), 80 frames per second. noise: standard normal, (1, 300 * frames), or None for none.
    Returns (1, 300 * frames); between jobs it has no meaning. Source: ``SourceModuleHnNSF`` in kokoro 0.9.4
    ``istftnet.py``, but for its noise: there, each harmonic has one of its own, of the same size; here, one noise
    stands for their weighted sum, which is distributed alike. Upstream's random initial phase changes nothing: it is
    added to a frame's first sample, and the interpolation to frames reads only the two in the middle.
    """
    config = p.config.generator
    sines = torch.sin(_turns(p, pitch, frames) * (2 * math.pi)) * config.sine_amplitude  # (1, samples, 9)
    voiced = (pitch > config.voiced_threshold_hz).float().repeat_interleave(config.samples_per_frame, dim=1)
    made = (sines * p["source.merge"]).sum(2) * voiced
    if noise is not None:
        unvoiced_noise = config.sine_amplitude / 3
        amplitude = unvoiced_noise + (VOICED_NOISE - unvoiced_noise) * voiced
        made = made + noise * amplitude * p["source.noise_gain"]
    return torch.tanh(made + p["decoder.generator.m_source.l_linear.bias"])


def _turns(p: Parameters, pitch: Tensor, frames: Region) -> Tensor:
    """Phase of every harmonic in turns: (1, frames) -> (1, 300 * frames, 9).

    Upstream takes each harmonic's turns per sample at the middle of every frame, sums them over frames, and
    interpolates the sums linearly to samples, constant before the first middle and after the last. So within the
    stretch from the middle of frame i to that of frame i + 1, sample j has turned by ``300 * sum(turns[:i + 1]) + (j
    + 1/2) * turns[i + 1]``. Past a job's last frame nothing turns. The sums are exact integers, whole turns taken
    out; upstream's float32 sums are off by some hundredths of a radian after half a minute.
    """
    config = p.config.generator
    size = config.samples_per_frame
    cycles = pitch[..., None] * p["source.harmonics"] / config.sample_rate
    per_sample = (cycles - torch.floor(cycles)).masked_fill(frames.outside, 0.0)  # (1, frames, 9)
    per_frame = ((per_sample * _TURN).long() * size) & (_TURN - 1)
    starts = (_sums(per_frame, frames) & (_TURN - 1)).float() * (1 / _TURN)
    # Stretch i ends in the middle of frame i. A job's first does not turn, nor does what follows its last middle.
    begins = (frames.position == 0)[..., None]
    since = torch.where(begins, starts, functional.pad(starts[:, :-1], (0, 0, 1, 0)))
    starts = torch.cat([since, starts[:, -1:]], dim=1)
    rates = functional.pad(per_sample.masked_fill(begins, 0.0), (0, 0, 0, 1))
    turned = starts[:, :, None] + rates[:, :, None] * p["source.steps"][:, None]  # (1, frames + 1, 300, 9)
    return turned.flatten(1, 2)[:, size // 2 : -(size // 2)]


def _sums(per_frame: Tensor, frames: Region) -> Tensor:
    """What each job has turned by since it began: int64, shape kept. The sum over all the line is exact as well."""
    whole = torch.cumsum(per_frame, dim=1)
    if frames.packing is None:
        return whole
    pieces = frames.split(whole - per_frame)
    before = pieces[frames.packing.first_blocks, 0]  # (jobs, 9)
    return (frames.split(whole) - frames.spread(before)[:, None]).view(whole.shape)
