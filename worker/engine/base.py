"""The engine contract: what a worker asks of whatever turns token ids into sound.

An engine is synchronous, and called from one thread, or as many as it says. It knows nothing of Redis, requests or
voice names: it gets numbers and gives numbers, so that it runs alone from a plain checkout (numpy, and torch or
onnxruntime).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 24_000
"""Samples per second of everything Kokoro-82M makes."""

SAMPLES_PER_DURATION_UNIT = 600
"""One unit of a predicted token duration is 600 samples, 25 ms (two decoder frames of 300)."""

MAX_TOKENS = 510
"""Token ids a job may carry: the text encoder has 512 positions and adds a boundary token at either end."""

VOCABULARY_SIZE = 178
"""Rows of the embedding tables: token ids are 0 to 177."""

STYLE_SIZE = 256
"""Floats in a style vector: 128 for the decoder, then 128 for the prosody predictor."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the scheduler must know to form batches for an engine."""

    max_batch_jobs: int
    """Jobs run together at the most."""
    max_batch_tokens: int
    """Padded cost at the most: longest job's tokens times number of jobs."""
    prefetch_jobs: int
    """Jobs to hold ready while a batch runs; 0 where claiming costs nothing beside the batch."""
    batches_at_once: int = 1
    """Calls of ``synthesise`` that may run at a time, each from a thread of its own; where they are several, they run
    to their end."""
    is_interruptible: bool = False
    """Whether ``interrupt`` stops a batch soon, long before it would have ended."""


@dataclass(frozen=True, slots=True, eq=False)
class EngineJob:
    """One chunk as the engine sees it.

    token_ids: 1 to MAX_TOKENS ids, without the boundary zeros. style: float32 (256,). speed: 0.25 to 4.0, divides the
    predicted durations. seed: of the noise, for engines that have any.
    """

    token_ids: tuple[int, ...]
    style: NDArray[np.float32]
    speed: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """What an engine makes of a job.

    pcm: int16 (samples,) mono at SAMPLE_RATE. durations: int32 (tokens + 2,), in units of
    SAMPLES_PER_DURATION_UNIT, the boundary tokens' first and last; ``durations.sum() * 600 == len(pcm)``.
    """

    pcm: NDArray[np.int16]
    durations: NDArray[np.int32]


class EngineError(Exception):
    """A job, or a batch, that an engine could not do. ``code`` is stable and travels to the caller."""

    def __init__(self, message: str, code: str = "synthesis_failed") -> None:
        super().__init__(message)
        self.code = code


class Interrupted(Exception):
    """A batch was given up because ``Engine.interrupt`` was called; nothing of it was spoken."""


class Engine(Protocol):
    """Turns batches of jobs into speech."""

    @property
    def name(self) -> str:
        """Short name for logs, metrics and the worker's record: fake, reference, onnx, cuda."""

    @property
    def capabilities(self) -> Capabilities:
        """What a batch for this engine may hold."""

    def warm_up(self) -> None:
        """Do all one-time work (allocations, graph captures) so that no job pays for it."""

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        """Speak every job; same order, same length. A job that fails alone is an EngineError in its place.

        Raises EngineError when the batch as a whole failed, Interrupted when it was to end early.
        """

    def interrupt(self) -> None:
        """Give up the batch that runs; called from another thread. Does nothing between batches, nor in an engine that
        is not interruptible.
        """


def float_to_pcm16(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """Convert float audio in -1..1 to int16, rounding to nearest and clipping what lies outside."""
    pcm: NDArray[np.int16] = np.clip(np.rint(audio * 32767.0), -32768, 32767).astype(np.int16)
    return pcm


def job_fault(job: EngineJob) -> EngineError | None:
    """Why a job cannot be spoken, or None. A network would fail on such a job without a reason, or speak nonsense."""
    if not 1 <= len(job.token_ids) <= MAX_TOKENS:
        return EngineError(f"a job has {len(job.token_ids)} tokens, expected 1 to {MAX_TOKENS}")
    if not all(0 <= token < VOCABULARY_SIZE for token in job.token_ids):
        return EngineError(f"a job has token ids outside 0 to {VOCABULARY_SIZE - 1}")
    if job.style.shape != (STYLE_SIZE,) or not np.isfinite(job.style).all():
        return EngineError(f"a job's style is not {STYLE_SIZE} finite numbers")
    if not 0 < job.speed < float("inf"):
        return EngineError(f"a job has speed {job.speed}")
    return None


def speech_from_audio(audio: NDArray[np.float32], durations: NDArray[np.integer[Any]]) -> Speech | EngineError:
    """Check what a network made, and convert it.

    audio: float32 (samples,), -1..1 but for clipping. durations: integers (tokens + 2,). An EngineError when there is
    no audio, when it is not finite, or when its length is not what the durations say.
    """
    if audio.size == 0:
        return EngineError("the model made no audio")
    if not np.isfinite(audio).all():
        return EngineError("the model made audio that is not finite")
    if audio.shape != (int(durations.sum()) * SAMPLES_PER_DURATION_UNIT,):
        return EngineError(f"the model made {audio.shape} samples for durations of {int(durations.sum())} units")
    return Speech(pcm=float_to_pcm16(audio), durations=durations.astype(np.int32))
