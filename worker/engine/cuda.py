"""The GPU engine: our own network in padded batches, at shapes that were compiled and captured beforehand.

Each stage of the network has batches of its own, cut as suits it: by like token count where padding costs, as large as
can be where LSTMs go step by step, and for the vocoder lines on which jobs are packed one after the other. Runs on
torch's other devices too, without graphs: slower, and otherwise the same.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.engine.adain import Switch, choose_ops
from worker.engine.allocator import return_large_buffers
from worker.engine.base import (
    MAX_TOKENS,
    STYLE_SIZE,
    Capabilities,
    EngineError,
    EngineJob,
    Speech,
)
from worker.engine.in_flight import Call, SpokenLine, TimedBatch, padded_styles, too_long
from worker.engine.ladder import Ladder, Rungs
from worker.engine.stage import Stage
from worker.model.config import KOKORO_V1, KokoroConfig
from worker.model.network.network import Network, pcm16
from worker.model.network.packing import Packing
from worker.model.network.placement import BLOCK, GAP, blocks_of, place
from worker.model.state_dict import StateDict

log = logging.getLogger(__name__)

_T = TypeVar("_T")

LINES_AHEAD = 2
"""Lines of a call that may be on the device: one that runs, one that is ready to."""


@dataclass(frozen=True, slots=True)
class TorchOptions:
    """How a TorchEngine runs."""

    ladder: Ladder = field(default_factory=Ladder)
    """The shapes made ready at warm-up; its budgets bound the memory."""
    vocoder_dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    """Of the decoder and generator; the rest is float32 whatever this says."""
    kernels: Switch = "auto"
    """Operators of our own between convolutions, in Triton; see ``choose_ops``."""
    noise: bool = True
    """Keep the harmonic source's noise, drawn from each job's seed."""
    compile_backend: str | None = None
    """``torch.compile``'s, "inductor" in earnest; None: no compilation."""
    compile_cache_dir: Path | None = None
    """Where compiled code is kept from one start to the next; None: torch's own default."""


