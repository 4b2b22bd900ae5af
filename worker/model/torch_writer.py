"""Write a file of one tensor in ``torch.save``'s format, with numpy alone; ``torch_file`` is the reader.

Apart from the reader, because a change of that one is a change of the code that builds graphs (``graph_file``).
"""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np
from numpy.typing import NDArray


def torch_tensor_file(tensor: NDArray[np.float32]) -> bytes:
    """A file of one tensor, as ``torch.save`` writes it, which ``torch.load(..., weights_only=True)`` reads.

    tensor: float32, of any shape. The same tensor gives the same bytes.
    """
    content = np.ascontiguousarray(tensor, dtype="<f4")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # stored: torch reads nothing else
        for name, part in (
            ("data.pkl", _tensor_pickle(content.shape)),
            ("byteorder", b"little"),
            ("data/0", content.tobytes()),
            ("version", b"3\n"),
        ):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), part)
    return file.getvalue()


def _tensor_pickle(shape: tuple[int, ...]) -> bytes:
    """The pickle of a contiguous float32 tensor over storage 0, opcode by opcode: what it calls is not here to import.

    ``_rebuild_tensor_v2(storage, offset 0, shape, stride, requires_grad False, no hooks)``.
    """
    count = int(np.prod(shape))
    stride = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    storage = (_plain("storage"), b"ctorch\nFloatStorage\n", _plain("0"), _plain("cpu"), _plain(count))
    arguments = (
        _tuple(*storage) + pickle.BINPERSID,
        *(_plain(value) for value in (0, shape, stride, False)),
        b"ccollections\nOrderedDict\n" + pickle.EMPTY_TUPLE + pickle.REDUCE,
    )
    call = b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(*arguments) + pickle.REDUCE
    return pickle.PROTO + b"\x02" + call + pickle.STOP


def _tuple(*items: bytes) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE


def _plain(value: object) -> bytes:
    """A plain value's opcodes, without header, end and memo."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, protocol=2)
    pickler.fast = True
    pickler.dump(value)
    return stream.getvalue()[2:-1]
