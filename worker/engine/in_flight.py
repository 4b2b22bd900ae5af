"""The jobs of one ``synthesise``, from tokens to speech, and the batches of them that are under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.engine.base import (
    SAMPLE_RATE,
    SAMPLES_PER_DURATION_UNIT,
    STYLE_SIZE,
    EngineError,
    EngineJob,
    Speech,
    job_fault,
)


class EncodedBatch(NamedTuple):
    """A text batch under way."""

    members: list[int]
    durations: Tensor
    """int64 (jobs, tokens), on the CPU, complete once the device is done."""
    rows: Tensor
    """float32 (jobs * tokens, channels), on the device."""


class SpokenBatch(NamedTuple):
    """A speech batch under way: on the CPU once ``done``."""

    members: list[int]
    pcm: Tensor
    finite: Tensor
    done: torch.cuda.Event | None


class Call:
    """What is known of the jobs of one ``synthesise`` so far."""

    def __init__(self, jobs: Sequence[EngineJob]) -> None:
        self.jobs = jobs
        self.results: dict[int, Speech | EngineError] = {}
        self.durations: dict[int, NDArray[np.int64]] = {}
        self.first_row: dict[int, int] = {}
        self._parts: list[Tensor] = []
        for index, job in enumerate(jobs):
            if fault := job_fault(job):
                self.results[index] = fault

    def pending(self) -> list[int]:
        """Jobs that have neither spoken nor failed."""
        return [index for index in range(len(self.jobs)) if index not in self.results]

    def keep(self, encoded: EncodedBatch) -> None:
        """Note the durations of a text batch, and where its encodings begin among all."""
        start = sum(len(part) for part in self._parts)
        for row, index in enumerate(encoded.members):
            self.durations[index] = encoded.durations[row, : len(self.jobs[index].token_ids) + 2].numpy()
            self.first_row[index] = start + row * encoded.durations.shape[1]
        self._parts.append(encoded.rows)

    def encodings(self) -> Tensor:
        """All text batches' encodings: float32 (rows, channels), on the device."""
        if len(self._parts) > 1:
            self._parts = [torch.cat(self._parts)]
        return self._parts[0]


def padded_styles(jobs: Sequence[EngineJob], rows: int) -> NDArray[np.float32]:
    """The jobs' styles, then zeros: float32 (rows, 256)."""
    styles = np.zeros((rows, STYLE_SIZE), np.float32)
    styles[: len(jobs)] = [job.style for job in jobs]
    return styles


def speech_of(pcm: Tensor, finite: bool, durations: NDArray[np.int64]) -> Speech | EngineError:
    """One row of a batch: pcm int16 with its padding, durations int64 (tokens,)."""
    if not finite:
        return EngineError("the model made audio that is not finite")
    num_samples = int(durations.sum()) * SAMPLES_PER_DURATION_UNIT
    return Speech(pcm=pcm[:num_samples].numpy().copy(), durations=durations.astype(np.int32))


def too_long(units: int, budget: int) -> EngineError:
    """For a job of more units than there is memory for."""
    seconds, most = (count * SAMPLES_PER_DURATION_UNIT / SAMPLE_RATE for count in (units, budget))
    return EngineError(f"a job speaks for {seconds:.0f} s; memory is set aside for {most:.0f} s", "out_of_memory")
