"""Floats out of small dynamically quantised graphs: quantised by ONNX's own rules here, recovered by the reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from worker.model.gates import onnx_to_torch, torch_to_onnx
from worker.model.onnx_weights import dequantise_graph, module_path, read_onnx_weights
from worker.model.state_dict import WeightsError

Array = NDArray[np.generic]
RNG = np.random.default_rng(7)


def graph(nodes: list[onnx.NodeProto], **initializers: Array) -> onnx.GraphProto:
    tensors = [numpy_helper.from_array(value, name.replace("__", ".")) for name, value in initializers.items()]
    return helper.make_graph(nodes, "quantised", [], [], tensors)


def node(op: str, name: str, inputs: list[str], outputs: int = 1) -> onnx.NodeProto:
    return helper.make_node(op, inputs, [f"{name}:{index}" for index in range(outputs)], name)


@pytest.mark.parametrize(
    ("node_name", "module"),
    [
        ("/encoder/text_encoder/cnn.0/cnn.0.0/Conv_quant", "text_encoder.cnn.0.0"),
        ("/decoder/decoder/asr_res/asr_res.0/Conv_quant", "decoder.asr_res.0"),
        ("/decoder/decoder/generator/resblocks.1/convs1.0/Conv_quant", "decoder.generator.resblocks.1.convs1.0"),
        ("/encoder/F0.1/pool/ConvTranspose", "predictor.F0.1.pool"),
        ("/encoder/shared/LSTM_quant", "predictor.shared"),
        ("/encoder/predictor/text_encoder/lstms.0/LSTM_quant", "predictor.text_encoder.lstms.0"),
        ("/encoder/bert_encoder/MatMul_quant", "bert_encoder"),
        ("/encoder/predictor/duration_proj/linear_layer/MatMul_quant", "predictor.duration_proj.linear_layer"),
    ],
)
def test_module_paths(node_name: str, module: str) -> None:
    assert module_path(node_name) == module


@pytest.mark.parametrize("per_channel_scale", [False, True])
@pytest.mark.parametrize("per_channel_zero", [False, True])
def test_convolutions_per_tensor_and_per_channel(per_channel_scale: bool, per_channel_zero: bool) -> None:
    quantised = RNG.integers(0, 256, (4, 3, 5), dtype=np.uint8)
    quantised[2] = 128  # a row of zeros, where its zero point is 128
    scale = RNG.random(4 if per_channel_scale else (), np.float32)
    zero = np.full(4 if per_channel_zero else (), 128, np.uint8)
    made = graph(
        [node("ConvInteger", "/decoder/decoder/F0_conv/Conv_quant", ["x", "W_quantized", "x_zero", "shared_zero"])],
        W_quantized=quantised,
        W_scale=scale,
        shared_zero=zero,
    )
    recovered = dequantise_graph(made, {"decoder.F0_conv.weight"})["decoder.F0_conv.weight"]
    expected = (quantised.astype(np.float32) - 128) * np.broadcast_to(scale, (4,))[:, None, None]
    np.testing.assert_array_equal(recovered, expected)
    assert recovered.dtype == np.float32


def test_linear_layers_are_turned_and_repeats_left_out() -> None:
    quantised = RNG.integers(-128, 128, (3, 4), dtype=np.int8)  # (inputs, outputs)
    scale = RNG.random(4, np.float32)
    inputs = ["x", "M_quantized", "x_zero", "M_zero"]
    made = graph(
        [node("MatMulInteger", "/encoder/bert_encoder/MatMul_quant", inputs),
         node("MatMulInteger", "/encoder/bert_encoder_1/MatMul_quant", inputs)],
        M_quantized=quantised, M_scale=scale, M_zero=np.zeros(4, np.int8),
    )  # fmt: skip
    recovered = dequantise_graph(made, {"bert_encoder.weight"})
    assert list(recovered) == ["bert_encoder.weight"]
    np.testing.assert_array_equal(recovered["bert_encoder.weight"], (quantised * scale).T)


def test_a_float_matmul_constant_without_a_name_is_found() -> None:
    weight = RNG.random((9, 1), np.float32)
    name = "/decoder/decoder/generator/m_source/l_linear/MatMul"
    made = graph([node("MatMul", name, ["x", "onnx::MatMul_6993"])], **{"onnx::MatMul_6993": weight})
    key = "decoder.generator.m_source.l_linear.weight"
    np.testing.assert_array_equal(dequantise_graph(made, {key})[key], weight.T)


def test_biases_keep_their_names_and_quantised_tables_are_dequantised() -> None:
    table = RNG.integers(-128, 128, (5, 3), dtype=np.int8)
    made = graph(
        [
            node("Gather", "gather", ["encoder.text_encoder.embedding.weight_quantized", "tokens"]),
            node("DequantizeLinear", "dequantise", ["gather:0", "unused", "zero"]),
        ],
        encoder__text_encoder__embedding__weight_quantized=table,
        encoder__text_encoder__embedding__weight_scale=np.array(0.5, np.float32),
        zero=np.array(3, np.int8),
        decoder__decoder__encode__conv1__bias=np.arange(4, dtype=np.float32),
    )
    recovered = dequantise_graph(made, {"text_encoder.embedding.weight", "decoder.encode.conv1.bias"})
    np.testing.assert_array_equal(
        recovered["text_encoder.embedding.weight"], (table.astype(np.float32) - 3) * np.float32(0.5)
    )
    np.testing.assert_array_equal(recovered["decoder.encode.conv1.bias"], np.arange(4))


@pytest.mark.parametrize("scale_shape", [(2,), (2, 8)])
def test_lstms_are_turned_and_their_gates_put_in_torchs_order(scale_shape: tuple[int, ...]) -> None:
    hidden, inputs = 2, 3
    torch_weight = RNG.integers(-100, 100, (2, 4 * hidden, inputs)).astype(np.float32)
    torch_recurrence = RNG.integers(-100, 100, (2, 4 * hidden, hidden)).astype(np.float32)
    torch_bias = RNG.random((2, 2, 4 * hidden), np.float32)

    def stored(weights: NDArray[np.float32]) -> NDArray[np.int8]:
        return np.stack([torch_to_onnx(weight).T for weight in weights]).astype(np.int8)

    biases = np.stack([np.concatenate([torch_to_onnx(half) for half in direction]) for direction in torch_bias])
    names = ["x", "W_quantized", "R_quantized", "B", "", "", "", "", "W_scale", "zero", "R_scale", "zero"]
    made = graph(
        [node("DynamicQuantizeLSTM", "/encoder/shared/LSTM_quant", names)],
        W_quantized=stored(torch_weight),
        R_quantized=stored(torch_recurrence),
        W_scale=np.full(scale_shape, 0.5, np.float32),
        R_scale=np.full(scale_shape, 0.25, np.float32),
        B=biases,
        zero=np.zeros(2, np.int8),
    )
    kinds = [f"{kind}_l0{end}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") for end in ("", "_reverse")]
    recovered = dequantise_graph(made, {f"predictor.shared.{kind}" for kind in kinds})
    for direction, end in enumerate(("", "_reverse")):
        read = {kind: recovered[f"predictor.shared.{kind}_l0{end}"] for kind in ("weight_ih", "weight_hh")}
        np.testing.assert_array_equal(read["weight_ih"], torch_weight[direction] * np.float32(0.5))
        np.testing.assert_array_equal(read["weight_hh"], torch_recurrence[direction] * np.float32(0.25))
        np.testing.assert_array_equal(recovered[f"predictor.shared.bias_ih_l0{end}"], torch_bias[direction, 0])
        np.testing.assert_array_equal(recovered[f"predictor.shared.bias_hh_l0{end}"], torch_bias[direction, 1])


def test_gate_orders_are_each_others_inverse() -> None:
    gates = np.array([["i"], ["f"], ["c"], ["o"]])
    assert [gate[0] for gate in torch_to_onnx(gates)] == ["i", "o", "f", "c"]
    assert [gate[0] for gate in onnx_to_torch(torch_to_onnx(gates))] == ["i", "f", "c", "o"]


def test_a_missing_scale_is_an_error() -> None:
    made = graph(
        [node("ConvInteger", "/decoder/decoder/N_conv/Conv_quant", ["x", "W_quantized", "x_zero", "zero"])],
        W_quantized=np.zeros((1, 1, 3), np.uint8),
        zero=np.array(0, np.uint8),
    )
    with pytest.raises(WeightsError, match="no initialiser W_scale"):
        dequantise_graph(made, {"decoder.N_conv.weight"})


def test_files_that_are_no_such_graph_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not a readable ONNX graph"):
        read_onnx_weights(tmp_path / "absent.onnx")
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"\xff" * 100)
    with pytest.raises(WeightsError, match="not a readable ONNX graph"):
        read_onnx_weights(garbage)
    empty = tmp_path / "empty.onnx"
    declared = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    empty.write_bytes(helper.make_model(helper.make_graph([], "empty", [declared], [declared])).SerializeToString())
    with pytest.raises(WeightsError, match="lack the tensor"):
        read_onnx_weights(empty)