@dataclass(slots=True)
class Padding:
    """Rows that a stage ran, and those of them that jobs had."""

    valid: int = 0
    padded: int = 0

    def add(self, valid: int, padded: int) -> None:
        self.valid += valid
        self.padded += padded


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
        jobs = options.ladder.speech.jobs
        # Whatever their lengths: batches are cut anew from what is asked for.
        self.capabilities = Capabilities(
            max_batch_jobs=jobs, max_batch_tokens=jobs * (MAX_TOKENS + 2), prefetch_jobs=jobs, batches_at_once=2
        )
        self._device = device
        self._noise = options.noise
        _configure_torch(device, options.compile_cache_dir)
        try:
            dtype, compiles = getattr(torch, options.vocoder_dtype), options.compile_backend is not None
            ops = choose_ops(device, dtype, options.kernels, compiles=compiles)
            self._network = Network(weights, config, device=device, dtype=dtype, ops=ops)
        except torch.OutOfMemoryError as error:
            raise EngineError(f"the weights do not fit the device: {error}", "out_of_memory") from error
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # the weights were copied on another stream than those that will read them
        self._before, self._vocoding = _Track(device), _Track(device)
        self.rows = {name: Padding() for name in ("tokens", "durations", "contour", "speech")}
        """By stage, what was asked for and what was run."""
        backend = options.compile_backend
        # Graphs that share memory must never run at the same time, so each track has a pool of its own.
        before, vocoding = (torch.cuda.graph_pool_handle() if device.type == "cuda" else None for _ in range(2))
        self._encoding = Stage(self._network.encode, device, backend=backend, pool=before)
        self._timing = Stage(self._network.durations, device, backend=backend, pool=before)
        self._contouring = Stage(self._network.contour, device, backend=backend, pool=before)
        self._speaking = Stage(self._pcm, device, backend=backend, pool=vocoding)

    @property
    def _stages(self) -> tuple[Stage, ...]:
        return self._encoding, self._timing, self._contouring, self._speaking

    @property
    def preparations(self) -> int:
        """Compilations and captures so far: all of them at warm-up, none for a job."""
        return sum(stage.preparations for stage in self._stages)

    def warm_up(self) -> None:
        """Compile and capture every shape of the ladder; without compiler and graphs, run the smallest.

        Raises EngineError when the device has not the memory for the ladder.
        """
        started = time.monotonic()
        which = slice(None) if self._speaking.prepares else slice(-1, None)
        ladder = self._ladder
        try:
            with torch.inference_mode():
                for size in ladder.speech.sizes[::-1][which]:
                    # The longest line is what a busy engine runs: there, trying pays.
                    self._speaking.prepare(*self._silence(size), tune=size == ladder.speech.sizes[-1])
                for shape in ladder.contour.shapes()[which]:
                    self._contouring.prepare(self._rows(shape), *_nobody(shape[0])[:2])
                for shape in ladder.durations.shapes()[which]:
                    self._timing.prepare(self._rows(shape), self._rows(shape), *_nobody(shape[0]))
                for shape in ladder.tokens.shapes()[which]:
                    self._encoding.prepare(torch.zeros(shape, dtype=torch.long), _nobody(shape[0])[0])
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
                    self._time(call)
                    self._contour(call)
                    call.join()
                    made = self._event()
                self._speak(call, made)
        except RuntimeError as error:
            raise EngineError(f"torch failed on a batch of {len(batch)} jobs: {error}") from error
        return [call.results[index] for index in range(len(batch))]

    def interrupt(self) -> None:
        """Does nothing: what is on the device runs to its end; and a batch is short."""

    def _encode(self, call: Call) -> None:
        """Every job's tokens in their context."""
        for members in _batches(self._ladder.tokens, call.pending(), call.tokens):
            self._in_halves(call, members, self._launch_encoding)

    def _time(self, call: Call) -> None:
        """Durations of every job. What follows depends on them: the host waits here."""
        launched = []
        for members in _batches(self._ladder.durations, call.pending(), call.tokens):
            launched += self._in_halves(call, members, self._launch_timing)
        if event := self._event():
            event.synchronize()
        for timed in launched:
            call.keep_durations(timed)
        longest = self._ladder.speech.sizes[-1]
        for index in call.pending():
            if blocks_of(call.units(index)) > longest:
                call.results[index] = too_long(call.units(index), longest * BLOCK - GAP)

    def _contour(self, call: Call) -> None:
        """What pitch and loudness come from."""
        for members in _batches(self._ladder.contour, call.pending(), call.units):
            self._in_halves(call, members, self._launch_contour)

    def _speak(self, call: Call, made: torch.cuda.Event | None) -> None:
        """Line by line, after ``made``. The host prepares one while another runs; no more, or another call, which may
        be a single urgent job, would wait for all of them."""
        pending, under_way = call.pending(), deque[SpokenLine]()
        for line in self._ladder.speech.lines([blocks_of(call.units(index)) for index in pending]):
            with self._vocoding.mine():
                if made is not None:
                    made.wait()
                under_way.extend(self._in_halves(call, [pending[place] for place in line], self._launch_speech))
            while len(under_way) >= LINES_AHEAD:
                call.take(under_way.popleft())
        for spoken in under_way:
            call.take(spoken)

    def _launch_encoding(self, call: Call, members: list[int]) -> None:
        lengths = [call.tokens(index) for index in members]
        shape = self._ladder.tokens.shape(lengths)
        self.rows["tokens"].add(sum(lengths), math.prod(shape))
        tokens = np.zeros(shape, np.int64)
        for row, index in enumerate(members):
            tokens[row, 1 : lengths[row] - 1] = call.jobs[index].token_ids
        words, letters = self._encoding(self._pinned(tokens), self._pinned(_padded(lengths, shape[0])))
        call.words.add(members, words.clone())  # or the next batch would overwrite it
        call.letters.add(members, letters.clone())

    def _launch_timing(self, call: Call, members: list[int]) -> TimedBatch:
        lengths = [call.tokens(index) for index in members]
        shape = self._ladder.durations.shape(lengths)
        self.rows["durations"].add(sum(lengths), math.prod(shape))
        rows = [each.all[self._moved(each.padded(members, lengths, shape))] for each in (call.words, call.letters)]
        jobs = [call.jobs[index] for index in members]
        speed = _padded([job.speed for job in jobs], shape[0]).astype(np.float32)
        inputs = (_padded(lengths, shape[0]), padded_styles(jobs, shape[0]), speed)
        durations, prosody, text = self._timing(*rows, *(self._pinned(value) for value in inputs))
        return TimedBatch(members, self._fetched(durations), prosody.clone(), text.clone())

    def _launch_contour(self, call: Call, members: list[int]) -> None:
        units = [call.units(index) for index in members]
        shape = self._ladder.contour.shape(units)
        self.rows["contour"].add(sum(units), math.prod(shape))
        prosody = call.prosody.all[self._moved(call.prosody_rows(members, shape))]
        inputs = (_padded(units, shape[0]), padded_styles([call.jobs[index] for index in members], shape[0]))
        (contour,) = self._contouring(prosody, *(self._pinned(value) for value in inputs))
        call.contour.add(members, contour.clone())

    def _launch_speech(self, call: Call, members: list[int]) -> SpokenLine:
        units = [call.units(index) for index in members]
        num_rows = self._ladder.speech.jobs + 1  # the last is for blocks that nobody owns
        placed = place(units, self._ladder.speech.size(sum(map(blocks_of, units))), num_rows)
        self.rows["speech"].add(sum(units), len(placed.owners) * BLOCK)
        seeds = np.zeros(num_rows, np.int64)
        seeds[: len(members)] = [call.jobs[index].seed & (2**63 - 1) for index in members]
        styles = padded_styles([call.jobs[index] for index in members], num_rows)
        made = (call.contour.all, call.text.all)
        if self._vocoding.stream is not None:
            for tensor in made:  # made on the other stream, which must not have its memory back before this has read it
                tensor.record_stream(self._vocoding.stream)
        rows = (call.contour_rows(members, placed), call.text_rows(members, placed))
        line = [values[self._moved(index)][None] for values, index in zip(made, rows, strict=True)]
        pcm, finite = self._speaking(*line, *(self._pinned(value) for value in (styles, seeds, *placed)))
        return SpokenLine(members, placed, self._fetched(pcm), self._fetched(finite), self._event())

    def _pcm(
        self, contour: Tensor, text: Tensor, style: Tensor, seeds: Tensor, *placed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """int16 (samples,), and whether each job's audio is finite, bool (jobs,)."""
        packing = Packing(*placed)
        audio = self._network.speech(contour, text, packing, style, seeds if self._noise else None)
        faults = (~torch.isfinite(audio)).view(len(packing.owners), -1).any(1, keepdim=True)
        return pcm16(audio[0]), packing.total(faults.float())[:, 0] == 0

    def _rows(self, shape: tuple[int, int]) -> Tensor:
        return torch.zeros(*shape, self._network.config.hidden)

    def _silence(self, num_blocks: int) -> tuple[Tensor, ...]:
        """Inputs of a line on which there is nobody."""
        num_rows = self._ladder.speech.jobs + 1
        seeds, style, _ = _nobody(num_rows)
        rows = [self._rows((1, num_blocks * BLOCK)) for _ in range(2)]  # not one twice: compiled code would insist
        return *rows, style, seeds, *map(torch.from_numpy, place([], num_blocks, num_rows))

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


def _batches(rungs: Rungs, pending: list[int], length: Callable[[int], int]) -> list[list[int]]:
    """``Rungs.batches`` of some jobs, as indices into all."""
    return [[pending[place] for place in group] for group in rungs.batches([length(index) for index in pending])]


def _padded(values: Sequence[float], rows: int) -> NDArray[np.generic]:
    """The jobs', then 1 for each that is not there: (rows,)."""
    return np.array([*values, *[1] * (rows - len(values))])


def _nobody(jobs: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lengths, styles and speeds of jobs that are not there."""
    return torch.ones(jobs, dtype=torch.long), torch.zeros(jobs, STYLE_SIZE), torch.ones(jobs)
