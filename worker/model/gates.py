"""LSTM gate order: torch stacks input, forget, cell, output; ONNX stacks input, output, forget, cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TORCH_TO_ONNX = [0, 3, 1, 2]
_ONNX_TO_TORCH = [0, 2, 3, 1]


def torch_to_onnx(stacked: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorder the first axis, float32 (4 * hidden, ...), from i, f, c, o to i, o, f, c."""
    return _reorder(stacked, _TORCH_TO_ONNX)


def onnx_to_torch(stacked: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorder the first axis, float32 (4 * hidden, ...), from i, o, f, c to i, f, c, o."""
    return _reorder(stacked, _ONNX_TO_TORCH)


def _reorder(stacked: NDArray[np.float32], order: list[int]) -> NDArray[np.float32]:
    gates = stacked.reshape(4, -1, *stacked.shape[1:])
    return gates[order].reshape(stacked.shape)
