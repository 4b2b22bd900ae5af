"""Float weights recovered from kokoro-onnx's dynamically quantised graph, ``kokoro-v1.0.int8.onnx``.

The graph was exported from the official model, so node names still carry module paths
(``/decoder/decoder/generator/resblocks.1/convs1.0/Conv_quant`` is ``decoder.generator.resblocks.1.convs1.0``), while
weights that weight norm had produced, or that were transposed for MatMul, have names of their own. So weights are found
through the nodes that use them, and biases and other plain float tensors by their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper

from worker.model.config import KOKORO_V1, KokoroConfig
from worker.model.gates import onnx_to_torch
from worker.model.state_dict import StateDict, WeightsError, check_state_dict, expected_shapes

_TOP_MODULES = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")

_Named = Iterator[tuple[str, NDArray[np.float32]]]


def read_onnx_weights(path: Path, config: KokoroConfig = KOKORO_V1) -> StateDict:
    """Read a quantised graph into a complete state dict of float32 tensors.

    Raises WeightsError when the file is no ONNX graph, or when a tensor is missing or of the wrong shape.
    """
    try:
        model = onnx.load(str(path))
    except (OSError, DecodeError) as error:
        raise WeightsError(f"{path} is not a readable ONNX graph: {error}") from error
    return check_state_dict(dequantise_graph(model.graph, set(expected_shapes(config))), config)


def dequantise_graph(graph: onnx.GraphProto, wanted: set[str]) -> StateDict:
    """Collect the wanted tensors of a quantised graph as float32, under their official names.

    Linear weights come out (outputs, inputs), convolutions (outputs, inputs, kernel), LSTMs in torch's layout and gate
    order. Names that are not wanted (ALBERT's layer repeated, the iSTFT's basis) are left out.
    """
    reader = _GraphReader(graph)
    tensors: StateDict = {}
    for name, tensor in reader.tensors():
        if name in wanted:
            tensors[name] = tensor
    return tensors


def module_path(node_name: str) -> str:
    """The official module path a node was exported from.

    ``/encoder/text_encoder/cnn.0/cnn.0.0/Conv_quant`` -> ``text_encoder.cnn.0.0``: the export wrapped the model in an
    ``encoder`` and a ``decoder``, repeats the name of a Sequential before its member, and lists the predictor's own
    members, called outside its ``forward``, at the top.
    """
    parts = node_name.strip("/").split("/")[1:-1]
    kept = [part for part, after in zip(parts, [*parts[1:], ""], strict=True) if not after.startswith(f"{part}.")]
    if kept and kept[0] not in _TOP_MODULES:
        kept.insert(0, "predictor")
    return ".".join(kept)


class _GraphReader:
    """Looks tensors up in one graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._nodes = graph.node
        self._initializers = {tensor.name: tensor for tensor in graph.initializer}

    def tensors(self) -> _Named:
        for name in self._initializers:
            if name.startswith(("encoder.", "decoder.")) and not name.endswith(("_quantized", "_scale", "_zero_point")):
                yield name.split(".", 1)[1], self._float(name)
        for node in self._nodes:
            yield from self._node_tensors(node)

    def _node_tensors(self, node: onnx.NodeProto) -> _Named:
        match node.op_type:
            case "ConvInteger":
                yield f"{module_path(node.name)}.weight", self._dequantise(node.input[1], node.input[3], axis=0)
            case "MatMulInteger":
                weight = self._dequantise(node.input[1], node.input[3], axis=1)
                # AdaIN's linear layers were exported as Gemm, one level deeper in the name than the others' MatMul.
                yield f"{module_path(node.name)}.weight", weight.T
            case "Conv" | "ConvTranspose" if node.input[1] in self._initializers:
                yield f"{module_path(node.name)}.weight", self._float(node.input[1])
            case "MatMul" if node.input[1] in self._initializers:
                yield f"{module_path(node.name)}.weight", self._float(node.input[1]).T
            case "DynamicQuantizeLSTM":
                yield from self._lstm(node)
            case "Gather" if node.input[0].endswith("_quantized"):
                yield from self._embedding(node)

    def _embedding(self, gather: onnx.NodeProto) -> _Named:
        """A table of int8 rows, gathered and only then dequantised."""
        table = gather.input[0]
        readers = [node for node in self._nodes if gather.output[0] in node.input]
        for reader in readers:
            weight = self._dequantise(table, reader.input[2], axis=1)
            yield table.removesuffix("_quantized").split(".", 1)[1], weight

    def _lstm(self, node: onnx.NodeProto) -> _Named:
        """W and R are int8 (direction, inputs, 4 * hidden), B float32 (direction, 8 * hidden), in ONNX's gate order."""
        module = module_path(node.name)
        inputs = self._lstm_weight(node.input[1], node.input[9])
        recurrence = self._lstm_weight(node.input[2], node.input[11])
        biases = self._float(node.input[3])
        for direction, suffix in enumerate(("", "_reverse")):
            input_bias, recurrence_bias = np.split(biases[direction], 2)
            yield f"{module}.weight_ih_l0{suffix}", onnx_to_torch(inputs[direction].T)
            yield f"{module}.weight_hh_l0{suffix}", onnx_to_torch(recurrence[direction].T)
            yield f"{module}.bias_ih_l0{suffix}", onnx_to_torch(input_bias)
            yield f"{module}.bias_hh_l0{suffix}", onnx_to_torch(recurrence_bias)

    def _lstm_weight(self, quantised: str, zero_point: str) -> NDArray[np.float32]:
        """Scales are per direction, (2,), or per direction and gate, (2, 4 * hidden)."""
        values = self._float(quantised)
        scale = self._scale(quantised)
        offset = self._float(zero_point)
        per_column = (values.shape[0], 1, -1)
        return (values - offset.reshape(per_column)) * scale.reshape(per_column)

    def _dequantise(self, quantised: str, zero_point: str, axis: int) -> NDArray[np.float32]:
        """``(q - zero point) * scale``; both are per tensor, or per channel along ``axis``, and need not agree."""
        values = self._float(quantised)
        along_axis = [1] * values.ndim
        along_axis[axis] = -1
        offset = self._float(zero_point).reshape(along_axis)
        return (values - offset) * self._scale(quantised).reshape(along_axis)

    def _scale(self, quantised: str) -> NDArray[np.float32]:
        return self._float(quantised.removesuffix("_quantized") + "_scale")

    def _float(self, name: str) -> NDArray[np.float32]:
        if name not in self._initializers:
            raise WeightsError(f"the quantised graph has no initialiser {name}")
        return numpy_helper.to_array(self._initializers[name]).astype(np.float32)
