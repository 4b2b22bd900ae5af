"""An engine in a process of its own, so that two can be measured turn by turn without sharing threads or memory."""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeVar

from bench.jobs import BenchJob
from worker.engine.base import SAMPLE_RATE, Capabilities, Engine, EngineError, EngineJob
from worker.model.sources import ModelStore, ModelUnavailable
from worker.model.state_dict import WeightsError
from worker.voices import StyleSource, VoicePacks

_T = TypeVar("_T")

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in one unit of ``ru_maxrss``."""

EngineName = Literal["fake", "reference", "onnx", "cuda"]
DeviceType = Literal["cuda", "mps", "cpu"]
VocoderType = Literal["float32", "float16", "bfloat16"]


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Which engine, with what."""

    engine: EngineName
    model_dir: Path
    voices_dir: Path
    graph: Path | None = None
    """An ONNX file; None: the one that this code has built in ``model_dir``."""
    threads: int = 0
    """Threads for one operator; 0: one per core this process may use."""
    device: DeviceType = "cuda"
    """Of the cuda engine, which also runs elsewhere if asked to."""
    vocoder_dtype: VocoderType = "float32"
    compile_backend: str | None = None
    kernels: Literal["auto", "on", "off"] = "auto"
    fake_speed: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """What batches took that ran together."""

    wall_s: float
    audio_s: float
    batch_s: tuple[float, ...]

    @property
    def realtime_factor(self) -> float:
        return self.audio_s / self.wall_s


class _Ready(NamedTuple):
    warm_up_s: float
    capabilities: Capabilities


class Closing(NamedTuple):
    """What is known of an engine once all has run."""

    peak_mb: dict[str, float]
    """Its process's memory: resident, and on the GPU where there is one."""
    padding_waste: dict[str, float]
    """Rows run over rows that jobs had, by stage, of an engine that forms batches of its own."""


class Contender:
    """An engine, loaded and warmed up. Raises EngineError for whatever goes wrong in its process."""

    def __init__(self, spec: EngineSpec) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(spec, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.warm_up_s, self.capabilities = self._answer(_Ready)

    def run(self, batches: Sequence[Sequence[BenchJob]], concurrency: int = 1) -> Run:
        """Speak batches, ``concurrency`` of them at once."""
        self._pipe.send((batches, concurrency))
        return self._answer(Run)

    def close(self) -> Closing:
        """End the process."""
        self._pipe.send(None)
        closing = self._answer(Closing)
        self._process.join()
        return closing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()

    def _answer(self, kind: type[_T]) -> _T:
        try:
            answer = self._pipe.recv()
        except EOFError:
            self._process.join()
            raise EngineError(f"the engine's process ended with {self._process.exitcode}") from None
        if isinstance(answer, EngineError):
            raise answer
        assert isinstance(answer, kind)  # noqa: S101 - both ends of the pipe are in this file
        return answer


def _serve(spec: EngineSpec, pipe: Connection) -> None:
    try:
        started = time.perf_counter()
        engine, styles = build_engine(spec)
        engine.warm_up()
        pipe.send(_Ready(time.perf_counter() - started, engine.capabilities))
        while (request := pipe.recv()) is not None:
            pipe.send(_run(engine, styles, *request))
        pipe.send(Closing(_peak_mb(), _padding_waste(engine)))
    except EngineError as error:
        pipe.send(error)


def _run(engine: Engine, styles: StyleSource, batches: Sequence[Sequence[BenchJob]], concurrency: int) -> Run:
    ready = [[_engine_job(job, styles) for job in batch] for batch in batches]
    started = time.perf_counter()
    if concurrency == 1:
        spoken = [_timed(engine, batch) for batch in ready]
    else:
        with ThreadPoolExecutor(concurrency) as pool:
            spoken = list(pool.map(lambda batch: _timed(engine, batch), ready))
    wall_s = time.perf_counter() - started
    return Run(wall_s, sum(audio_s for _, audio_s in spoken), tuple(took_s for took_s, _ in spoken))


def _timed(engine: Engine, batch: Sequence[EngineJob]) -> tuple[float, float]:
    """Seconds that a batch took, and seconds of audio in it. Raises EngineError if any job of it failed."""
    started = time.perf_counter()
    spoken = engine.synthesise(batch)
    took_s = time.perf_counter() - started
    samples = 0
    for speech in spoken:
        if isinstance(speech, EngineError):
            raise speech
        samples += len(speech.pcm)
    return took_s, samples / SAMPLE_RATE


def _engine_job(job: BenchJob, styles: StyleSource) -> EngineJob:
    return EngineJob(job.token_ids, styles.style([(job.voice, 1.0)], len(job.token_ids)), job.speed, job.seed)


def build_engine(spec: EngineSpec) -> tuple[Engine, StyleSource]:
    """As ``worker.main.build_engine``, without the service's settings and libraries. Raises EngineError."""
    if spec.engine == "fake":
        from bench.jobs import VOICES
        from worker.engine.fake import FakeEngine, FakeVoicePacks

        return FakeEngine(spec.fake_speed), FakeVoicePacks(VOICES)
    packs = VoicePacks(spec.voices_dir)
    store = ModelStore(spec.model_dir, spec.voices_dir)
    try:
        if spec.engine == "reference":
            return _reference(store, spec.threads), packs
        if spec.engine == "cuda":
            return _cuda(store, spec), packs
        return _onnx(spec.graph or store.onnx_path(), spec.threads), packs
    except (ModelUnavailable, WeightsError) as error:
        raise EngineError(str(error)) from error


def add_torch_options(parser: argparse.ArgumentParser) -> None:
    """How the cuda engine runs; ``torch_options`` reads them."""
    parser.add_argument("--device", choices=["cuda", "mps", "cpu"], default="cuda", help="of the cuda engine")
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], default="float16", help="its vocoder's")
    parser.add_argument("--compile", metavar="BACKEND", help="torch.compile's, for the cuda engine: inductor")
    parser.add_argument("--kernels", choices=["auto", "on", "off"], default="auto", help="ours, of the cuda engine")


def torch_options(options: argparse.Namespace) -> dict[str, Any]:
    """Fields of an EngineSpec."""
    return {
        "device": options.device,
        "vocoder_dtype": options.dtype,
        "compile_backend": options.compile,
        "kernels": options.kernels,
    }


def _onnx(graph: Path, threads: int) -> Engine:
    from worker.engine.onnx import OnnxEngine
    from worker.engine.session import SessionSettings

    return OnnxEngine(graph, SessionSettings(num_threads=threads))


def _cuda(store: ModelStore, spec: EngineSpec) -> Engine:
    from worker.engine.cuda import TorchEngine, TorchOptions
    from worker.engine.device import choose_device
    from worker.model.weights import load_state_dict

    options = TorchOptions(vocoder_dtype=spec.vocoder_dtype, kernels=spec.kernels, compile_backend=spec.compile_backend)
    return TorchEngine(load_state_dict(store.weights_path), choose_device(spec.device), options)


def _reference(store: ModelStore, threads: int) -> Engine:
    import torch

    from worker.engine.reference import ReferenceEngine

    if threads:
        torch.set_num_threads(threads)
    return ReferenceEngine(store)


def _padding_waste(engine: Engine) -> dict[str, float]:
    rows = getattr(engine, "rows", {})
    return {stage: each.padded / each.valid for stage, each in rows.items() if each.valid}


def _peak_mb() -> dict[str, float]:
    peak = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / 1e6}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        peak["gpu"] = torch.cuda.max_memory_reserved() / 1e6
    return peak
