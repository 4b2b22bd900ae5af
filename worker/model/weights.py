"""The state dict, whichever file it comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.model.config import KOKORO_V1, KokoroConfig
from worker.model.state_dict import StateDict, WeightsError, check_state_dict, fold_weight_norm
from worker.model.torch_file import read_torch_modules


def load_state_dict(path: Path, config: KokoroConfig = KOKORO_V1) -> StateDict:
    """Read Kokoro-82M's weights as float32 arrays under the names of ``state_dict.expected_shapes``.

    path: the hub's ``kokoro-v1_0.pth``, or kokoro-onnx's ``kokoro-v1.0.int8.onnx``, which needs the ``onnx`` library.
    Raises WeightsError when the file is of neither kind, is damaged, or lacks a tensor.
    """
    match path.suffix:
        case ".pth":
            return check_state_dict(_fold_pairs(read_torch_modules(path)), config)
        case ".onnx":
            # Imported here: the only reader that needs the onnx library.
            from worker.model.onnx_weights import read_onnx_weights

            return read_onnx_weights(path, config)
        case suffix:
            raise WeightsError(f"{path} is neither a .pth nor an .onnx file but {suffix or 'without a suffix'}")


def _fold_pairs(tensors: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Replace each ``X.weight_v`` and ``X.weight_g`` by the ``X.weight`` they stand for."""
    folded = {name: tensor for name, tensor in tensors.items() if not name.endswith((".weight_v", ".weight_g"))}
    for name, direction in tensors.items():
        if name.endswith(".weight_v"):
            module = name.removesuffix("_v")
            magnitude = tensors.get(f"{module}_g")
            if magnitude is None or magnitude.size != len(direction):
                raise WeightsError(f"{name} has no matching weight_g")
            folded[module] = fold_weight_norm(direction, magnitude)
    return folded
