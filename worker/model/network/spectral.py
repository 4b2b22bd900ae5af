"""The short-time Fourier transform and its inverse, as products with real matrices.

Both are ``torch.stft`` and ``torch.istft`` with a periodic Hann window, centred frames and reflected edges, as kokoro
0.9.4's ``TorchSTFT`` calls them, at every job's own edges; ``n_fft`` is 20, the hop 5.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from worker.model.network.parameters import Parameters


def spectrum(p: Parameters, audio: Tensor, num_samples: Tensor, hop: int) -> Tensor:
    """Magnitudes before phases: audio (batch, samples) -> rows (batch, samples / hop + 1, n_fft + 2).

    num_samples: int64 (batch,), where each job ends and is reflected. A frame's first sample is taken off before the
    transform and its known spectrum added after: where the source is constant, as it is unvoiced and without noise,
    the bins that should be 0 are 0, in place of rounding errors whose phases would differ between batches and devices.
    """
    analysis = p["stft.analysis"]
    n_fft = analysis.shape[0]
    edge, ends = n_fft // 2, num_samples[:, None]
    position = torch.arange(-edge, audio.shape[1] + edge, device=audio.device).expand(len(audio), -1)
    reflected = torch.where(position < ends, position.abs(), 2 * (ends - 1) - position)
    frames = audio.gather(1, reflected.clamp_min(0)).unfold(1, n_fft, hop)  # (batch, samples / hop + 1, n_fft)
    first = frames[..., :1]
    real, imaginary = ((frames - first) @ analysis + first * p["stft.constant"]).chunk(2, dim=2)
    imaginary = imaginary.masked_fill(imaginary == 0, 0.0)  # -0 would turn a phase of pi into -pi
    return torch.cat([torch.sqrt(real * real + imaginary * imaginary), torch.atan2(imaginary, real)], dim=2)


def inverse_spectrum(p: Parameters, magnitude: Tensor, phase: Tensor, num_samples: Tensor, hop: int) -> Tensor:
    """Audio from magnitudes and phases, rows (batch, frames, n_fft / 2 + 1): (batch, (frames - 1) * hop).

    Magnitudes must be 0 past a job's own end, which is at ``num_samples``, int64 (batch,); so is the audio then.
    """
    synthesis, gains = p["istft.synthesis"], p["istft.edge_gains"]
    n_fft = synthesis.shape[1]
    edge = n_fft // 2
    pieces = torch.cat([magnitude * torch.cos(phase), magnitude * torch.sin(phase)], dim=2) @ synthesis
    pieces = pieces.unflatten(2, (-1, hop))  # (batch, frames, 4, hop): each hop is shared by four frames
    late = n_fft // hop - 1
    summed = [functional.pad(pieces[:, :, delay], (0, 0, delay, late - delay)) for delay in range(late + 1)]
    audio = torch.stack(summed).sum(0).flatten(1)[:, edge:-edge]
    position = torch.arange(audio.shape[1], device=audio.device)
    from_end = position - num_samples[:, None]  # below 0 inside the job
    place = torch.where(from_end >= -edge, from_end + n_fft + 1, position.clamp_max(edge))
    return (audio * gains[place.clamp_max(n_fft)]).masked_fill(from_end >= 0, 0.0)
