"""Read a voice pack: for every number of tokens a chunk may have, the style vector to speak it with."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.model.state_dict import WeightsError
from worker.model.torch_file import read_torch_tensor

ROWS = 510
"""Style vectors in a pack; row n - 1 is for n tokens."""

STYLE_SIZE = 256

SUFFIXES = (".bin", ".pt")
"""The two kinds of voice file, the one to prefer first."""


def read_voice(path: Path) -> NDArray[np.float32]:
    """Read a voice pack as float32 (510, 256), rows by number of tokens.

    path: the hub's ``.pt`` (a tensor of shape (510, 1, 256)) or kokoro-js's ``.bin`` (the same numbers, raw
    little-endian float32). Raises WeightsError when the file is damaged, of another shape, or not finite.
    """
    pack = read_torch_tensor(path) if path.suffix == ".pt" else _read_raw(path)
    if pack.shape not in {(ROWS, 1, STYLE_SIZE), (ROWS, STYLE_SIZE)}:
        raise WeightsError(f"{path} has shape {pack.shape}, expected ({ROWS}, {STYLE_SIZE})")
    if not np.isfinite(pack).all():
        raise WeightsError(f"{path} holds values that are not finite")
    return pack.reshape(ROWS, STYLE_SIZE)


def _read_raw(path: Path) -> NDArray[np.float32]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error
    if len(content) != ROWS * STYLE_SIZE * 4:
        raise WeightsError(f"{path} holds {len(content)} bytes, expected {ROWS * STYLE_SIZE * 4}")
    return np.frombuffer(content, dtype="<f4").astype(np.float32).reshape(ROWS, STYLE_SIZE)


def content_sha256(path: Path) -> str:
    """SHA-256 of a voice's numbers as raw little-endian float32, whichever the kind of file. Raises WeightsError."""
    return hashlib.sha256(read_voice(path).astype("<f4").tobytes()).hexdigest()
