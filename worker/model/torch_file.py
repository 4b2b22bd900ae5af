"""Read the tensors of a ``torch.save`` file with numpy alone, and nothing but tensors.

Format: a zip archive (torch 1.6 and later) of ``<name>/data.pkl``, a pickle in which every tensor's storage is a
persistent id, and of one raw little-endian file per storage, ``<name>/data/<key>``. Source: torch/serialization.py.
A pickle can name any function to call; the unpickler here knows the five names such a file needs and refuses the rest.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from worker.model.state_dict import WeightsError

_STORAGE_DTYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "LongStorage": "<i8"}


def read_torch_tensor(path: Path) -> NDArray[np.float32]:
    """Read a file that holds one tensor, such as a voice pack, as float32. Raises WeightsError."""
    loaded = _load(path)
    if not isinstance(loaded, np.ndarray):
        raise WeightsError(f"{path} holds a {type(loaded).__name__}, not a tensor")
    return loaded.astype(np.float32)


def read_torch_modules(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read a dict of modules' state dicts, such as ``kokoro-v1_0.pth``, into one flat dict.

    ``{"bert": {"module.encoder.weight": tensor}}`` becomes ``{"bert.encoder.weight": float32 array}``; ``module.`` is
    what torch's DataParallel puts before every name. Raises WeightsError.
    """
    loaded = _load(path)
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"{path} holds a {type(loaded).__name__}, not a dict of modules")
    flat: dict[str, NDArray[np.float32]] = {}
    for module, tensors in loaded.items():
        if not isinstance(tensors, Mapping):
            raise WeightsError(f"{path}: {module!r} is not a dict of tensors")
        for name, tensor in tensors.items():
            if not isinstance(tensor, np.ndarray):
                raise WeightsError(f"{path}: {module}.{name} is not a tensor")
            flat[f"{module}.{str(name).removeprefix('module.')}"] = tensor.astype(np.float32)
    return flat


def _load(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise WeightsError(f"{path} is a zip, but not one that torch.save wrote")
            with archive.open(pickles[0]) as stream:
                return _TensorUnpickler(stream, archive, pickles[0].removesuffix("data.pkl")).load()
    except (OSError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # What the unpickler raises when a file is damaged, or made to do what no tensor file does.
        raise WeightsError(f"{path} is not a well-formed file of tensors: {error}") from error


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors, their storages and the containers around them; refuses every other name."""

    def __init__(self, stream: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(stream)
        self._archive = archive
        self._folder = folder
        self._storages: dict[str, NDArray[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _RebuildTensor()
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _RebuildParameter()
        raise pickle.UnpicklingError(f"it wants {module}.{name}, which has no place in a file of tensors")

    def persistent_load(self, pid: tuple[str, str, str, str, int]) -> NDArray[Any]:
        """The storage of a tensor: ``("storage", dtype, key, device, number of elements)``."""
        kind, dtype, key, _device, num_elements = pid
        if kind != "storage" or dtype not in _STORAGE_DTYPES.values():
            _refuse(f"unknown persistent id {kind!r}")
        if key not in self._storages:
            stored = np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), dtype=dtype)
            if len(stored) != num_elements:
                _refuse(f"storage {key} holds {len(stored)} elements, {num_elements} were announced")
            self._storages[key] = stored
        return self._storages[key]


class _RebuildTensor:
    """``torch._utils._rebuild_tensor_v2``. An object without attributes, so that no pickle can alter it."""

    __slots__ = ()

    def __call__(
        self,
        storage: NDArray[Any],
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
        *_autograd: object,
    ) -> NDArray[Any]:
        if min((offset, *size, *stride)) < 0 or len(size) != len(stride):
            _refuse("a tensor has a negative size")
        last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
        if last >= len(storage):
            _refuse("a tensor reaches past its storage")
        strides = [step * storage.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(storage[offset:], size, strides, writeable=False).copy()


class _RebuildParameter:
    """``torch._utils._rebuild_parameter``: the tensor, without what training needs."""

    __slots__ = ()

    def __call__(self, tensor: NDArray[Any], *_autograd: object) -> NDArray[Any]:
        return tensor


def _refuse(reason: str) -> NoReturn:
    raise pickle.UnpicklingError(reason)
