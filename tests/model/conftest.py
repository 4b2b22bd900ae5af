"""The real service with the real weights, as `make test-model` has fetched them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence

import pytest

from bench.ears import Ears
from shared.streams import WorkerStreams, connect
from tests.conftest import Service, running_service, running_valkey
from worker.engine.base import EngineError, EngineJob, Speech
from worker.engine.onnx import OnnxEngine
from worker.model.sources import ModelStore
from worker.service import Worker
from worker.settings import WorkerSettings
from worker.voices import VoicePacks


class Remembering:
    """The real engine, which does not speak the same job twice: every format of a text then costs one synthesis."""

    name = "onnx"

    def __init__(self, engine: OnnxEngine) -> None:
        self._engine = engine
        self.capabilities = engine.capabilities
        self._spoken: dict[tuple[object, ...], Speech | EngineError] = {}

    def warm_up(self) -> None:
        self._engine.warm_up()

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        return [self._one(job) for job in batch]

    def interrupt(self) -> None:
        self._engine.interrupt()

    def _one(self, job: EngineJob) -> Speech | EngineError:
        key = (job.token_ids, job.style.tobytes(), job.speed)
        if key not in self._spoken:
            [self._spoken[key]] = self._engine.synthesise([job])
        return self._spoken[key]


@contextlib.contextmanager
def remembering_worker(redis_url: str) -> Iterator[None]:
    """A worker in a thread of this process, on the model in MODEL_DIR."""
    settings = WorkerSettings()
    store = ModelStore(settings.model_dir, settings.voices_path)
    engine = Remembering(OnnxEngine(store.onnx_path()))
    started = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, Worker]] = []

    async def work() -> None:
        redis = connect(redis_url)
        streams = WorkerStreams(redis, "remembering", settings.heartbeat_s, settings.max_deliveries)
        worker = Worker(engine, VoicePacks(settings.voices_path), streams, "remembering", settings.heartbeat_s)
        running.append((asyncio.get_running_loop(), worker))
        started.set()
        await worker.run()
        await redis.aclose()

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    assert started.wait(60)
    try:
        yield
    finally:
        loop, worker = running[0]
        loop.call_soon_threadsafe(worker.stop)
        thread.join()


@pytest.fixture(scope="session")
def real_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (
        running_valkey() as server,
        remembering_worker(server.url),
        running_service(server.url, tmp_path_factory.mktemp("real"), workers=0) as running,
    ):
        running.wait_ready()
        yield running


@pytest.fixture(scope="session")
def ears() -> Ears:
    return Ears()
