"""The GPU engine: our own network in padded batches, at shapes that were compiled and captured beforehand.

Text is encoded in batches of like token count; then, durations known, pitch and loudness in batches of like duration;
then jobs are packed one after the other on lines, which become audio. Runs on torch's other devices too, without
graphs: slower, and otherwise the same.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
from worker.engine.in_flight import Call, CurvedBatch, EncodedBatch, SpokenLine, padded_styles, too_long
from worker.engine.ladder import Ladder, Rungs
from worker.engine.stage import Stage
from worker.model.config import KOKORO_V1, KokoroConfig
from worker.model.network.network import FRAMES_PER_UNIT, Network, pcm16
from worker.model.network.packing import Packing
from worker.model.network.placement import BLOCK, GAP, blocks_of, place
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


class _Track:
    """A stream of the device's, on which one call at a time launches its work; on the CPU only a lock."""

    def __init__(self, device: torch.device) -> None:
        self._lock = threading.Lock()
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for whoever launches here, and launch."""
        with self._lock, torch.cuda.stream(self.stream) if self.stream else nullcontext():
            yield


class TorchEngine:
    """Speaks batches with ``worker.model.network``.

    weights: a complete state dict (``load_state_dict``). device: from ``choose_device``. Raises EngineError when the
    weights do not fit the device. May be asked by two threads: what has LSTMs, which leave most of a GPU idle, goes on
    one stream, and all convolutions to audio on another, so that one call's text is read while the other's is spoken.
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
        self._before, self._vocoding = _Track(device), _Track(device)
        backend = options.compile_backend
        # Graphs that share memory must never run at the same time, so each track has a pool of its own.
        before, vocoding = (torch.cuda.graph_pool_handle() if device.type == "cuda" else None for _ in range(2))
        self._text = Stage(self._network.text, device, backend=backend, pool=before)
        self._curves = Stage(self._network.curves, device, backend=backend, pool=before)
        self._speech = Stage(self._pcm, device, backend=backend, pool=vocoding)

    @property
    def preparations(self) -> int:
        """Compilations and captures so far: all of them at warm-up, none for a job."""
        return sum(stage.preparations for stage in (self._text, self._curves, self._speech))

    def warm_up(self) -> None:
        """Compile and capture every shape of the ladder; without compiler and graphs, run the smallest.

        Raises EngineError when the device has not the memory for the ladder.
        """
        started = time.monotonic()
        which = slice(None) if self._text.prepares else slice(-1, None)
        try:
            with torch.inference_mode():
                for size in self._ladder.speech.sizes[::-1][which]:
                    self._speech.prepare(*self._silence(size))
                for shape in self._ladder.curves.shapes()[which]:
                    units, style = torch.ones(shape[0], dtype=torch.long), torch.zeros(shape[0], STYLE_SIZE)
                    self._curves.prepare(torch.zeros(*shape, self._network.config.hidden), units, style)
                for shape in self._ladder.text.shapes()[which]:
                    lengths, style = torch.ones(shape[0], dtype=torch.long), torch.zeros(shape[0], STYLE_SIZE)
                    self._text.prepare(torch.zeros(shape, dtype=torch.long), lengths, style, torch.ones(shape[0]))
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
                with self._before.mine():
                    self._encode(call)
                    self._curve(call)
                    made = self._event()
                with self._vocoding.mine():
                    if made is not None:
                        made.wait()
                    lines = self._speak(call)
                for line in lines:
                    if line.done is not None:
                        line.done.synchronize()
                    call.take(line)
        except RuntimeError as error:
            raise EngineError(f"torch failed on a batch of {len(batch)} jobs: {error}") from error
        return [call.results[index] for index in range(len(batch))]

    def interrupt(self) -> None:
        """Does nothing: what is on the device runs to its end; and a batch is short."""

    def _encode(self, call: Call) -> None:
        """Durations of every job, and its encodings."""
        pending, lengths = call.pending(), [len(job.token_ids) + 2 for job in call.jobs]
        launched = []
        for members in _batches(self._ladder.text, pending, lengths):
            launched += self._in_halves(call, members, self._launch_text)
        if event := self._event():
            event.synchronize()
        for encoded in launched:
            call.keep_text(encoded)
        longest = self._ladder.speech.sizes[-1]
        for index in call.pending():
            if blocks_of(call.units(index)) > longest:
                call.results[index] = too_long(call.units(index), longest * BLOCK - GAP)

    def _curve(self, call: Call) -> None:
        """Pitch and loudness of every job."""
        units = {index: call.units(index) for index in call.pending()}
        for members in _batches(self._ladder.curves, call.pending(), units):
            for curved in self._in_halves(call, members, self._launch_curves):
                call.keep_curves(curved)

    def _speak(self, call: Call) -> list[SpokenLine]:
        """All lines are launched before the first is fetched: the host prepares one while another runs."""
        pending = call.pending()
        launched = []
        for line in self._ladder.speech.lines([blocks_of(call.units(index)) for index in pending]):
            launched += self._in_halves(call, [pending[place] for place in line], self._launch_speech)
        return launched

    def _launch_text(self, call: Call, members: list[int]) -> EncodedBatch:
        jobs = [call.jobs[index] for index in members]
        rows, length = self._ladder.text.shape([len(job.token_ids) + 2 for job in jobs])
        tokens = np.zeros((rows, length), np.int64)
        lengths, speed = np.ones(rows, np.int64), np.ones(rows, np.float32)
        for row, job in enumerate(jobs):
            tokens[row, 1 : len(job.token_ids) + 1] = job.token_ids
            lengths[row], speed[row] = len(job.token_ids) + 2, job.speed
        inputs = (tokens, lengths, padded_styles(jobs, rows), speed)
        durations, prosody, text = self._text(*(self._pinned(value) for value in inputs))
        prosody, text = (each.flatten(0, 1).clone() for each in (prosody, text))
        return EncodedBatch(members, self._fetched(durations), prosody, text)

    def _launch_curves(self, call: Call, members: list[int]) -> CurvedBatch:
        rows, length = self._ladder.curves.shape([call.units(index) for index in members])
        units = np.ones(rows, np.int64)
        units[: len(members)] = [call.units(index) for index in members]
        aligned = call.prosody.all[self._moved(call.prosody_rows(members, (rows, length)))]
        styles = padded_styles([call.jobs[index] for index in members], rows)
        f0, loudness = self._curves(aligned, self._pinned(units), self._pinned(styles))
        return CurvedBatch(members, f0.shape[1], torch.stack([f0, loudness], dim=2).flatten(0, 1))

    def _launch_speech(self, call: Call, members: list[int]) -> SpokenLine:
        units = [call.units(index) for index in members]
        num_rows = self._ladder.speech.jobs + 1  # the last is for blocks that nobody owns
        placed = place(units, self._ladder.speech.size(sum(map(blocks_of, units))), num_rows)
        seeds = np.zeros(num_rows, np.int64)
        seeds[: len(members)] = [call.jobs[index].seed & (2**63 - 1) for index in members]
        styles = padded_styles([call.jobs[index] for index in members], num_rows)
        made = (call.text.all, call.curves.all)
        if self._vocoding.stream is not None:
            for tensor in made:  # made on the other stream, which must not have its memory back before this has read it
                tensor.record_stream(self._vocoding.stream)
        rows = (call.text_rows(members, placed), call.curve_rows(members, placed))
        line = [values[self._moved(index)][None] for values, index in zip(made, rows, strict=True)]
        pcm, finite = self._speech(*line, *(self._pinned(value) for value in (styles, seeds, *placed)))
        return SpokenLine(members, placed, self._fetched(pcm), self._fetched(finite), self._event())

    def _pcm(
        self, text: Tensor, curves: Tensor, style: Tensor, seeds: Tensor, *placed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """int16 (samples,), and whether each job's audio is finite, bool (jobs,)."""
        f0, loudness = curves.unbind(2)
        packing = Packing(*placed)
        audio = self._network.speech(text, (f0, loudness), packing, style, seeds if self._noise else None)
        faults = (~torch.isfinite(audio)).view(len(packing.owners), -1).any(1, keepdim=True)
        return pcm16(audio[0]), packing.total(faults.float())[:, 0] == 0

    def _silence(self, num_blocks: int) -> tuple[Tensor, ...]:
        """Inputs of a line on which there is nobody."""
        placed = place([], num_blocks, num_rows := self._ladder.speech.jobs + 1)
        units, frames = num_blocks * BLOCK, num_blocks * BLOCK * FRAMES_PER_UNIT
        seeds = torch.zeros(num_rows, dtype=torch.long)
        line = (torch.zeros(1, units, self._network.config.hidden), torch.zeros(1, frames, 2))
        return (*line, torch.zeros(num_rows, STYLE_SIZE), seeds, *map(torch.from_numpy, placed))

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

    def _moved(self, value: NDArray[np.generic]) -> Tensor:
        return self._pinned(value).to(self._device, non_blocking=True)

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
