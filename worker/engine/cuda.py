"""The GPU engine: our own network in padded batches, at shapes that were compiled and captured beforehand.

Text is encoded in batches of like token count; then, durations known, jobs are batched anew by the length of their
audio. Runs on torch's other devices too, without graphs: slower, and otherwise the same.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.engine.allocator import return_large_buffers
from worker.engine.base import (
    STYLE_SIZE,
    Capabilities,
    EngineError,
    EngineJob,
    Speech,
)
from worker.engine.in_flight import Call, EncodedBatch, SpokenBatch, padded_styles, speech_of, too_long
from worker.engine.ladder import Ladder, Rungs
from worker.engine.stage import Stage
from worker.model.config import KOKORO_V1, KokoroConfig
from worker.model.network.network import Network, pcm16, unit_rows
from worker.model.state_dict import StateDict

log = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TorchOptions:
    """How a TorchEngine runs."""

    ladder: Ladder = field(default_factory=Ladder)
    """The shapes made ready at warm-up; its budgets bound the memory."""
    vocoder_dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    """Of the decoder and generator; the rest is float32 whatever this says."""
    noise: bool = True
    """Keep the harmonic source's noise, drawn from each job's seed."""
    compile_backend: str | None = None
    """``torch.compile``'s, "inductor" in earnest; None: no compilation."""
    compile_cache_dir: Path | None = None
    """Where compiled code is kept from one start to the next; None: torch's own default."""


