"""The jobs of one ``synthesise``, from tokens to speech, and the batches of them that are under way."""

from __future__ import annotations

import math
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
from worker.model.config import KOKORO_V1
from worker.model.network.network import unit_rows
from worker.model.network.placement import BLOCK, Placement, on_line


class Rows:
    """What many batches made of a stage, as one tensor on the device, and where in it each job begins."""

    def __init__(self) -> None:
        self.first: dict[int, int] = {}
        self._parts: list[Tensor] = []
        self._count = 0

    def add(self, members: Sequence[int], made: Tensor) -> None:
        """Of a batch's jobs: (batch, length, channels), of which ``members`` are the first rows."""
        for row, index in enumerate(members):
            self.first[index] = self._count + row * made.shape[1]
        self._parts.append(made.flatten(0, 1))
        self._count += len(self._parts[-1])

    @property
    def all(self) -> Tensor:
        """(rows, channels)"""
        if len(self._parts) > 1:
            self._parts = [torch.cat(self._parts)]
        return self._parts[0]

    def padded(self, members: Sequence[int], lengths: Sequence[int], shape: tuple[int, int]) -> NDArray[np.int64]:
        """Which row each place of a padded batch reads, all of a job's in order: int64 ``shape``."""
        made = np.zeros(shape, np.int64)
        for row, (index, length) in enumerate(zip(members, lengths, strict=True)):
            made[row] = self.first[index]  # also in padding: another job's rows need not be finite
            made[row, :length] += np.arange(length)
        return made


class TimedBatch(NamedTuple):
    """A batch of durations under way."""

    members: list[int]
    durations: Tensor
    """int64 (jobs, tokens), on the CPU, complete once the device is done."""
    prosody: Tensor
    text: Tensor


class SpokenLine(NamedTuple):
    """A line of speech under way: on the CPU once ``done``."""

    members: list[int]
    placed: Placement
    pcm: Tensor
    finite: Tensor
    done: torch.cuda.Event | None


class Call:
    """What is known of the jobs of one ``synthesise`` so far."""

    def __init__(self, jobs: Sequence[EngineJob]) -> None:
        self.jobs = jobs
        self.results: dict[int, Speech | EngineError] = {}
        self.durations: dict[int, NDArray[np.int64]] = {}
        self.words, self.letters = Rows(), Rows()
        """Of tokens, in their context and by themselves."""
        self.prosody, self.text = Rows(), Rows()
        """Of tokens, with durations known."""
        self.contour = Rows()
        """Of units."""
        for index, job in enumerate(jobs):
            if fault := job_fault(job):
                self.results[index] = fault

    def pending(self) -> list[int]:
        """Jobs that have neither spoken nor failed."""
        return [index for index in range(len(self.jobs)) if index not in self.results]

    def units(self, index: int) -> int:
        """How long a job speaks, once its durations are known."""
        return int(self.durations[index].sum())

    def tokens(self, index: int) -> int:
        """How many a job has, with its boundary tokens."""
        return len(self.jobs[index].token_ids) + 2

    def keep_durations(self, batch: TimedBatch) -> None:
        """Note how long the jobs of a batch last, and where their encodings are."""
        for row, index in enumerate(batch.members):
            lasts = batch.durations[row, : self.tokens(index)].numpy()
            self.durations[index] = lasts
            if lasts.min() < 1 or lasts.max() > math.ceil(KOKORO_V1.max_dur / self.jobs[index].speed):
                self.results[index] = EngineError("the model made durations that are no numbers")
        self.prosody.add(batch.members, batch.prosody)
        self.text.add(batch.members, batch.text)

    def join(self) -> None:
        """Make what a line reads one tensor each, on the stream that made the parts: they are freed there."""
        if self.pending():
            _ = self.contour.all, self.text.all

    def prosody_rows(self, members: Sequence[int], shape: tuple[int, int]) -> NDArray[np.int64]:
        """Which of ``prosody`` each unit reads, each job in a row of its own: int64 ``shape``."""
        made = np.zeros(shape, np.int64)
        for row, index in enumerate(members):
            made[row] = self.prosody.first[index]
            made[row, : self.units(index)] = unit_rows(self.durations[index], self.prosody.first[index])
        return made

    def contour_rows(self, members: Sequence[int], placed: Placement) -> NDArray[np.int64]:
        """Which of ``contour`` each unit of a line reads: int64 (units,)."""
        return on_line([self.contour.first[index] + np.arange(self.units(index)) for index in members], placed)

    def text_rows(self, members: Sequence[int], placed: Placement) -> NDArray[np.int64]:
        """Which of ``text`` each unit of a line reads: int64 (units,)."""
        return on_line([unit_rows(self.durations[index], self.text.first[index]) for index in members], placed)

    def take(self, line: SpokenLine) -> None:
        """The results of a line, once it is done."""
        if line.done is not None:
            line.done.synchronize()
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
