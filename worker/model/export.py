"""Build the ONNX graph of Kokoro-82M from its state dict."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from worker.model.calibration import measure_ranges
from worker.model.config import KOKORO_V1, KokoroConfig
from worker.model.graph.builder import GraphBuilder, Tensor
from worker.model.graph.decoder import decoder
from worker.model.graph.generator import generator
from worker.model.graph.layers import linear, rows_to_channels
from worker.model.graph.prosody import duration_encoder, durations, frame_tokens, pitch_and_loudness, repeat_tokens
from worker.model.graph.text import albert, text_encoder
from worker.model.graph_file import GraphKind, is_whole, library_of
from worker.model.graph_writer import write_graph
from worker.model.kernels.compile import compile_kernels
from worker.model.progress import Progress
from worker.model.sources import ModelStore
from worker.model.state_dict import StateDict
from worker.model.weights import load_state_dict

INT8_MODULES = ("decoder.generator.noise_res.", "decoder.generator.resblocks.")
"""What an int8 graph computes in integers: all of the generator's residual blocks (ADR 0004)."""


def build_onnx(
    store: ModelStore, progress: Progress, config: KokoroConfig = KOKORO_V1, kind: GraphKind = "fp32"
) -> Path:
    """Build the graph from the store's weights, unless it is there already; remove those of other weights or code.

    Returns its path, ``store.graph_path(kind)``. Raises ModelUnavailable when there are no weights, or int8 cannot be
    calibrated; WeightsError when they cannot be read; KernelsUnavailable when operators of ours cannot be compiled.
    """
    target = store.graph_path(kind)
    with store.exclusive(progress):
        if is_whole(target):
            return target
        if kind == "fused":
            progress.step("compiling the kernels", 0, None)
            compile_kernels(library_of(target))
        progress.step(f"reading {store.weights_path.name}", 0, None)
        weights = load_state_dict(store.weights_path, config)
        if kind == "int8":
            model, names = calibration_graph(weights, config)
            weights.update(measure_ranges(model, names, store.voices_dir, progress))
            del model  # as large as the graph to be built
        progress.step("building the graph", 0, None)
        size = write_graph(build_graph(weights, config, has_kernels=kind == "fused"), target)
        progress.step("building the graph", size, size)
        store.remove_stale()
    return target


def build_graph(weights: StateDict, config: KokoroConfig = KOKORO_V1, *, has_kernels: bool = False) -> onnx.ModelProto:
    """The whole network for one utterance, without noise: equal inputs give equal audio.

    Inputs: ``tokens`` int64 (1, n), boundary zeros included; ``style`` float32 (1, 256); ``speed`` float32 (1,).
    Outputs: ``audio`` float32 (samples,) at 24 kHz, and ``durations`` int64 (n,), ``samples == 600 *
    durations.sum()``. Convolutions whose ``Ranges`` are among the weights are computed in integers. has_kernels:
    whether the session that runs it will know operators of ours.
    """
    return _network(weights, config, has_kernels).model(_inputs(config), _outputs())


def calibration_graph(weights: StateDict, config: KokoroConfig = KOKORO_V1) -> tuple[onnx.ModelProto, list[str]]:
    """The same network with the ranges of the convolutions that int8 is for as further outputs; and their names."""
    g = _network(weights, config)
    watched = {name: tensor for name, tensor in g.watched.items() if name.startswith(INT8_MODULES)}
    ranges = []
    for name, rows in watched.items():
        for end, operator in (("low", "ReduceMin"), ("high", "ReduceMax")):
            g.name_output(g.op(operator, rows, g.ints(0), keepdims=0), f"{name}_{end}")
            ranges.append(helper.make_tensor_value_info(f"{name}_{end}", TensorProto.FLOAT, ["channels"]))
    names = [name.removesuffix(".input") for name in watched if name.endswith(".input")]
    return g.model(_inputs(config), [*_outputs(), *ranges]), names


def _network(weights: StateDict, config: KokoroConfig, has_kernels: bool = False) -> GraphBuilder:
    g = GraphBuilder(weights, has_kernels)
    audio, units = speak(g, Tensor("tokens"), Tensor("style"), Tensor("speed"), config)
    g.name_output(g.reshape(audio, -1), "audio")
    g.name_output(units, "durations")
    return g


def _inputs(config: KokoroConfig) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 2 * config.style]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]


def _outputs() -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"]),
        helper.make_tensor_value_info("durations", TensorProto.INT64, ["n"]),
    ]


def speak(g: GraphBuilder, tokens: Tensor, style: Tensor, speed: Tensor, config: KokoroConfig) -> tuple[Tensor, Tensor]:
    """The network from top to bottom: audio (1, 1, samples), durations (n,). Source: ``KModel.forward_with_tokens``."""
    voice = g.reshape(g.slice(style, 0, config.style, 1), -1)  # how it sounds
    manner = g.reshape(g.slice(style, config.style, 2 * config.style, 1), -1)  # how it is said

    context = linear(g, albert(g, tokens, config.albert), "bert_encoder")
    encoded = duration_encoder(g, context, manner, config)
    units = durations(g, encoded, speed)
    index = frame_tokens(g, units)
    pitch, loudness = pitch_and_loudness(g, repeat_tokens(g, encoded, index), manner)

    text = rows_to_channels(g, repeat_tokens(g, text_encoder(g, tokens, config), index))
    features = decoder(g, text, pitch, loudness, voice)
    return generator(g, features, pitch, voice, config.generator), units
