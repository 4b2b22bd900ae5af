"""The one state dict every source is turned into: which tensors it holds, their shapes, and a check of both.

Names are those of kokoro 0.9.4's ``KModel.state_dict()`` with weight norm folded: where the official file has
``X.weight_g`` and ``X.weight_v``, ours has ``X.weight = g * v / |v|``. Nothing but training needs them apart, and a
source that only has the product (the quantised graph) then needs no special case. ``bert.pooler``, which no part of the
network reads, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from worker.model.config import KOKORO_V1, KokoroConfig

StateDict = dict[str, NDArray[np.float32]]
"""Tensor name -> float32 array."""

Shapes = dict[str, tuple[int, ...]]

ALBERT_LAYER = "bert.encoder.albert_layer_groups.0.albert_layers.0"


class WeightsError(Exception):
    """A weights or voice file that cannot be read, or whose content is not what it should be."""


def expected_shapes(config: KokoroConfig = KOKORO_V1) -> Shapes:
    """Name and shape of every tensor of a complete state dict."""
    parts = (_albert(config), _text_encoder(config), _predictor(config), _decoder(config), _generator(config))
    return {name: shape for part in parts for name, shape in part}


def check_state_dict(tensors: Mapping[str, NDArray[np.float32]], config: KokoroConfig = KOKORO_V1) -> StateDict:
    """Return the tensors the network reads, in the order of ``expected_shapes``.

    Tensors it does not read are dropped, as ``KModel`` does, except a norm inside AdaIN that is not the identity: the
    network here has none, so dropping it would change the sound. Raises WeightsError for such a norm and for a tensor
    that is missing, has another shape, or holds NaN or infinity.
    """
    _refuse_affine_norms(tensors)
    checked: StateDict = {}
    for name, shape in expected_shapes(config).items():
        if name not in tensors:
            raise WeightsError(f"the weights lack the tensor {name}")
        tensor = np.ascontiguousarray(tensors[name], dtype=np.float32)
        if tensor.shape != shape:
            raise WeightsError(f"{name} has shape {tensor.shape}, expected {shape}")
        if not np.isfinite(tensor).all():
            raise WeightsError(f"{name} holds values that are not finite")
        checked[name] = tensor
    return checked


def fold_weight_norm(direction: NDArray[np.float32], magnitude: NDArray[np.float32]) -> NDArray[np.float32]:
    """``g * v / |v|``, the norm over all axes but the first (torch.nn.utils.weight_norm, dim 0).

    direction: float32 (out, ...), ``weight_v``. magnitude: float32 (out, 1, ...), ``weight_g``. Rows whose direction is
    zero come out zero.
    """
    rows = direction.reshape(direction.shape[0], -1)
    norm = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    gain = np.divide(magnitude.reshape(-1), norm, out=np.zeros_like(norm), where=norm > 0)
    folded: NDArray[np.float32] = (rows * gain[:, None]).astype(np.float32).reshape(direction.shape)
    return folded


def _refuse_affine_norms(tensors: Mapping[str, NDArray[np.float32]]) -> None:
    for name, tensor in tensors.items():
        inside_adain = name.endswith(("norm.weight", "norm.bias")) and f"{name.rsplit('.', 2)[0]}.fc.weight" in tensors
        if inside_adain and not np.all(tensor == (1.0 if name.endswith("weight") else 0.0)):
            raise WeightsError(f"{name} is not the identity: these are not the weights of Kokoro-82M v1.0")


_Entries = Iterator[tuple[str, tuple[int, ...]]]


def _linear(name: str, inputs: int, outputs: int) -> _Entries:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _norm(name: str, size: int, weight: str = "weight", bias: str = "bias") -> _Entries:
    yield f"{name}.{weight}", (size,)
    yield f"{name}.{bias}", (size,)


def _conv(name: str, inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> _Entries:
    yield f"{name}.weight", (outputs, inputs, kernel)
    if bias:
        yield f"{name}.bias", (outputs,)


def _conv_transpose(name: str, inputs: int, outputs: int, kernel: int, groups: int = 1) -> _Entries:
    yield f"{name}.weight", (inputs, outputs // groups, kernel)
    yield f"{name}.bias", (outputs,)


def _lstm(name: str, inputs: int, hidden: int) -> _Entries:
    for direction in ("", "_reverse"):
        yield f"{name}.weight_ih_l0{direction}", (4 * hidden, inputs)
        yield f"{name}.weight_hh_l0{direction}", (4 * hidden, hidden)
        yield f"{name}.bias_ih_l0{direction}", (4 * hidden,)
        yield f"{name}.bias_hh_l0{direction}", (4 * hidden,)


def _adain_block(name: str, inputs: int, outputs: int, style: int, *, upsample: bool = False) -> _Entries:
    yield from _conv(f"{name}.conv1", inputs, outputs, 3)
    yield from _conv(f"{name}.conv2", outputs, outputs, 3)
    yield from _linear(f"{name}.norm1.fc", style, 2 * inputs)
    yield from _linear(f"{name}.norm2.fc", style, 2 * outputs)
    if inputs != outputs:
        yield from _conv(f"{name}.conv1x1", inputs, outputs, 1, bias=False)
    if upsample:
        yield from _conv_transpose(f"{name}.pool", inputs, inputs, 3, groups=inputs)


def _albert(config: KokoroConfig) -> _Entries:
    albert = config.albert
    for table, rows in (("word", config.n_token), ("position", albert.positions), ("token_type", 2)):
        yield f"bert.embeddings.{table}_embeddings.weight", (rows, albert.embedding)
    yield from _norm("bert.embeddings.LayerNorm", albert.embedding)
    yield from _linear("bert.encoder.embedding_hidden_mapping_in", albert.embedding, albert.hidden)
    for projection in ("query", "key", "value", "dense"):
        yield from _linear(f"{ALBERT_LAYER}.attention.{projection}", albert.hidden, albert.hidden)
    yield from _norm(f"{ALBERT_LAYER}.attention.LayerNorm", albert.hidden)
    yield from _linear(f"{ALBERT_LAYER}.ffn", albert.hidden, albert.intermediate)
    yield from _linear(f"{ALBERT_LAYER}.ffn_output", albert.intermediate, albert.hidden)
    yield from _norm(f"{ALBERT_LAYER}.full_layer_layer_norm", albert.hidden)
    yield from _linear("bert_encoder", albert.hidden, config.hidden)


def _text_encoder(config: KokoroConfig) -> _Entries:
    yield "text_encoder.embedding.weight", (config.n_token, config.hidden)
    for layer in range(config.n_layer):
        yield from _conv(f"text_encoder.cnn.{layer}.0", config.hidden, config.hidden, config.text_encoder_kernel)
        yield from _norm(f"text_encoder.cnn.{layer}.1", config.hidden, "gamma", "beta")
    yield from _lstm("text_encoder.lstm", config.hidden, config.hidden // 2)


def _predictor(config: KokoroConfig) -> _Entries:
    hidden, style = config.hidden, config.style
    for layer in range(config.n_layer):
        yield from _lstm(f"predictor.text_encoder.lstms.{2 * layer}", hidden + style, hidden // 2)
        yield from _linear(f"predictor.text_encoder.lstms.{2 * layer + 1}.fc", style, 2 * hidden)
    yield from _lstm("predictor.lstm", hidden + style, hidden // 2)
    yield from _linear("predictor.duration_proj.linear_layer", hidden, config.max_dur)
    yield from _lstm("predictor.shared", hidden + style, hidden // 2)
    for curve in ("F0", "N"):
        yield from _adain_block(f"predictor.{curve}.0", hidden, hidden, style)
        yield from _adain_block(f"predictor.{curve}.1", hidden, hidden // 2, style, upsample=True)
        yield from _adain_block(f"predictor.{curve}.2", hidden // 2, hidden // 2, style)
        yield from _conv(f"predictor.{curve}_proj", hidden // 2, 1, 1)


def _decoder(config: KokoroConfig) -> _Entries:
    hidden, channels, style = config.hidden, config.decoder_channels, config.style
    joined = channels + 2 + config.text_residual_channels
    yield from _adain_block("decoder.encode", hidden + 2, channels, style)
    for block in range(3):
        yield from _adain_block(f"decoder.decode.{block}", joined, channels, style)
    yield from _adain_block("decoder.decode.3", joined, config.generator.initial_channels, style, upsample=True)
    yield from _conv("decoder.F0_conv", 1, 1, 3)
    yield from _conv("decoder.N_conv", 1, 1, 3)
    yield from _conv("decoder.asr_res.0", hidden, config.text_residual_channels, 1)


def _generator(config: KokoroConfig) -> _Entries:
    generator = config.generator
    bins = generator.n_fft + 2
    yield from _linear("decoder.generator.m_source.l_linear", generator.harmonics, 1)
    channels = generator.initial_channels
    for stage, kernel in enumerate(generator.upsample_kernels):
        channels //= 2
        last = stage + 1 == len(generator.upsample_rates)
        stride = 1 if last else generator.upsample_rates[stage + 1]
        yield from _conv_transpose(f"decoder.generator.ups.{stage}", 2 * channels, channels, kernel)
        noise_kernel = 1 if last else 2 * stride
        yield from _conv(f"decoder.generator.noise_convs.{stage}", bins, channels, noise_kernel)
        yield from _resblock(
            f"decoder.generator.noise_res.{stage}", channels, generator.noise_kernels[stage], config.style
        )
        for index, size in enumerate(generator.resblock_kernels):
            block = stage * len(generator.resblock_kernels) + index
            yield from _resblock(f"decoder.generator.resblocks.{block}", channels, size, config.style)
    yield from _conv("decoder.generator.conv_post", channels, bins, 7)


def _resblock(name: str, channels: int, kernel: int, style: int) -> _Entries:
    for half in ("1", "2"):
        for step in range(3):
            yield from _conv(f"{name}.convs{half}.{step}", channels, channels, kernel)
            yield from _linear(f"{name}.adain{half}.{step}.fc", style, 2 * channels)
            yield f"{name}.alpha{half}.{step}", (1, channels, 1)
