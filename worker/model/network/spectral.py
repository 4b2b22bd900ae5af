"""The short-time Fourier transform and its inverse, as products with real matrices.

Both are ``torch.stft`` and ``torch.istft`` with a periodic Hann window, centred frames and reflected edges, as kokoro
0.9.4's ``TorchSTFT`` calls them, at every job's own edges on a line of many; ``n_fft`` is 20, the hop 5.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from worker.model.network.layers import Region
from worker.model.network.parameters import Parameters


def spectrum(p: Parameters, audio: Tensor, frames: Region, hop: int) -> Tensor:
    """Magnitudes before phases: audio (1, samples) -> (1, samples / hop, n_fft + 2), 0 outside ``frames``.

    frames: of the transform: a job has one more than its samples have hops. A frame's first sample is taken off before
    the transform and its known spectrum added after: where the source is constant, as it is unvoiced and without
    noise, the bins that should be 0 are 0, in place of rounding errors whose phases would differ between batches and
    devices.
    """
    analysis = p["stft.analysis"]
    n_fft = analysis.shape[0]
    last = (frames.spread(frames.count).long() - 1) * hop - 1  # a job's last sample, (blocks, 1)
    offset = torch.arange(n_fft, device=audio.device) - n_fft // 2
    begins = torch.arange(frames.position.shape[1], device=audio.device) * hop  # on the line
    since = frames.split(frames.position[..., None] * hop + offset)  # the job began: (blocks, frames, n_fft)
    reflected = torch.minimum(since.abs(), 2 * last[..., None] - since)
    samples = (begins[:, None] + offset) - since.flatten(0, 1) + reflected.flatten(0, 1)
    windows = audio[0][samples.clamp(0, audio.shape[1] - 1)]
    first = windows[:, :1]
    real, imaginary = ((windows - first) @ analysis + first * p["stft.constant"]).chunk(2, dim=1)
    imaginary = imaginary.masked_fill(imaginary == 0, 0.0)  # -0 would turn a phase of pi into -pi
    made = torch.cat([torch.sqrt(real * real + imaginary * imaginary), torch.atan2(imaginary, real)], dim=1)
    return made[None].masked_fill(frames.outside, 0.0)


def inverse_spectrum(p: Parameters, magnitude: Tensor, phase: Tensor, samples: Region, hop: int) -> Tensor:
    """Audio from magnitudes and phases, (1, frames, n_fft / 2 + 1): (1, frames * hop), 0 outside ``samples``.

    Magnitudes must be 0 outside their jobs, each of which has one frame more than its samples have hops.
    """
    synthesis, gains = p["istft.synthesis"], p["istft.edge_gains"]
    n_fft = synthesis.shape[1]
    edge = n_fft // 2
    pieces = torch.cat([magnitude * torch.cos(phase), magnitude * torch.sin(phase)], dim=2) @ synthesis
    pieces = pieces.unflatten(2, (-1, hop))  # (1, frames, 4, hop): each hop is shared by four frames
    late = n_fft // hop - 1
    summed = [functional.pad(pieces[:, :, delay], (0, 0, delay, late - delay)) for delay in range(late + 1)]
    audio = torch.stack(summed).sum(0).flatten(1)[:, edge : edge + samples.position.shape[1]]
    ends = samples.spread(samples.count).long()
    from_end = (samples.split(samples.position[..., None])[..., 0] - ends).view(samples.position.shape)
    place = torch.where(from_end >= -edge, from_end + n_fft + 1, samples.position.clamp_max(edge))
    return (audio * gains[place.clamp_max(n_fft)]).masked_fill(samples.outside[..., 0], 0.0)
