"""Writes files in torch.save's format without torch, opcode by opcode, so that tests can also write evil ones."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "float64": "DoubleStorage", "int64": "LongStorage"}


class TorchFile:
    """Collects storages, and gives the opcodes that rebuild tensors from them."""

    def __init__(self) -> None:
        self.storages: list[bytes] = []

    def tensor(
        self, array: NDArray[np.generic], *, shape: tuple[int, ...] | None = None, stride: tuple[int, ...] | None = None
    ) -> bytes:
        """``_rebuild_tensor_v2((storage), 0, shape, stride, False, OrderedDict())``."""
        key = str(len(self.storages))
        self.storages.append(array.tobytes())
        steps = [step // array.itemsize for step in array.strides]
        storage = _tuple(
            _value("storage"),
            _global("torch", _STORAGES[array.dtype.name]),
            _value(key),
            _value("cpu"),
            _value(array.size),
        )
        arguments = _tuple(
            storage + pickle.BINPERSID,
            _value(0),
            _value(array.shape if shape is None else shape),
            _value(tuple(steps) if stride is None else stride),
            _value(False),
            _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE,
        )
        return _global("torch._utils", "_rebuild_tensor_v2") + arguments + pickle.REDUCE

    def write(self, path: Path, body: bytes) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.PROTO + b"\x02" + body + pickle.STOP)
            for key, storage in enumerate(self.storages):
                archive.writestr(f"archive/data/{key}", storage)
        return path


def mapping(entries: Mapping[str, bytes]) -> bytes:
    """An OrderedDict, as state dicts are: made by a call, then filled."""
    items = b"".join(_value(name) + value for name, value in entries.items())
    empty = _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
    return empty + pickle.MARK + items + pickle.SETITEMS


def call(module: str, name: str, *arguments: object) -> bytes:
    """Opcodes that call any function there is."""
    return _global(module, name) + _tuple(*(_value(argument) for argument in arguments)) + pickle.REDUCE


def write_modules(path: Path, tensors: Mapping[str, NDArray[np.generic]], prefix: str = "module.") -> Path:
    """A ``.pth`` like the official one: modules, each a state dict whose names begin with ``prefix``."""
    file = TorchFile()
    modules: dict[str, dict[str, bytes]] = {}
    for name, tensor in tensors.items():
        module, rest = name.split(".", 1)
        modules.setdefault(module, {})[prefix + rest] = file.tensor(np.ascontiguousarray(tensor))
    return file.write(path, mapping({module: mapping(entries) for module, entries in modules.items()}))


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _tuple(*items: bytes) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE


def _value(value: object) -> bytes:
    """A plain value's opcodes, without the header and the end, and without memo entries."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, protocol=2)
    pickler.fast = True
    pickler.dump(value)
    return stream.getvalue()[2:-1]
