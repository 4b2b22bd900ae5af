"""MODEL_AUTO_UNLOAD_TIMEOUT_SECONDS: an idle worker gives the model's memory back, and nobody loses a word by it."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import psutil
import pytest
from redis.asyncio import Redis

from gateway.fleet import Fleet
from gateway.synthesis import Delivery, Line, Synthesis
from shared.contract import Lane
from shared.errors import SynthesisFailed
from shared.settings import ModelSettings
from shared.streams import GatewayStreams, WorkerRecord, WorkerStreams
from worker.engine.base import STYLE_SIZE, EngineError, EngineJob, Speech
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.engine.unloading import UnloadingEngine
from worker.main import build_engine
from worker.service import Worker
from worker.settings import WorkerSettings
from worker.unloading import unload_when_idle

JOB = EngineJob((7, 8, 9), np.full(STYLE_SIZE, 0.01, np.float32), 1.0, 0)
BEAT_S = 0.1
LOAD_S = 0.6
IDLE_S = 0.2


class Builder:
    """Builds fake engines, and remembers them without keeping them."""

    def __init__(self) -> None:
        self.built: list[weakref.ref[FakeEngine]] = []
        self.takes_s = 0.0
        self.fails = False
        self._never = threading.Event()

    def __call__(self) -> FakeEngine:
        if self.fails:
            raise EngineError("the file has gone", "model_unavailable")
        self._never.wait(self.takes_s)  # what reading a model takes
        engine = FakeEngine()
        self.built.append(weakref.ref(engine))
        return engine


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TestEngine:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def builder(self) -> Builder:
        return Builder()

    @pytest.fixture
    def engine(self, builder: Builder, clock: Clock) -> UnloadingEngine:
        engine = UnloadingEngine(builder, 60, clock)
        engine.warm_up()
        return engine

    def test_it_is_unloaded_when_it_was_idle_for_long_enough(
        self, engine: UnloadingEngine, builder: Builder, clock: Clock
    ) -> None:
        clock.now += 59
        assert not engine.unload_if_idle()
        clock.now += 1
        assert engine.unload_if_idle()
        assert not engine.is_loaded
        assert builder.built[0]() is None, "something still holds the engine"
        assert not engine.unload_if_idle()

    def test_a_job_counts_from_its_end(self, engine: UnloadingEngine, clock: Clock) -> None:
        clock.now += 59
        engine.synthesise([JOB])
        clock.now += 59
        assert not engine.unload_if_idle()

    def test_the_next_job_loads_it_and_is_spoken_as_ever(
        self, engine: UnloadingEngine, builder: Builder, clock: Clock
    ) -> None:
        [before] = engine.synthesise([JOB])
        clock.now += 60
        engine.unload_if_idle()
        [after] = engine.synthesise([JOB])
        assert isinstance(before, Speech)
        assert isinstance(after, Speech)
        np.testing.assert_array_equal(before.pcm, after.pcm)
        assert (len(builder.built), engine.is_loaded, engine.load_s) == (2, True, 0)

    def test_how_long_loading_took_the_last_time_is_what_it_will_take(self, clock: Clock) -> None:
        durations = iter((5.0, 7.0))

        def build() -> FakeEngine:
            clock.now += next(durations)
            return FakeEngine()

        engine = UnloadingEngine(build, 60, clock)
        told = []
        for _ in range(2):
            assert engine.load_s == 0
            clock.now += 60
            engine.unload_if_idle()
            told.append(engine.load_s)
            if len(told) == 1:
                engine.load()
        assert told == [5, 7]

    def test_a_model_that_cannot_be_loaded_is_tried_again(
        self, engine: UnloadingEngine, builder: Builder, clock: Clock
    ) -> None:
        clock.now += 60
        engine.unload_if_idle()
        builder.fails = True
        with pytest.raises(EngineError, match="the file has gone"):
            engine.synthesise([JOB])
        builder.fails = False
        assert isinstance(engine.synthesise([JOB])[0], Speech)

    def test_it_is_not_unloaded_while_it_speaks(self, clock: Clock) -> None:
        asked: list[bool] = []

        class Talker(FakeEngine):
            def warm_up(self) -> None:
                clock.now += 1_000
                asked.append(engine.unload_if_idle())

        engine = UnloadingEngine(Talker, 60, clock)
        engine.warm_up()
        assert asked == [False]
        assert engine.is_loaded

    def test_the_setting_decides(self) -> None:
        kept, _ = build_engine(WorkerSettings(engine="fake"))
        unloaded, _ = build_engine(WorkerSettings(engine="fake", model_auto_unload_timeout_seconds=9))
        assert isinstance(kept, FakeEngine)
        assert isinstance(unloaded, UnloadingEngine)
        assert (unloaded.name, unloaded.capabilities) == (kept.name, kept.capabilities)


@pytest.mark.usefixtures("worker")
class TestWorker:
    @pytest.fixture
    def builder(self) -> Builder:
        return Builder()

    @pytest.fixture
    async def worker(self, redis: Redis, builder: Builder) -> AsyncIterator[Worker]:
        engine = UnloadingEngine(builder, IDLE_S)
        worker = Worker(
            engine, FakeVoicePacks(["af_bella"]), WorkerStreams(redis, "w", BEAT_S, max_deliveries=3), "w", BEAT_S
        )
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            working, watching = group.create_task(worker.run()), group.create_task(unload_when_idle(engine))
            yield worker
            worker.stop()
            await working
            watching.cancel()

    @pytest.fixture
    async def synthesis(self, redis: Redis) -> AsyncIterator[Synthesis]:
        streams = GatewayStreams(redis, "gw", BEAT_S)
        synthesis = Synthesis(streams, Fleet(streams), window=2, job_timeout_s=20, heartbeat_s=BEAT_S, grace_s=2)
        await synthesis.start()
        yield synthesis
        await synthesis.close()

    async def test_its_record_says_so_it_stays_in_the_fleet_and_its_pace_is_its_own(
        self, redis: Redis, builder: Builder, synthesis: Synthesis
    ) -> None:
        builder.takes_s = LOAD_S
        first = await record_where(redis, lambda record: record.realtime_factor > 0)
        asleep = await record_where(redis, lambda record: record.load_s > 0)
        assert asleep.capacity > 0
        before = await speak(synthesis)
        awake = await record_where(redis, lambda record: record.jobs_done == 1 and not record.load_s)
        again = await record_where(redis, lambda record: record.load_s > 0)
        assert again.load_s == pytest.approx(LOAD_S, abs=0.5)
        assert awake.fixed_cost_s + 1 / awake.realtime_factor < LOAD_S / 2, "loading was taken for speaking"
        assert first.id == awake.id == again.id
        assert await speak(synthesis, "again") == before

    async def test_a_model_that_cannot_be_loaded_is_a_clear_error_and_not_the_end(
        self, redis: Redis, builder: Builder, synthesis: Synthesis
    ) -> None:
        await record_where(redis, lambda record: record.load_s > 0)
        builder.fails = True
        with pytest.raises(SynthesisFailed, match="the file has gone") as caught:
            await speak(synthesis)
        assert caught.value.code == "model_unavailable"
        builder.fails = False
        assert await speak(synthesis, "again")

    async def test_a_gateway_counts_the_loading_as_waiting(self, redis: Redis) -> None:
        fleet = Fleet(GatewayStreams(redis, "gw", BEAT_S))
        await record_where(redis, lambda record: record.load_s > 0)
        await fleet.look()
        assert fleet.load_s > 0


async def speak(synthesis: Synthesis, request_id: str = "req") -> list[bytes]:
    async def lines() -> AsyncIterator[Line]:
        yield Line((5, 6, 7), (("af_bella", 1.0),), 1.0)

    return [spoken.pcm async for spoken in synthesis.speak(Delivery(request_id, 0, Lane.URGENT), lines())]


async def record_where(redis: Redis, condition: Callable[[WorkerRecord], bool]) -> WorkerRecord:
    streams = GatewayStreams(redis, "looker", BEAT_S)
    async with asyncio.timeout(15):
        while True:
            for record in await streams.workers():
                if condition(record):
                    return record
            await asyncio.sleep(BEAT_S / 4)


@pytest.mark.model
def test_the_onnx_engine_gives_its_memory_back() -> None:
    # In a process of its own: this one may hold torch and a Whisper by now.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        bare, loaded, unloaded, again = pool.submit(resident_around_unloading).result()
    print(f"resident: {bare / 1e6:.0f} MB bare, {loaded / 1e6:.0f} loaded, {unloaded / 1e6:.0f} unloaded")
    assert loaded - bare > 300e6
    assert unloaded - bare < 0.25 * (loaded - bare)
    assert again == pytest.approx(loaded, rel=0.15)


def resident_around_unloading() -> tuple[int, int, int, int]:
    settings = ModelSettings()
    clock = Clock()
    bare = psutil.Process().memory_info().rss
    worker_settings = WorkerSettings(
        engine="onnx", model_dir=settings.model_dir, model_auto_unload_timeout_seconds=60, onnx_num_threads=1
    )
    engine, packs = build_engine(worker_settings)
    assert isinstance(engine, UnloadingEngine)
    engine._clock = clock
    job = EngineJob(JOB.token_ids * 10, packs.style([("af_heart", 1.0)], 30), 1.0, 0)

    def speak() -> int:
        assert isinstance(engine.synthesise([job])[0], Speech)
        return int(psutil.Process().memory_info().rss)

    engine.warm_up()
    loaded = speak()
    clock.now += 60
    assert engine.unload_if_idle()
    return bare, loaded, int(psutil.Process().memory_info().rss), speak()
