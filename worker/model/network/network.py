"""The network in stages, between which a batch is formed anew.

``encode``: attention between a job's tokens; batches of like length, for padding costs as much as what is read.
``durations`` and ``contour``: LSTMs, step by step, which leave most of a GPU idle; batches of all the jobs there are.
``speech``: convolutions, nine tenths of the arithmetic; jobs are packed on one line.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.model.config import KOKORO_V1, KokoroConfig
from worker.model.network.adain import AdainOps, PlainAdainOps
from worker.model.network.curves import pitch_and_loudness
from worker.model.network.layers import Places, linear, packed_region, region, style_affines
from worker.model.network.noise import normal_noise
from worker.model.network.packing import Packing
from worker.model.network.parameters import Parameters
from worker.model.network.source import harmonic_source
from worker.model.network.spectral import spectrum
from worker.model.network.text import (
    albert,
    contour,
    duration_encoder,
    durations,
    text_convolutions,
    text_encoder,
)
from worker.model.network.vocoder import decoder, generator
from worker.model.state_dict import StateDict

FRAMES_PER_UNIT = 2


class Network:
    """Kokoro-82M for padded batches: every job comes out as it would alone.

    weights: a complete state dict (``weights.load_state_dict``). dtype: of the decoder and generator, where nine
    tenths of the arithmetic are; text, durations, pitch, the source's phase and the last Fourier transform are always
    float32. ops: between convolutions, plain torch unless given. Styles are float32 (batch, 256), lengths int64
    (batch,), each at least 1. Run it under ``torch.inference_mode``.
    """

    def __init__(
        self,
        weights: StateDict,
        config: KokoroConfig = KOKORO_V1,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        ops: AdainOps | None = None,
    ) -> None:
        self.config = config
        self.device = torch.device(device)
        self._p = Parameters(weights, config, self.device, dtype)
        self._ops = ops or PlainAdainOps()

    def encode(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encodings of tokens in their context, each float32 (batch, n, 512): one for ``durations``' prosody, one for
        its text.

        tokens: int64 (batch, n) with the boundary zeros, padded with any valid id.
        """
        place = region(lengths, tokens.shape[1])
        encoded = linear(self._p, albert(self._p, tokens, place), "bert_encoder")
        return encoded, text_convolutions(self._p, tokens, place)

    def durations(
        self, prosody: Tensor, text: Tensor, lengths: Tensor, style: Tensor, speed: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Durations in units, int64 (batch, n), 0 in padding; and the two encodings, each float32 (batch, n, 512), as
        ``contour`` and ``speech`` want them.

        prosody, text: from ``encode``; speed: float32 (batch,).
        """
        place = region(lengths, prosody.shape[1])
        halves = style[:, self.config.style :]
        prosody = duration_encoder(self._p, prosody, halves, place)
        return durations(self._p, prosody, halves, speed, place), prosody, text_encoder(self._p, text, place)

    def contour(self, prosody: Tensor, units: Tensor, style: Tensor) -> tuple[Tensor]:
        """What pitch and loudness have in common: a row of prosody for every unit, (batch, length, 512) -> the same
        shape. units: lengths.
        """
        return (contour(self._p, prosody, style[:, self.config.style :], region(units, prosody.shape[1])),)

    def curves(self, contour: Tensor, packing: Packing, style: Tensor) -> tuple[Tensor, Tensor]:
        """F0 in hertz and the loudness curve N: each float32 (1, 2 * length); meaningless between jobs.

        contour: on a line, (1, length, 512), finite between jobs.
        """
        return pitch_and_loudness(self._p, contour, style[:, self.config.style :], _places(packing), ops=self._ops)

    def source_spectrum(self, f0: Tensor, packing: Packing, noise: Tensor | None) -> Tensor:
        """Magnitudes and phases of the harmonic source: float32 (1, 60 * frames, 22), 0 between jobs.

        f0: (1, frames), hertz. noise: standard normal, (1, 300 * frames), or None.
        """
        audio = harmonic_source(self._p, f0, packed_region(packing, FRAMES_PER_UNIT), noise)
        hop = self.config.generator.hop
        steps = FRAMES_PER_UNIT * self.config.generator.samples_per_frame // hop
        return spectrum(self._p, audio, packed_region(packing, steps, extra=1), hop)

    def waveform(
        self, text: Tensor, curves: tuple[Tensor, Tensor], source: Tensor, packing: Packing, style: Tensor
    ) -> Tensor:
        """Audio, float32 (1, 600 * length), 0 between jobs, from what the other stages returned.

        text: encodings, a row for every unit, (1, length, 512); curves: each (1, 2 * length); style: (jobs, 256). Of
        text and curves nothing is read between jobs, but it must be finite.
        """
        affines = style_affines(self._p.vocoder_styles, style[:, : self.config.style])
        features = decoder(self._p, text, curves, affines, _places(packing), ops=self._ops)
        return generator(self._p, features, source, affines, packing, ops=self._ops)

    def noise(self, seeds: Tensor, packing: Packing) -> Tensor:
        """Of each job's seed, int64 (jobs,): float32 (1, 600 * length)."""
        samples = packed_region(packing, FRAMES_PER_UNIT * self.config.generator.samples_per_frame)
        positions = samples.split(samples.position[..., None])[..., 0]
        return normal_noise(packing.spread(seeds), positions).view(1, -1)

    def speech(self, contour: Tensor, text: Tensor, packing: Packing, style: Tensor, seeds: Tensor | None) -> Tensor:
        """``curves``, ``source_spectrum`` and ``waveform`` in one: audio float32 (1, 600 * length).

        contour, text: a row for every unit, each (1, length, 512). seeds: of each job's noise, int64 (jobs,), or None
        for none.
        """
        curves = self.curves(contour, packing, style)
        noise = None if seeds is None else self.noise(seeds, packing)
        return self.waveform(text, curves, self.source_spectrum(curves[0], packing, noise), packing, style)


def _places(packing: Packing) -> Places:
    return Places(packed_region(packing, 1), packed_region(packing, FRAMES_PER_UNIT))


def unit_rows(durations: NDArray[np.int64], start: int = 0) -> NDArray[np.int64]:
    """Which row of encodings every unit reads: durations (n,), rows from ``start`` on -> int64 (units,).

    On the CPU, which needs the durations anyway to know what to run next.
    """
    return np.repeat(np.arange(start, start + len(durations)), durations)


def pcm16(audio: Tensor) -> Tensor:
    """float32 audio in -1..1 to int16 on its own device, rounded to nearest and clipped, as ``float_to_pcm16``."""
    return torch.round(audio * 32767.0).clamp(-32768.0, 32767.0).to(torch.int16)
