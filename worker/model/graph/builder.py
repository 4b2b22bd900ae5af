"""The thin layer between the network's functions and ``onnx.helper``: names, constants, weights, operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NewType

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from worker.model.state_dict import StateDict

Tensor = NewType("Tensor", str)
"""The name of a value in the graph."""

OPSET = 20
"""Opset 20 is the first with Gelu; ONNX Runtime knows it from 1.17 on."""

IR_VERSION = 9
"""What opset 20 asks for, and no more, so that older runtimes load the file."""

TO_END = 2**31
"""An end for ``slice`` that no axis reaches."""

KERNELS_DOMAIN = "kokoro.fleet"
"""Operators of ours (``worker/model/kernels``): a session knows them once it has registered their library."""

Attribute = int | float | str | Sequence[int] | Sequence[float]

_DTYPES = {"float": onnx.TensorProto.FLOAT, "double": onnx.TensorProto.DOUBLE, "int64": onnx.TensorProto.INT64}


class GraphBuilder:
    """Collects the nodes and initialisers of one graph.

    Node names are module paths (``decoder/generator/resblocks.0/convs1.0/Conv``), so that profiles can be read and
    nodes picked by name. A weight or constant used twice is stored once.
    """

    def __init__(self, weights: StateDict, has_kernels: bool = False) -> None:
        """has_kernels: whether who runs the graph knows operators of ours."""
        self._weights = weights
        self.has_kernels = has_kernels
        self._model = onnx.ModelProto(ir_version=IR_VERSION, producer_name="kokoro-fleet")
        self._model.opset_import.append(helper.make_opsetid("", OPSET))
        if has_kernels:
            self._model.opset_import.append(helper.make_opsetid(KERNELS_DOMAIN, 1))
        self._model.graph.name = "kokoro"
        self._stored: set[str] = set()
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}
        self._scope = "network"
        self._names: Counter[str] = Counter()
        self.watched: dict[str, Tensor] = {}
        """Values of rows (length, channels) whose ranges calibration wants to know, by name."""

    @contextmanager
    def scope(self, module: str) -> Iterator[None]:
        """Name the nodes made inside after a module."""
        outer, self._scope = self._scope, module
        try:
            yield
        finally:
            self._scope = outer

    def op(self, op_type: str, *inputs: Tensor | None, **attributes: Attribute) -> Tensor:
        """Add a node with one output; an input of None is one that is left out."""
        return self.op_n(op_type, 1, *inputs, **attributes)[0]

    def kernel(self, op_type: str, *inputs: Tensor, **attributes: Attribute) -> Tensor:
        """Add a node with one output that is an operator of ours."""
        made = self.op(op_type, *inputs, **attributes)
        self._model.graph.node[-1].domain = KERNELS_DOMAIN
        return made

    def op_n(self, op_type: str, num_outputs: int, *inputs: Tensor | None, **attributes: Attribute) -> list[Tensor]:
        """Add a node with several outputs."""
        name = self._unique(f"{self._scope}/{op_type}")
        outputs = [Tensor(f"{name}:{index}") for index in range(num_outputs)]
        node = helper.make_node(op_type, [name or "" for name in inputs], outputs, name)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self._model.graph.node.append(node)
        return outputs

    def name_output(self, tensor: Tensor, name: str) -> Tensor:
        """Give a value the name it has outside the graph."""
        self._model.graph.node.append(helper.make_node("Identity", [tensor], [name], f"output/{name}"))
        return Tensor(name)

    def weight(self, name: str) -> NDArray[np.float32]:
        """The state dict's tensor of that name, to store as it is or to fold something into first."""
        return self._weights[name]

    def has_weight(self, name: str) -> bool:
        """Whether the state dict holds that tensor: some layers have a bias or a shortcut, others do not."""
        return name in self._weights

    def parameter(self, name: str, value: NDArray[np.floating[Any]] | None = None) -> Tensor:
        """Store a tensor of the state dict under its own name, or ``value`` under a name that says what it is."""
        if name not in self._stored:
            self._store(name, self.weight(name) if value is None else value.astype(np.float32))
        return Tensor(name)

    def store(self, name: str, value: NDArray[np.generic]) -> Tensor:
        """Store ``value``, of any dtype, under a name that says what it is."""
        if name not in self._stored:
            self._store(name, value)
        return Tensor(name)

    def constant(self, value: NDArray[np.generic]) -> Tensor:
        """Store a small constant, once however often it is used."""
        key = (str(value.dtype), value.shape, value.tobytes())
        if key not in self._constants:
            self._constants[key] = Tensor(f"constant.{len(self._constants)}")
            self._store(self._constants[key], value)
        return self._constants[key]

    def floats(self, *values: float) -> Tensor:
        """A float32 constant: a scalar for one value, else a vector."""
        return self.constant(np.array(values[0] if len(values) == 1 else values, dtype=np.float32))

    def integer(self, value: int) -> Tensor:
        """An int64 scalar."""
        return self.constant(np.array(value, dtype=np.int64))

    def ints(self, *values: int) -> Tensor:
        """An int64 vector."""
        return self.constant(np.array(values, dtype=np.int64))

    def add(self, left: Tensor, right: Tensor) -> Tensor:
        """Elementwise sum, with broadcasting; likewise ``sub``, ``mul`` and ``div``."""
        return self.op("Add", left, right)

    def sub(self, left: Tensor, right: Tensor) -> Tensor:
        """Elementwise difference."""
        return self.op("Sub", left, right)

    def mul(self, left: Tensor, right: Tensor) -> Tensor:
        """Elementwise product."""
        return self.op("Mul", left, right)

    def div(self, left: Tensor, right: Tensor) -> Tensor:
        """Elementwise quotient."""
        return self.op("Div", left, right)

    def cast(self, value: Tensor, dtype: str) -> Tensor:
        """Convert to "float", "double" or "int64"."""
        return self.op("Cast", value, to=_DTYPES[dtype])

    def reshape(self, value: Tensor, *shape: int) -> Tensor:
        """Reshape; 0 keeps the input's length on that axis, -1 takes what is left."""
        return self.op("Reshape", value, self.ints(*shape))

    def transpose(self, value: Tensor, *axes: int) -> Tensor:
        """Permute the axes."""
        return self.op("Transpose", value, perm=axes)

    def concat(self, *values: Tensor, axis: int) -> Tensor:
        """Join along an axis."""
        return self.op("Concat", *values, axis=axis)

    def cumulative_sum(self, value: Tensor, axis: int) -> Tensor:
        """Sum of each element and all before it along an axis."""
        return self.op("CumSum", value, self.constant(np.array(axis, dtype=np.int64)))

    def slice(self, value: Tensor, start: int, end: int, axis: int) -> Tensor:
        """Cut ``start`` to ``end`` (which may be negative, or past the end) out of an axis."""
        return self.op("Slice", value, self.ints(start), self.ints(end), self.ints(axis))

    def model(self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """The graph so far as a model with these inputs and outputs."""
        self._model.graph.input.extend(inputs)
        self._model.graph.output.extend(outputs)
        return self._model

    def _store(self, name: str, value: NDArray[np.generic]) -> None:
        """Written into the model at once: 80 million weights are not to be held in one copy more than needed."""
        tensor = self._model.graph.initializer.add()
        tensor.name = name
        tensor.dims.extend(value.shape)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(value.dtype)
        tensor.raw_data = value.tobytes()
        self._stored.add(name)

    def _unique(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name] - 1}"
