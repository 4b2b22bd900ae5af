"""The constants of Kokoro-82M v1.0: the numbers of the hub's ``config.json``, without its vocabulary.

Source: hexgrad/Kokoro-82M ``config.json`` and kokoro 0.9.4 ``model.py``, ``modules.py`` and ``istftnet.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class AlbertConfig:
    """PL-BERT, an ALBERT whose twelve layers share one set of weights."""

    hidden: int = 768
    heads: int = 12
    intermediate: int = 2048
    positions: int = 512
    layers: int = 12
    embedding: int = 128
    layer_norm_eps: float = 1e-12


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """iSTFTNet: upsampling, residual blocks and the short inverse Fourier transform at the end."""

    upsample_rates: tuple[int, ...] = (10, 6)
    upsample_kernels: tuple[int, ...] = (20, 12)
    initial_channels: int = 512
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)
    noise_kernels: tuple[int, ...] = (7, 11)
    n_fft: int = 20
    hop: int = 5
    harmonics: int = 9
    sine_amplitude: float = 0.1
    voiced_threshold_hz: float = 10.0
    sample_rate: int = 24_000

    @property
    def samples_per_frame(self) -> int:
        """Audio samples per frame of F0: both upsamplings times the hop."""
        rates = self.upsample_rates
        return rates[0] * rates[1] * self.hop


@dataclass(frozen=True, slots=True)
class KokoroConfig:
    """Every size the network is built from."""

    n_token: int = 178
    hidden: int = 512
    style: int = 128
    n_layer: int = 3
    max_dur: int = 50
    n_mels: int = 80
    text_encoder_kernel: int = 5
    decoder_channels: int = 1024
    text_residual_channels: int = 64
    dropout: float = 0.2
    albert: AlbertConfig = field(default_factory=AlbertConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)

    def as_hub_config(self) -> dict[str, Any]:
        """The same numbers under the names of the hub's ``config.json``, which ``kokoro.KModel`` takes as a dict.

        The vocabulary is left empty: only ``KModel.forward`` with phonemes reads it, and engines are given token ids.
        """
        generator = self.generator
        return {
            "vocab": {},
            "n_token": self.n_token,
            "hidden_dim": self.hidden,
            "style_dim": self.style,
            "n_layer": self.n_layer,
            "max_dur": self.max_dur,
            "n_mels": self.n_mels,
            "dropout": self.dropout,
            "text_encoder_kernel_size": self.text_encoder_kernel,
            "plbert": {
                "hidden_size": self.albert.hidden,
                "num_attention_heads": self.albert.heads,
                "intermediate_size": self.albert.intermediate,
                "max_position_embeddings": self.albert.positions,
                "num_hidden_layers": self.albert.layers,
                "dropout": 0.1,
            },
            "istftnet": {
                "upsample_rates": list(generator.upsample_rates),
                "upsample_kernel_sizes": list(generator.upsample_kernels),
                "upsample_initial_channel": generator.initial_channels,
                "resblock_kernel_sizes": list(generator.resblock_kernels),
                "resblock_dilation_sizes": [list(generator.resblock_dilations)] * len(generator.resblock_kernels),
                "gen_istft_n_fft": generator.n_fft,
                "gen_istft_hop_size": generator.hop,
            },
        }


KOKORO_V1 = KokoroConfig()
