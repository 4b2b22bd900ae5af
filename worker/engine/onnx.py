"""The CPU engine: the exported graph in ONNX Runtime, one job at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidProtobuf,
    NoSuchFile,
    RuntimeException,
)

from worker.engine.allocator import return_large_buffers
from worker.engine.base import (
    MAX_TOKENS,
    STYLE_SIZE,
    Capabilities,
    EngineError,
    EngineJob,
    Interrupted,
    Speech,
    job_fault,
    speech_from_audio,
)
from worker.engine.session import SessionSettings, session_options
from worker.model.graph_file import library_of

_RUNTIME_ERRORS = (Fail, InvalidArgument, InvalidProtobuf, NoSuchFile, RuntimeException)


class OnnxEngine:
    """Speaks with a graph that ``worker.model.export`` built.

    model_path: the graph; kernels of ours that it needs lie beside it. settings: how ONNX Runtime is to run it. Raises
    EngineError when the graph cannot be loaded.
    Batches hold one job: on a CPU one utterance keeps all cores busy, and a batch would only make its first job wait
    for its last.
    """

    name = "onnx"

    def __init__(self, model_path: Path, settings: SessionSettings | None = None) -> None:
        self.capabilities = Capabilities(
            max_batch_jobs=1, max_batch_tokens=MAX_TOKENS, prefetch_jobs=0, is_interruptible=True
        )
        return_large_buffers()
        self._run_options = onnxruntime.RunOptions()
        # Give back after each run what it allocated: an arena that has seen one long chunk else keeps its size for
        # good.
        self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        try:
            options = session_options(settings or SessionSettings())
            if library_of(model_path).is_file():
                options.register_custom_ops_library(str(library_of(model_path)))
            self._session = onnxruntime.InferenceSession(str(model_path), options, providers=["CPUExecutionProvider"])
        except _RUNTIME_ERRORS as error:
            raise EngineError(f"{model_path} cannot be loaded: {error}") from error

    def warm_up(self) -> None:
        """Speak one token: the first run allocates what later ones reuse."""
        self._speak(EngineJob(token_ids=(1,), style=np.zeros(STYLE_SIZE, dtype=np.float32), speed=1.0, seed=0))

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        """Speak the jobs one after the other; the seed is not used, for the graph has no noise."""
        self._run_options.terminate = False
        return [self._speak(job) for job in batch]

    def interrupt(self) -> None:
        """ONNX Runtime looks at this before each node of the graph: some milliseconds, tens at the most."""
        self._run_options.terminate = True

    def _speak(self, job: EngineJob) -> Speech | EngineError:
        if fault := job_fault(job):
            return fault
        inputs = {
            "tokens": np.array([[0, *job.token_ids, 0]], dtype=np.int64),
            "style": np.ascontiguousarray(job.style, dtype=np.float32).reshape(1, STYLE_SIZE),
            "speed": np.array([job.speed], dtype=np.float32),
        }
        try:
            audio, durations = self._session.run(["audio", "durations"], inputs, self._run_options)
        except _RUNTIME_ERRORS as error:
            if self._run_options.terminate:
                raise Interrupted from error
            return EngineError(f"the graph failed on a job of {len(job.token_ids)} tokens: {error}")
        return speech_from_audio(audio, durations)
