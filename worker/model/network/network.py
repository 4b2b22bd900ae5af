"""The network in stages, between which a batch may be formed anew."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.model.config import KOKORO_V1, KokoroConfig
from worker.model.network.curves import pitch_and_loudness
from worker.model.network.layers import Places, linear, region, style_affines
from worker.model.network.noise import normal_noise
from worker.model.network.parameters import Parameters
from worker.model.network.source import harmonic_source
from worker.model.network.spectral import spectrum
from worker.model.network.text import albert, duration_encoder, durations, text_encoder
from worker.model.network.vocoder import decoder, generator
from worker.model.state_dict import StateDict

FRAMES_PER_UNIT = 2


class Network:
    """Kokoro-82M for padded batches: every job comes out as it would alone.

    weights: a complete state dict (``weights.load_state_dict``). dtype: of the decoder and generator, where nine
    tenths of the arithmetic are; text, durations, pitch, the source's phase and the last Fourier transform are always
    float32. Styles are float32 (batch, 256), lengths int64 (batch,), each at least 1. Run it under
    ``torch.inference_mode``.
    """

    def __init__(
        self,
        weights: StateDict,
        config: KokoroConfig = KOKORO_V1,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.config = config
        self.device = torch.device(device)
        self._p = Parameters(weights, config, self.device, dtype)

    def text(self, tokens: Tensor, lengths: Tensor, style: Tensor, speed: Tensor) -> tuple[Tensor, Tensor]:
        """Durations and encodings of tokens.

        tokens: int64 (batch, n) with the boundary zeros, padded with any valid id; speed: float32 (batch,). Returns
        durations in units, int64 (batch, n), 0 in padding; and rows float32 (batch, n, 1024), the duration encoder's
        512 channels before the text encoder's.
        """
        place = region(lengths, tokens.shape[1])
        prosody = style[:, self.config.style :]
        encoded = linear(self._p, albert(self._p, tokens, place), "bert_encoder")
        encoded = duration_encoder(self._p, encoded, prosody, place)
        lasts = durations(self._p, encoded, prosody, speed, place)
        return lasts, torch.cat([encoded, text_encoder(self._p, tokens, place)], dim=2)

    def curves(self, aligned: Tensor, units: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """F0 in hertz and the loudness curve N: each float32 (batch, 2 * length); meaningless in padding.

        aligned: encodings, a row for every unit, (batch, length, 1024); units: lengths.
        """
        encoded = aligned[..., : self.config.hidden]
        return pitch_and_loudness(self._p, encoded, style[:, self.config.style :], _places(aligned, units))

    def source_spectrum(self, f0: Tensor, units: Tensor, noise: Tensor | None) -> Tensor:
        """Magnitudes and phases of the harmonic source: rows float32 (batch, 60 * frames + 1, 22).

        f0: (batch, frames) as ``curves`` returns it. noise: standard normal, (batch, 300 * frames), or None.
        """
        num_frames = units * FRAMES_PER_UNIT
        audio = harmonic_source(self._p, f0, region(num_frames, f0.shape[1]), noise)
        generator = self.config.generator
        return spectrum(self._p, audio, num_frames * generator.samples_per_frame, generator.hop)

    def waveform(
        self, aligned: Tensor, curves: tuple[Tensor, Tensor], source: Tensor, units: Tensor, style: Tensor
    ) -> Tensor:
        """Audio, float32 (batch, 600 * length), 0 past a job's end, from what the other stages returned."""
        affines = style_affines(self._p.vocoder_styles, style[:, : self.config.style])
        features = decoder(self._p, aligned[..., self.config.hidden :], curves, affines, _places(aligned, units))
        return generator(self._p, features, source, affines, units * FRAMES_PER_UNIT)

    def speech(self, aligned: Tensor, units: Tensor, style: Tensor, seeds: Tensor | None) -> Tensor:
        """``curves``, ``source_spectrum`` and ``waveform`` in one: audio float32 (batch, 600 * length).

        seeds: of each job's noise, int64 (batch,), or None for none.
        """
        curves = self.curves(aligned, units, style)
        num_samples = curves[0].shape[1] * self.config.generator.samples_per_frame
        noise = None if seeds is None else normal_noise(seeds, num_samples)
        return self.waveform(aligned, curves, self.source_spectrum(curves[0], units, noise), units, style)


def unit_rows(durations: NDArray[np.int64], length: int, start: int = 0) -> NDArray[np.int64]:
    """Which row of encodings every unit reads: durations (n,), rows from ``start`` on -> int64 (length,), 0 in padding.

    On the CPU, which needs the durations anyway to know what to run next.
    """
    rows = np.zeros(length, np.int64)
    total = int(durations.sum())
    rows[:total] = np.repeat(np.arange(start, start + len(durations)), durations)
    return rows


def pcm16(audio: Tensor) -> Tensor:
    """float32 audio in -1..1 to int16 on its own device, rounded to nearest and clipped, as ``float_to_pcm16``."""
    return torch.round(audio * 32767.0).clamp(-32768.0, 32767.0).to(torch.int16)


def _places(aligned: Tensor, units: Tensor) -> Places:
    length = aligned.shape[1]
    return Places(region(units, length), region(units * FRAMES_PER_UNIT, length * FRAMES_PER_UNIT))
