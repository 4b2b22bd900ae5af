"""The names of built graphs: one for each source of weights, version of the code that builds, and kind of graph.

``kokoro-graph-<weights>-<code>-<kind>.onnx``, both hashes cut short. A graph's own weights are in a file of the same
name that ends in ``.weights``, the operators of ours that a fused one needs in one that ends in ``.so``. A change of
any gives another name, so nothing stale is ever loaded and nothing else is ever rebuilt. Beside them
``kokoro-graph-<weights>-<code>-auto.json`` says which precision was faster on the machine that built them.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Precision = Literal["fp32", "int8"]
"""float32 throughout, or the generator's residual blocks in 8-bit integers."""

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")

PrecisionSetting = Literal["fp32", "int8", "auto"]
"""auto: whichever the machine that built the graphs found to be faster."""

KernelsSetting = Literal["auto", "on", "off"]
"""Whether float32 graphs have operators of ours: where these can be compiled and have been measured, always, never."""

GraphKind = Literal["fused", "fp32", "int8"]
"""fused: float32 with operators of ours for the residual blocks. The others have ONNX Runtime's own alone."""

_FLOAT_KINDS: dict[KernelsSetting, tuple[GraphKind, ...]] = {
    "auto": ("fused", "fp32"),
    "on": ("fused",),
    "off": ("fp32",),
}

_HERE = Path(__file__).parent
_BUILDER = (
    "calibration.json",
    "calibration.py",
    "config.py",
    "export.py",
    "gates.py",
    "graph_writer.py",
    "onnx_weights.py",
    "state_dict.py",
    "torch_file.py",
    "weights.py",
    *sorted(f"graph/{path.name}" for path in (_HERE / "graph").glob("*.py")),
    "kernels/compile.py",
    *sorted(f"kernels/{path.name}" for path in (_HERE / "kernels").glob("*.[ch]")),
)
_DIGITS = 12


def kinds(precision: Precision, kernels: KernelsSetting) -> tuple[GraphKind, ...]:
    """The kinds of graph that may serve for a precision, best first."""
    return ("int8",) if precision == "int8" else _FLOAT_KINDS[kernels]


def graph_name(weights_sha256: str, kind: GraphKind) -> str:
    """File name of the graph that this code builds from weights of that hash."""
    return f"{_stem(weights_sha256)}-{kind}.onnx"


def choice_name(weights_sha256: str) -> str:
    """File name of the note that says which precision is faster here."""
    return f"{_stem(weights_sha256)}-auto.json"


@functools.cache
def code_hash() -> str:
    """Hash of every file that decides what a graph holds."""
    digest = hashlib.sha256()
    for name in _BUILDER:
        digest.update((_HERE / name).read_bytes())
    return digest.hexdigest()[:_DIGITS]


def weights_of(graph: Path) -> Path:
    """The file that holds a graph's weights."""
    return graph.with_suffix(".weights")


def library_of(graph: Path) -> Path:
    """The file that holds the operators of ours which a fused graph needs; no other graph has one."""
    return graph.with_suffix(".so")


def is_whole(graph: Path) -> bool:
    """Whether a graph is there with its weights and, if it is fused, its kernels."""
    has_kernels = library_of(graph).is_file() or not graph.stem.endswith("-fused")
    return graph.is_file() and weights_of(graph).is_file() and has_kernels


def remove_graph(graph: Path) -> None:
    """Remove a graph and what belongs to it."""
    graph.unlink()
    weights_of(graph).unlink(missing_ok=True)
    library_of(graph).unlink(missing_ok=True)


def graphs(model_dir: Path) -> list[Path]:
    """All built graphs in a folder, whatever code built them."""
    return sorted(model_dir.glob("kokoro-graph-*.onnx"))


def usable_graphs(model_dir: Path, kind: GraphKind) -> list[Path]:
    """The graphs of that kind in a folder which this code would build, whatever the weights."""
    return sorted(model_dir.glob(f"kokoro-graph-*-{code_hash()}-{kind}.onnx"))


def usable_choices(model_dir: Path) -> list[Path]:
    """The notes of faster precisions in a folder which this code would write, whatever the weights."""
    return sorted(model_dir.glob(f"kokoro-graph-*-{code_hash()}-auto.json"))


def read_choice(path: Path) -> Precision:
    """The precision that a note says is faster. Raises ValueError when it says none."""
    precision: Precision | None = json.loads(path.read_text(encoding="utf-8")).get("precision")
    if precision not in PRECISIONS:
        raise ValueError(f"{path} names no precision")
    return precision


def choice_note(seconds: Mapping[Precision, float], chosen: Precision) -> bytes:
    """Content of such a note: what was chosen, and the seconds that each took to say the same."""
    return json.dumps(
        {"precision": chosen, "seconds": {name: round(time, 3) for name, time in seconds.items()}}
    ).encode()


def built_by_this_code(path: Path) -> bool:
    """Whether the graph or note of that name is one that this code would build."""
    return f"-{code_hash()}-" in path.stem


def _stem(weights_sha256: str) -> str:
    return f"kokoro-graph-{weights_sha256[:_DIGITS]}-{code_hash()}"
