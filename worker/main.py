"""Composition root of the worker: settings in, a running worker out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from shared.errors import FleetError
from shared.metrics import Probes, metrics_served, new_registry
from shared.observe import configure_logs, logger
from shared.streams import WorkerStreams, connect
from shared.streams.voices import PackRequests
from shared.tracing import tracing_for
from shared.voices import CATALOGUE
from worker.engine.base import Engine, EngineError
from worker.engine.unloading import UnloadingEngine
from worker.fingerprint import fingerprint
from worker.metrics import WorkerMetrics
from worker.model.sources import ModelStore, ModelUnavailable
from worker.model.state_dict import WeightsError
from worker.packs import serve_packs
from worker.service import Worker
from worker.settings import WorkerSettings
from worker.telemetry import WorkerTelemetry
from worker.unloading import unload_when_idle
from worker.voices import StyleSource, VoicePacks

if TYPE_CHECKING:
    from worker.engine.session import SessionSettings

log = logger(__name__)


def run_worker(settings: WorkerSettings) -> None:
    """Run one worker until SIGTERM or SIGINT; returns when what it had claimed is done."""
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(_serve(settings))


async def _serve(settings: WorkerSettings) -> None:
    tracing = tracing_for("worker")  # what is set wrong is told before the model is loaded
    engine, packs = build_engine(settings)
    worker_id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    redis = connect(settings.redis_url, settings.redis_max_connections)
    streams = WorkerStreams(redis, worker_id, settings.heartbeat_s, settings.max_deliveries)
    registry = new_registry("worker")
    telemetry = WorkerTelemetry(worker_id, WorkerMetrics(registry), tracing)
    worker = Worker(
        engine,
        packs,
        streams,
        worker_id,
        settings.heartbeat_s,
        min_shares=settings.min_shares,
        max_batch_s=settings.max_batch_s,
        model=fingerprint(settings, engine),
        telemetry=telemetry,
    )
    telemetry.metrics.watch(lambda: worker.record, lambda: worker.num_held)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, worker.stop)
    try:
        async with _shown(settings, registry, worker), asyncio.TaskGroup() as group:
            beside = [group.create_task(serve_packs(PackRequests(redis), packs))]
            if isinstance(engine, UnloadingEngine):
                beside.append(group.create_task(unload_when_idle(engine)))
            await worker.run()
            for task in beside:
                task.cancel()
    finally:
        await asyncio.to_thread(tracing.close)
        await redis.aclose()
    log.info("stopped", worker=worker_id)


@contextlib.asynccontextmanager
async def _shown(settings: WorkerSettings, registry: CollectorRegistry, worker: Worker) -> AsyncIterator[None]:
    """On METRICS_PORT, where that is set: the metrics, and what Kubernetes asks. Raises FleetError."""
    if settings.metrics_port is None:
        yield
        return
    probes = Probes(lambda: worker.is_live, lambda: worker.is_ready)
    with metrics_served(registry, settings.metrics_host, settings.metrics_port, probes=probes) as port:
        log.info("metrics", port=port)
        yield


def build_engine(settings: WorkerSettings) -> tuple[Engine, StyleSource]:
    """The engine that the settings name, with its voices. Imports only that engine's libraries.

    Raises FleetError when the model is not there or cannot be loaded.
    """
    if settings.chosen_engine == "fake":
        from worker.engine.fake import FakeEngine, FakeVoicePacks

        return _kept(lambda: FakeEngine(settings.fake_speed_factor), settings), FakeVoicePacks(CATALOGUE)
    packs = VoicePacks(settings.voices_path, settings.voice_cache_size)
    store = ModelStore(settings.model_dir, settings.voices_path)
    try:
        return _kept(lambda: _model_engine(settings, store), settings), packs
    except ModuleNotFoundError as error:
        raise FleetError(
            f"ENGINE={settings.chosen_engine} needs {error.name}, which is not installed; the package's extras "
            "worker-cpu, worker-cuda and reference bring what each engine needs.",
            code="engine_unavailable",
        ) from error
    except EngineError as error:
        raise FleetError(f"The engine cannot start: {error}", code="model_unavailable") from error


def _kept(build: Callable[[], Engine], settings: WorkerSettings) -> Engine:
    """The engine, kept in memory for as long as the settings say."""
    idle_s = settings.model_auto_unload_timeout_seconds
    return UnloadingEngine(build, idle_s) if idle_s else build()


def _model_engine(settings: WorkerSettings, store: ModelStore) -> Engine:
    try:
        return _chosen_engine(settings, store)
    except (ModelUnavailable, WeightsError) as error:
        raise EngineError(str(error), "model_unavailable") from error


def _chosen_engine(settings: WorkerSettings, store: ModelStore) -> Engine:
    match settings.chosen_engine:
        case "reference":
            from worker.engine.reference import ReferenceEngine

            return ReferenceEngine(store)
        case "cuda":
            return _torch_engine(settings, store)
        case _:
            from worker.engine.onnx import OnnxEngine

            graph = store.onnx_path(settings.onnx_precision, settings.onnx_kernels)
            return OnnxEngine(graph, session_settings(settings))


def _torch_engine(settings: WorkerSettings, store: ModelStore) -> Engine:
    from worker.engine.cuda import TorchEngine, TorchOptions
    from worker.engine.device import choose_device
    from worker.engine.ladder import Ladder
    from worker.model.weights import load_state_dict

    device = choose_device(settings.device_type, settings.use_gpu)
    try:
        ladder = Ladder.for_memory(int(settings.gpu_memory_gb * 1e9))
    except ValueError as error:
        raise EngineError(f"GPU_MEMORY_GB={settings.gpu_memory_gb}: {error}") from error
    options = TorchOptions(
        ladder=ladder,
        vocoder_dtype=settings.vocoder_dtype,
        kernels=settings.torch_kernels,
        compile_backend="inductor" if settings.torch_compile else None,
        compile_cache_dir=settings.compile_cache_dir,
    )
    return TorchEngine(load_state_dict(store.weights_path), device, options)


def session_settings(settings: WorkerSettings) -> SessionSettings:
    """What the settings named ONNX_... say of the session."""
    from worker.engine.session import SessionSettings

    return SessionSettings(
        num_threads=settings.onnx_num_threads,
        inter_op_threads=settings.onnx_inter_op_threads,
        execution_mode=settings.onnx_execution_mode,
        optimization_level=settings.onnx_optimization_level,
        memory_pattern=settings.onnx_memory_pattern,
        arena_extend_strategy=settings.onnx_arena_extend_strategy,
        spin_us=settings.onnx_spin_us,
    )
