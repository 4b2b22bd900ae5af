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
from worker.model.network.network import FRAMES_PER_UNIT, unit_rows
from worker.model.network.placement import BLOCK, Placement, on_line


class EncodedBatch(NamedTuple):
    """A text batch under way."""

    members: list[int]
    durations: Tensor
    """int64 (jobs, tokens), on the CPU, complete once the device is done."""
    prosody: Tensor
    """The duration encoder's rows: float32 (jobs * tokens, channels), on the device."""
    text: Tensor
    """The text encoder's, likewise."""


class CurvedBatch(NamedTuple):
    """A batch of curves under way, on the device."""

    members: list[int]
    length: int
    """Frames that each job has room for."""
    curves: Tensor
    """F0 and loudness: float32 (jobs * length, 2)."""


class SpokenLine(NamedTuple):
    """A line of speech under way: on the CPU once ``done``."""

    members: list[int]
    placed: Placement
    pcm: Tensor
    finite: Tensor
    done: torch.cuda.Event | None


class Rows:
    """What many batches made of a stage, as one tensor, and where in it each job begins."""

    def __init__(self) -> None:
        self.first: dict[int, int] = {}
        self._parts: list[Tensor] = []
        self._count = 0

    def add(self, members: Sequence[int], length: int, made: Tensor) -> None:
        """Of a batch's jobs, each with ``length`` rows."""
        for row, index in enumerate(members):
            self.first[index] = self._count + row * length
        self._parts.append(made)
        self._count += len(made)

    @property
    def all(self) -> Tensor:
        if len(self._parts) > 1:
            self._parts = [torch.cat(self._parts)]
        return self._parts[0]


class Call:
    """What is known of the jobs of one ``synthesise`` so far."""

    def __init__(self, jobs: Sequence[EngineJob]) -> None:
        self.jobs = jobs
        self.results: dict[int, Speech | EngineError] = {}
        self.durations: dict[int, NDArray[np.int64]] = {}
        self.prosody, self.text, self.curves = Rows(), Rows(), Rows()
        for index, job in enumerate(jobs):
            if fault := job_fault(job):
                self.results[index] = fault

    def pending(self) -> list[int]:
        """Jobs that have neither spoken nor failed."""
        return [index for index in range(len(self.jobs)) if index not in self.results]

    def units(self, index: int) -> int:
        """How long a job speaks, once its durations are known."""
        return int(self.durations[index].sum())

    def keep_text(self, batch: EncodedBatch) -> None:
        """Note the durations of a text batch, and where its encodings are."""
        for row, index in enumerate(batch.members):
            self.durations[index] = batch.durations[row, : len(self.jobs[index].token_ids) + 2].numpy()
        self.prosody.add(batch.members, batch.durations.shape[1], batch.prosody)
        self.text.add(batch.members, batch.durations.shape[1], batch.text)

    def keep_curves(self, batch: CurvedBatch) -> None:
        """Note where a batch's curves are."""
        self.curves.add(batch.members, batch.length, batch.curves)

    def prosody_rows(self, members: Sequence[int], shape: tuple[int, int]) -> NDArray[np.int64]:
        """Which of ``prosody`` each unit reads, each job in a row of its own: int64 ``shape``."""
        made = np.zeros(shape, np.int64)
        for row, index in enumerate(members):
            made[row, : self.units(index)] = unit_rows(self.durations[index], self.prosody.first[index])
        return made

    def text_rows(self, members: Sequence[int], placed: Placement) -> NDArray[np.int64]:
        """Which of ``text`` each unit of a line reads: int64 (units,)."""
        return on_line([unit_rows(self.durations[index], self.text.first[index]) for index in members], placed)

    def curve_rows(self, members: Sequence[int], placed: Placement) -> NDArray[np.int64]:
        """Which of ``curves`` each frame of a line reads: int64 (frames,)."""
        frames = [self.curves.first[index] + np.arange(self.units(index) * FRAMES_PER_UNIT) for index in members]
        return on_line(frames, placed, FRAMES_PER_UNIT)

    def take(self, line: SpokenLine) -> None:
        """The results of a line that is done."""
        for row, index in enumerate(line.members):
            start = int(line.placed.first_blocks[row]) * BLOCK * SAMPLES_PER_DURATION_UNIT
            pcm = line.pcm[start : start + self.units(index) * SAMPLES_PER_DURATION_UNIT]
            if line.finite[row]:
                self.results[index] = Speech(pcm.numpy().copy(), self.durations[index].astype(np.int32))
            else:
                self.results[index] = EngineError("the model made audio that is not finite")


def padded_styles(jobs: Sequence[EngineJob], rows: int) -> NDArray[np.float32]:
    """The jobs' styles, then zeros: float32 (rows, 256)."""
    styles = np.zeros((rows, STYLE_SIZE), np.float32)
    styles[: len(jobs)] = [job.style for job in jobs]
    return styles


def too_long(units: int, most: int) -> EngineError:
    """For a job of more units than there is memory for."""
    seconds = [count * SAMPLES_PER_DURATION_UNIT / SAMPLE_RATE for count in (units, most)]
    return EngineError(
        f"a job speaks for {seconds[0]:.0f} s; memory is set aside for {seconds[1]:.0f} s", "out_of_memory"
    )
