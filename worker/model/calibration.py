"""What the convolutions' inputs and outputs hold while a fixed set of utterances is spoken: for static quantisation.

The set is ours: one or two sentences in each of nine languages, as phonemes, in twelve voices of both sexes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from worker.model.graph.int8_conv import Ranges
from worker.model.progress import Progress
from worker.model.sources import ModelUnavailable
from worker.model.state_dict import StateDict
from worker.model.voice_file import SUFFIXES, read_voice

SET = Path(__file__).with_name("calibration.json")

STEP = "calibrating"


class Utterance(NamedTuple):
    """Something to say: a released voice, phonemes, and their token ids."""

    voice: str
    phonemes: str
    ids: tuple[int, ...]


def calibration_set() -> list[Utterance]:
    """The fixed set."""
    entries = json.loads(SET.read_text(encoding="utf-8"))
    return [Utterance(entry["voice"], entry["phonemes"], tuple(entry["ids"])) for entry in entries]


def measure_ranges(model: onnx.ModelProto, names: Sequence[str], voices_dir: Path, progress: Progress) -> StateDict:
    """Speak the set; return the ``Ranges`` of every convolution, as tensors ``<name>.<field>`` to add to the weights.

    model: the float32 graph with outputs ``<name>.input_low`` and so on, float32 (channels,), for each of ``names``
    (``worker.model.export`` makes it). Raises ModelUnavailable.
    """
    outputs = [f"{name}.{field}" for name in names for field in Ranges._fields]
    merge = [np.minimum if output.endswith("low") else np.maximum for output in outputs]
    found: list[NDArray[np.float32]] = []
    for values in _speak(model, outputs, voices_dir, progress):
        found = [join(one, other) for join, one, other in zip(merge, found, values, strict=True)] if found else values
    return dict(zip(outputs, found, strict=True))


def _speak(
    model: onnx.ModelProto, outputs: Sequence[str], voices_dir: Path, progress: Progress
) -> Iterator[list[NDArray[np.float32]]]:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelUnavailable("int8 needs onnxruntime to calibrate: install kokoro-fleet[worker-cpu]") from error
    utterances = calibration_set()
    styles = [utterance_style(voices_dir, utterance) for utterance in utterances]
    progress.step(STEP, 0, len(utterances))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for done, (utterance, style) in enumerate(zip(utterances, styles, strict=True), 1):
        inputs = {
            "tokens": np.array([[0, *utterance.ids, 0]], np.int64),
            "style": style,
            "speed": np.ones(1, np.float32),
        }
        values: list[NDArray[np.float32]] = session.run(list(outputs), inputs)
        yield values
        progress.step(STEP, done, len(utterances))


def utterance_style(voices_dir: Path, utterance: Utterance) -> NDArray[np.float32]:
    """The style to speak an utterance with: float32 (1, 256). Raises ModelUnavailable where there is no such voice."""
    for suffix in SUFFIXES:
        if (path := voices_dir / f"{utterance.voice}{suffix}").is_file():
            style: NDArray[np.float32] = read_voice(path)[len(utterance.ids) - 1 : len(utterance.ids)]
            return style
    raise ModelUnavailable(f"{voices_dir} lacks the voice {utterance.voice}, which calibration speaks with")
