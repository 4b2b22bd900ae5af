"""Writing a graph so that what is large in it is mapped into memory, not read.

Weights lie in a file of their own beside the graph, as ONNX's external data. ONNX Runtime maps that file: a worker is
ready sooner, and all workers of a host share one copy of the weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import onnx

from worker.model.files import written_whole
from worker.model.graph_file import weights_of

MAPPED_FROM_BYTES = 4096
"""A page. Shape inference and constant folding want small constants in the graph itself."""

ALIGNMENT = 64
"""A cache line, and the widest vector register."""


def write_graph(model: onnx.ModelProto, path: Path) -> int:
    """Write ``model`` to ``path`` and its weights to ``weights_of(path)``, both whole; returns their bytes in all.

    Takes the weights out of ``model``. The graph comes last: where it is, its weights are.
    """
    with written_whole(weights_of(path)) as stream:
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) >= MAPPED_FROM_BYTES:
                _move(tensor, stream, weights_of(path).name)
        size = stream.tell()
    content = model.SerializeToString(deterministic=True)
    with written_whole(path) as stream:
        stream.write(content)
    return size + len(content)


def _move(tensor: onnx.TensorProto, stream: BinaryIO, location: str) -> None:
    stream.write(bytes(-stream.tell() % ALIGNMENT))
    entries = {"location": location, "offset": str(stream.tell()), "length": str(len(tensor.raw_data))}
    stream.write(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
