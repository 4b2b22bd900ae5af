"""Which of several graphs is faster on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from worker.engine.base import EngineError, EngineJob
from worker.engine.onnx import OnnxEngine
from worker.engine.session import SessionSettings
from worker.model.calibration import calibration_set, utterance_style
from worker.model.graph_file import Precision

ROUNDS = 4
"""Each graph's fastest of so many counts: what else the machine does only ever makes it slower."""

MIN_GAIN = 0.1
"""int8 is not quite lossless, so it has to save a tenth of the time to be chosen."""


def seconds_to_speak(
    graphs: Mapping[Precision, Path], settings: SessionSettings, voices_dir: Path
) -> dict[Precision, float]:
    """Seconds that each graph takes for the calibration set's first utterance; they take turns.

    Raises EngineError when one cannot be loaded or fails, ModelUnavailable when the utterance's voice is missing.
    """
    utterance = calibration_set()[0]
    style = utterance_style(voices_dir, utterance)[0]
    job = EngineJob(utterance.ids, style, speed=1.0, seed=0)
    engines = {precision: OnnxEngine(path, settings) for precision, path in graphs.items()}
    taken: dict[Precision, list[float]] = {precision: [] for precision in graphs}
    for _ in range(ROUNDS):
        for precision, engine in engines.items():
            start = time.perf_counter()
            [made] = engine.synthesise([job])
            taken[precision].append(time.perf_counter() - start)
            if isinstance(made, EngineError):
                raise made
    return {precision: min(seconds) for precision, seconds in taken.items()}


def faster(seconds: Mapping[Precision, float]) -> Precision:
    """int8 where it is faster by ``MIN_GAIN``, else fp32."""
    return "int8" if seconds["int8"] <= (1 - MIN_GAIN) * seconds["fp32"] else "fp32"
