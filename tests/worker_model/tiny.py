"""A Kokoro of a few thousand weights: every layer there, none of the size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from worker.model.config import AlbertConfig, GeneratorConfig, KokoroConfig
from worker.model.graph.builder import GraphBuilder, Tensor
from worker.model.state_dict import StateDict, expected_shapes

TINY = KokoroConfig(
    hidden=8,
    max_dur=4,
    decoder_channels=8,
    text_residual_channels=2,
    albert=AlbertConfig(hidden=8, heads=2, intermediate=12, layers=2, embedding=4),
    generator=GeneratorConfig(initial_channels=8),
)
"""Style and vocabulary keep their sizes, so that engines can run it."""

WIDE = replace(TINY, generator=GeneratorConfig(initial_channels=64))
"""The same with as many channels as operators of ours need: 32, then 16."""


def tiny_weights(config: KokoroConfig = TINY, seed: int = 0) -> StateDict:
    """Random weights of a size that keeps activations tame; Snake's alphas are positive."""
    rng = np.random.default_rng(seed)
    weights: StateDict = {}
    for name, shape in expected_shapes(config).items():
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 4
        weights[name] = (rng.standard_normal(shape) / np.sqrt(fan_in) / 2).astype(np.float32)
        if ".alpha" in name:
            weights[name] = np.abs(weights[name]) + np.float32(0.5)
        elif "conv_post" in name:  # its output is exponentiated
            weights[name] *= np.float32(0.05)
    return weights


def run_graph(
    weights: StateDict,
    build: Callable[..., Tensor | tuple[Tensor, ...]],
    library: Path | None = None,
    /,
    **inputs: NDArray[np.generic],
) -> list[NDArray[np.float32]]:
    """Build a piece of the network on named inputs, check the graph, run it, return what it computes.

    library: operators of ours.
    """
    g = GraphBuilder(weights, has_kernels=library is not None)
    made = build(g, *(Tensor(name) for name in inputs))
    tensors = (made,) if isinstance(made, str) else made
    names = [g.name_output(tensor, f"out{index}") for index, tensor in enumerate(tensors)]
    declared = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), list(value.shape))
        for name, value in inputs.items()
    ]
    model = g.model(declared, [helper.make_empty_tensor_value_info(name) for name in names])
    onnx.shape_inference.infer_shapes(model, strict_mode=True)
    return run_model(model, inputs, library)


def run_model(
    model: onnx.ModelProto | Path, inputs: dict[str, NDArray[np.generic]], library: Path | None = None, threads: int = 0
) -> list[NDArray[np.float32]]:
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if library:
        options.register_custom_ops_library(str(library))
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return [np.asarray(value) for value in session.run(None, inputs)]