class TorchEngine:
    """Speaks batches with ``worker.model.network``.

    weights: a complete state dict (``load_state_dict``). device: from ``choose_device``. Raises EngineError when the
    weights do not fit the device.
    """

    def __init__(
        self,
        weights: StateDict,
        device: torch.device,
        options: TorchOptions | None = None,
        config: KokoroConfig = KOKORO_V1,
    ) -> None:
        options = options or TorchOptions()
        self.name = "cuda" if device.type == "cuda" else f"torch-{device.type}"
        self._ladder = options.ladder
        text = options.ladder.text
        self.capabilities = Capabilities(
            max_batch_jobs=text.jobs[-1], max_batch_tokens=text.budget, prefetch_jobs=text.jobs[-1]
        )
        self._device = device
        self._noise = options.noise
        _configure_torch(device, options.compile_cache_dir)
        try:
            self._network = Network(weights, config, device=device, dtype=getattr(torch, options.vocoder_dtype))
        except torch.OutOfMemoryError as error:
            raise EngineError(f"the weights do not fit the device: {error}", "out_of_memory") from error
        pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None
        self._text = Stage(self._network.text, device, backend=options.compile_backend, pool=pool)
        self._speech = Stage(self._pcm, device, backend=options.compile_backend, pool=pool)

    @property
    def preparations(self) -> int:
        """Compilations and captures so far: all of them at warm-up, none for a job."""
        return self._text.preparations + self._speech.preparations

    def warm_up(self) -> None:
        """Compile and capture every shape of the ladder; without compiler and graphs, run the smallest.

        Raises EngineError when the device has not the memory for the ladder.
        """
        started = time.monotonic()
        which = slice(None) if self._text.prepares else slice(-1, None)
        channels = 2 * self._network.config.hidden
        try:
            with torch.inference_mode():
                for jobs, length in self._ladder.speech.shapes()[which]:
                    self._speech.prepare(torch.zeros(jobs, length, channels), *_padding(jobs))
                for jobs, length in self._ladder.text.shapes()[which]:
                    lengths, style, _ = _padding(jobs)
                    self._text.prepare(torch.zeros(jobs, length, dtype=torch.long), lengths, style, torch.ones(jobs))
        except torch.OutOfMemoryError as error:
            raise EngineError(f"the device has not the memory for the ladder: {error}", "out_of_memory") from error
        log.info("%d shapes ready in %.1f s", self.preparations, time.monotonic() - started)

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        """Speak the jobs, in as many batches of the ladder as they fill.

        A job without memory to run even alone is an EngineError of code ``out_of_memory`` in its place. Raises
        EngineError when torch fails in another way.
        """
        call = Call(batch)
        try:
            with torch.inference_mode():
                self._encode(call)
                self._speak(call)
        except RuntimeError as error:
            raise EngineError(f"torch failed on a batch of {len(batch)} jobs: {error}") from error
        return [call.results[index] for index in range(len(batch))]

    def interrupt(self) -> None:
        """Does nothing: what is on the device runs to its end; and a batch is short."""

    def _encode(self, call: Call) -> None:
        """Durations of every job, and where its encodings are."""
        pending, lengths = call.pending(), [len(job.token_ids) + 2 for job in call.jobs]
        launched = []
        for members in _batches(self._ladder.text, pending, lengths):
            launched += self._in_halves(call, members, self._launch_text)
        self._wait()
        for encoded in launched:
            call.keep(encoded)

    def _speak(self, call: Call) -> None:
        """All batches are launched before the first is fetched: the host prepares one while another runs."""
        units = {index: int(call.durations[index].sum()) for index in call.pending()}
        for index, count in units.items():
            if count > self._ladder.speech.budget:
                call.results[index] = too_long(count, self._ladder.speech.budget)
        launched = []
        for members in _batches(self._ladder.speech, call.pending(), units):
            launched += self._in_halves(call, members, self._launch_speech)
        for spoken in launched:
            if spoken.done is not None:
                spoken.done.synchronize()
            for row, index in enumerate(spoken.members):
                call.results[index] = speech_of(spoken.pcm[row], bool(spoken.finite[row]), call.durations[index])

    def _launch_text(self, call: Call, members: list[int]) -> EncodedBatch:
        jobs = [call.jobs[index] for index in members]
        rows, length = self._ladder.text.shape([len(job.token_ids) + 2 for job in jobs])
        tokens = np.zeros((rows, length), np.int64)
        lengths, speed = np.ones(rows, np.int64), np.ones(rows, np.float32)
        for row, job in enumerate(jobs):
            tokens[row, 1 : len(job.token_ids) + 1] = job.token_ids
            lengths[row], speed[row] = len(job.token_ids) + 2, job.speed
        inputs = (tokens, lengths, padded_styles(jobs, rows), speed)
        durations, encodings = self._text(*(self._pinned(value) for value in inputs))
        return EncodedBatch(members, self._fetched(durations), encodings.flatten(0, 1).clone())

    def _launch_speech(self, call: Call, members: list[int]) -> SpokenBatch:
        jobs = [call.jobs[index] for index in members]
        counts = [int(call.durations[index].sum()) for index in members]
        rows, length = self._ladder.speech.shape(counts)
        encodings = call.encodings()
        index = np.zeros((rows, length), np.int64)
        units, seeds = np.ones(rows, np.int64), np.zeros(rows, np.int64)
        for row, member in enumerate(members):
            index[row] = unit_rows(call.durations[member], length, call.first_row[member])
            units[row], seeds[row] = counts[row], call.jobs[member].seed & (2**63 - 1)
        aligned = encodings[self._pinned(index).to(self._device, non_blocking=True)]
        inputs = (units, padded_styles(jobs, rows), seeds)
        pcm, finite = self._speech(aligned, *(self._pinned(value) for value in inputs))
        return SpokenBatch(members, self._fetched(pcm), self._fetched(finite), self._event())

    def _pcm(self, aligned: Tensor, units: Tensor, style: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """int16 (batch, samples), and whether each job's audio is finite, bool (batch,)."""
        audio = self._network.speech(aligned, units, style, seeds if self._noise else None)
        return pcm16(audio), torch.isfinite(audio).all(1)

    def _in_halves(self, call: Call, members: list[int], launch: Callable[[Call, list[int]], _T]) -> list[_T]:
        """Launch a batch; where memory does not suffice, its halves; a job that fails alone is given up."""
        try:
            return [launch(call, members)]
        except torch.OutOfMemoryError as error:
            if len(members) == 1:
                message = f"out of memory on a job of {len(call.jobs[members[0]].token_ids)} tokens alone: {error}"
                call.results[members[0]] = EngineError(message, "out_of_memory")
                return []
        # Outside the handler, whose traceback holds on to what the attempt had allocated.
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        middle = len(members) // 2
        return self._in_halves(call, members[:middle], launch) + self._in_halves(call, members[middle:], launch)

    def _pinned(self, value: NDArray[np.generic]) -> Tensor:
        """Memory that the GPU can copy from by itself; torch keeps it until the copy is done."""
        tensor = torch.from_numpy(value)
        return tensor.pin_memory() if self._device.type == "cuda" else tensor

    def _fetched(self, value: Tensor) -> Tensor:
        """A copy on the CPU, complete when the device has come this far."""
        cuda = self._device.type == "cuda"
        return torch.empty(value.shape, dtype=value.dtype, pin_memory=cuda).copy_(value, non_blocking=cuda)

    def _event(self) -> torch.cuda.Event | None:
        if self._device.type != "cuda":
            return None
        event = torch.cuda.Event()
        event.record()
        return event

    def _wait(self) -> None:
        if event := self._event():
            event.synchronize()


def _configure_torch(device: torch.device, compile_cache_dir: Path | None) -> None:
    """Process-wide settings of torch that the engine needs."""
    if compile_cache_dir is not None:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(compile_cache_dir / "inductor")
        os.environ["TRITON_CACHE_DIR"] = str(compile_cache_dir / "triton")
    if device.type == "cuda":
        # TF32 keeps ten bits of a float32's mantissa: durations and pitch would differ from the reference's.
        torch.backends.cudnn.allow_tf32 = False
    if device.type == "cpu":
        return_large_buffers()


def _batches(rungs: Rungs, pending: list[int], lengths: Sequence[int] | dict[int, int]) -> list[list[int]]:
    """``Rungs.batches`` of some jobs, as indices into all."""
    return [[pending[place] for place in group] for group in rungs.batches([lengths[index] for index in pending])]


def _padding(jobs: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lengths, styles and seeds of jobs that are not there."""
    return torch.ones(jobs, dtype=torch.long), torch.zeros(jobs, STYLE_SIZE), torch.zeros(jobs, dtype=torch.long)
