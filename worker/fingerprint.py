"""What a worker's samples depend on, as one short name: workers of one name are taken to speak alike.

Not in it: the processor, whose instructions may change a float's last bit, and how jobs are batched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from worker.engine.base import Engine
from worker.model.files import sha256_of
from worker.model.sources import ModelStore
from worker.model.voice_file import SUFFIXES
from worker.settings import WorkerSettings

_HERE = Path(__file__).parent
_DIGITS = 16


def fingerprint(settings: WorkerSettings, engine: Engine) -> str:
    """Hash of the engine, its options, its weights, the voice files and this package's code.

    Code counts as a whole: a release that changes none of the samples costs a cold cache, one that changes some and
    were not noticed would cost mixed audio. Voice files are taken to stay as they are while the worker runs.
    """
    digest = hashlib.sha256()
    for word in (engine.name, *_model(settings), *_hashes(_HERE, ".py")):
        digest.update(word.encode() + b"\0")
    return digest.hexdigest()[:_DIGITS]


def _model(settings: WorkerSettings) -> Iterator[str]:
    store = ModelStore(settings.model_dir, settings.voices_path)
    match settings.chosen_engine:
        case "fake":
            return
        case "onnx":
            # Its name tells the weights, the code that built it and the kind of graph.
            graph = store.onnx_path(settings.onnx_precision, settings.onnx_kernels)
            yield from (graph.name, settings.onnx_optimization_level)
        case "cuda":
            how = (settings.vocoder_dtype, settings.torch_kernels, str(settings.torch_compile))
            yield from (sha256_of(store.weights_path), *how)
        case _:
            yield sha256_of(store.weights_path)
    for suffix in SUFFIXES:
        yield from _hashes(settings.voices_path, suffix)


def _hashes(folder: Path, suffix: str) -> Iterator[str]:
    for path in sorted(folder.rglob(f"*{suffix}")):
        yield f"{path.relative_to(folder)} {sha256_of(path)}"
