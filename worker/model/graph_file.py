"""The names of built graphs: one for each source of weights and version of the code that builds.

``kokoro-graph-<weights>-<code>.onnx``, both hashes cut short. A change of either gives another name, so nothing stale
is ever loaded and nothing else is ever rebuilt.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

_HERE = Path(__file__).parent
_BUILDER = (
    "config.py",
    "export.py",
    "gates.py",
    "onnx_weights.py",
    "state_dict.py",
    "torch_file.py",
    "weights.py",
    *sorted(f"graph/{path.name}" for path in (_HERE / "graph").glob("*.py")),
)
_DIGITS = 12


def graph_name(weights_sha256: str) -> str:
    """File name of the graph that this code builds from weights of that hash."""
    return f"kokoro-graph-{weights_sha256[:_DIGITS]}-{code_hash()}.onnx"


@functools.cache
def code_hash() -> str:
    """Hash of every file that decides what a graph holds."""
    digest = hashlib.sha256()
    for name in _BUILDER:
        digest.update((_HERE / name).read_bytes())
    return digest.hexdigest()[:_DIGITS]


def graphs(model_dir: Path) -> list[Path]:
    """All built graphs in a folder, whatever code built them."""
    return sorted(model_dir.glob("kokoro-graph-*.onnx"))


def built_by_this_code(path: Path) -> bool:
    """Whether the graph of that name is one that this code would build."""
    return path.stem.endswith(f"-{code_hash()}")
