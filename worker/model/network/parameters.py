"""The state dict on its device, in the shapes and types that the layers read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.model.config import KokoroConfig
from worker.model.network.fourier import spectral_constants
from worker.model.state_dict import ALBERT_LAYER, StateDict

CHANNEL_MULTIPLE = 8
"""Channels that convolutions are rounded up to with zeros: tensor cores take half-precision channels by eights."""

PAD_FEATURES = 8
"""Features added to every LSTM's input; the first says "padding", the rest keep rows aligned."""

_PAD_GATE = -1e4
"""Input-gate weight of the padding feature: its sigmoid is exactly 0 in float32."""

_FLOAT32_IN_DECODER = ("decoder.F0_conv", "decoder.N_conv", "decoder.generator.m_source")


class StyleTable(NamedTuple):
    """Every scale and shift that one stage takes from the style, as one matrix. See ``layers.style_affines``."""

    weight: Tensor
    """float32 (outputs, 128)."""
    bias: Tensor
    """float32 (outputs,)."""
    spans: tuple[tuple[str, int, int], ...]
    """Module, its first output, and its channels: that many scales, then as many shifts."""


class Parameters:
    """Weights by the names of ``state_dict.expected_shapes``.

    weights: a complete state dict. dtype: of the decoder and generator, float32, float16 or bfloat16; all else is
    float32. Convolutions are (out, in, 1, kernel), channels last, or (out, in) where the kernel is 1.
    """

    def __init__(self, weights: StateDict, config: KokoroConfig, device: torch.device, dtype: torch.dtype) -> None:
        self.config = config
        self.dtype = dtype
        self.device = device
        self.lstms = {
            name.removesuffix(".weight_ih_l0"): self._lstm(weights, name.removesuffix(".weight_ih_l0"))
            for name in weights
            if name.endswith(".weight_ih_l0")
        }
        self.text_styles = self._style_table(weights, "predictor.text_encoder.")
        self.curve_styles = self._style_table(weights, "predictor.F0.", "predictor.N.")
        self.vocoder_styles = self._style_table(weights, "decoder.")
        self._tensors = {name: self._tensor(name, value) for name, value in weights.items() if _read_by_name(name)}
        self._tensors |= {name: self._place(value) for name, value in _folded(weights, config).items()}

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name]

    def get(self, name: str) -> Tensor | None:
        """The tensor of that name, or None: some convolutions have no bias, some blocks no shortcut."""
        return self._tensors.get(name)

    def _place(self, value: NDArray[np.floating], dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.from_numpy(np.array(value, dtype=np.float32)).to(self.device, dtype)

    def _tensor(self, name: str, value: NDArray[np.float32]) -> Tensor:
        half = name.startswith("decoder.") and not name.startswith(_FLOAT32_IN_DECODER)
        dtype = self.dtype if half else torch.float32
        if ".conv_post." in name:
            value = _rounded_up(value, 0)
        if ".alpha" in name:
            return self._place(1 / value.reshape(-1))
        if value.ndim != 3 or ".pool." in name or name.startswith(_FLOAT32_IN_DECODER):
            return self._place(value, dtype)
        if ".ups." in name:  # a transposed convolution: (in, out, kernel)
            return _channels_last(self._place(value, dtype))
        value = _rounded_up(value, 1)
        if value.shape[2] == 1:
            return self._place(value[:, :, 0], dtype)
        return _channels_last(self._place(value, dtype))

    def _style_table(self, weights: StateDict, *prefixes: str) -> StyleTable:
        matrices, offsets, spans, start = [], [], [], 0
        for name, matrix in weights.items():
            if not (name.startswith(prefixes) and name.endswith(".fc.weight")):
                continue
            module = name.removesuffix(".fc.weight")
            channels = len(matrix) // 2
            # Snake's frequency is folded into the norm before it: the norm emits alpha * x.
            alpha = weights.get(module.replace(".adain", ".alpha"), np.ones(channels, np.float32)).reshape(-1)
            ones = np.concatenate([np.ones(channels), np.zeros(channels)]).astype(np.float32)
            factor = np.concatenate([alpha, alpha])
            matrices.append(matrix * factor[:, None])
            offsets.append((weights[f"{module}.fc.bias"] + ones) * factor)
            spans.append((module, start, channels))
            start += 2 * channels
        return StyleTable(self._place(np.concatenate(matrices)), self._place(np.concatenate(offsets)), tuple(spans))

    def _lstm(self, weights: StateDict, module: str) -> list[Tensor]:
        """One bidirectional layer's weights in torch's order, in the single block of memory that cuDNN wants."""
        hidden = weights[f"{module}.weight_hh_l0"].shape[1]
        inputs = weights[f"{module}.weight_ih_l0"].shape[1] + PAD_FEATURES
        lstm = torch.nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True).requires_grad_(requires_grad=False)
        for name, parameter in lstm.named_parameters():
            value = weights[f"{module}.{name}"]
            if name.startswith("weight_ih"):
                pad = np.zeros((len(value), PAD_FEATURES), np.float32)
                pad[:hidden, 0] = _PAD_GATE  # gates are stacked input, forget, cell, output
                value = np.concatenate([value, pad], axis=1)
            parameter.copy_(torch.from_numpy(value))
        lstm.to(self.device).flatten_parameters()
        return [parameter.detach() for parameter in lstm.parameters()]


def _read_by_name(name: str) -> bool:
    """Whether a layer asks for this tensor as it is; the others are folded into something else."""
    folded = (".fc.weight", ".fc.bias", ".l_linear.weight", "attention.query", "attention.key", "attention.value")
    return not any(part in name for part in folded) and "_l0" not in name


def _folded(weights: StateDict, config: KokoroConfig) -> dict[str, NDArray[np.floating]]:
    """Constants, and weights that the state dict has in another form."""
    made: dict[str, NDArray[np.floating]] = dict(spectral_constants(config.generator.n_fft, config.generator.hop))
    for kind in ("weight", "bias"):
        parts = [weights[f"{ALBERT_LAYER}.attention.{part}.{kind}"] for part in ("query", "key", "value")]
        made[f"{ALBERT_LAYER}.attention.in.{kind}"] = np.concatenate(parts)
    places = weights["bert.embeddings.position_embeddings.weight"]
    # Every token is of type 0, so that type's row is the same for all.
    made["bert.embeddings.places"] = places + weights["bert.embeddings.token_type_embeddings.weight"][0]
    merge = weights["decoder.generator.m_source.l_linear.weight"].reshape(-1)
    made["source.merge"] = merge
    # Nine independent noises, weighted and summed, are one noise of this weight.
    made["source.noise_gain"] = np.sqrt(np.square(merge).sum(keepdims=True))
    made["source.harmonics"] = np.arange(1.0, config.generator.harmonics + 1)
    made["source.steps"] = np.arange(config.generator.samples_per_frame) + 0.5
    return made


def _rounded_up(value: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Zeros added on an axis longer than CHANNEL_MULTIPLE, up to a multiple of it."""
    size = value.shape[axis]
    missing = -size % CHANNEL_MULTIPLE if size > CHANNEL_MULTIPLE else 0
    return np.pad(value, [(0, missing if index == axis else 0) for index in range(value.ndim)])


def _channels_last(weight: Tensor) -> Tensor:
    """(a, b, kernel) -> (a, b, 1, kernel), channels last in memory."""
    return weight[:, :, None].contiguous(memory_format=torch.channels_last)
