"""What one file of the model is, and whether it is what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from worker.model import pins
from worker.model.files import sha256_of
from worker.model.graph_file import built_by_this_code, is_whole, weights_of
from worker.model.state_dict import WeightsError
from worker.model.voice_file import content_sha256

_ORIGINS = {".pth": "hub", ".pt": "hub", ".onnx": "package registries", ".bin": "package registries"}


@dataclass(frozen=True, slots=True)
class FileCheck:
    """The result for one file."""

    name: str
    ok: bool
    detail: str
    size: int
    """Bytes; 0 for a file that is missing."""
    source: str
    """Where such a file comes from: hub, package registries, built here, own, or nothing for one that is missing."""


def missing_file(name: str) -> FileCheck:
    """The check of a file that should be there and is not."""
    return FileCheck(name, ok=False, detail="missing", size=0, source="")


def check_weights(path: Path, pinned: pins.Pinned) -> FileCheck:
    """Whether a file of weights has the content that was released."""
    found = sha256_of(path)
    ok = found == pinned.sha256
    detail = "as released" if ok else f"not as released: its SHA-256 is {found}"
    return FileCheck(path.name, ok, detail, path.stat().st_size, _ORIGINS[path.suffix])


def check_voice(path: Path) -> FileCheck:
    """Whether a voice file decodes and, for a ``.bin`` by the name of a released voice, is that voice.

    A ``.pt`` may differ, for the hub may revise it, and so may the operator's own voices, whose names are not released.
    """
    size, source = path.stat().st_size, _ORIGINS[path.suffix] if path.stem in pins.VOICES else "own"
    try:
        found = content_sha256(path)
    except WeightsError as error:
        return FileCheck(path.name, ok=False, detail=str(error), size=size, source=source)
    if source == "own":
        return FileCheck(path.name, ok=True, detail="a voice of your own", size=size, source=source)
    if found == pins.VOICES[path.stem]:
        return FileCheck(path.name, ok=True, detail="as released", size=size, source=source)
    return FileCheck(
        path.name, ok=path.suffix == ".pt", detail="a voice, but not as released", size=size, source=source
    )


def check_graph(path: Path) -> FileCheck:
    """Whether a built graph is the current code's."""
    if not is_whole(path):
        return FileCheck(path.name, ok=False, detail="lacks a part", size=path.stat().st_size, source="built here")
    detail = "built by this code" if built_by_this_code(path) else "built by other code, not used"
    size = path.stat().st_size + weights_of(path).stat().st_size
    return FileCheck(path.name, ok=True, detail=detail, size=size, source="built here")
