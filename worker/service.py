"""The worker's loop: claim jobs, batch them, run the engine in threads, write frames and ack. Read ``run`` first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from shared.contract import ChunkTimings, Lane
from shared.errors import QueueUnavailable
from shared.observe import logger
from shared.streams import Claimed, WorkerRecord, WorkerStreams
from worker.answers import RETRY_S, Answers, pause
from worker.engine.base import Engine, EngineError, EngineJob, Interrupted, Speech
from worker.engine.unloading import UnloadingEngine
from worker.pace import rehearse
from worker.scheduler import MAX_BATCH_S, Batch, Scheduler
from worker.tally import Tally
from worker.telemetry import WorkerTelemetry
from worker.voices import StyleSource, VoicePackError

log = logger(__name__)

CLAIM_BLOCK_MS = 500
"""How long an idle worker waits in one claim; bounds how late it sees SIGTERM or a dead colleague."""

PREFETCH_BLOCK_MS = 10
"""The same while a batch runs: short, so that the engine is not kept waiting when the batch ends."""

MAX_MISSED_BEATS = 30
"""After so many the event loop counts as stuck, for /livez: a call to Redis may take several."""

ATTEND_S = 0.05
"""How often to look whether the batch that runs is still the right one, where it can be interrupted."""

NEARLY_DONE_S = 0.1
"""A batch that should end within so long is let run to its end."""


class Worker:
    """One engine and its place in the fleet."""

    def __init__(
        self,
        engine: Engine,
        packs: StyleSource,
        streams: WorkerStreams,
        worker_id: str,
        heartbeat_s: float,
        *,
        min_shares: Mapping[Lane, float] | None = None,
        max_batch_s: float = MAX_BATCH_S,
        model: str = "",
        telemetry: WorkerTelemetry | None = None,
    ) -> None:
        self._engine = engine
        self._packs = packs
        self._streams = streams
        self._heartbeat_s = heartbeat_s
        self._batches_at_once = engine.capabilities.batches_at_once
        # Who is urgent waits for the end of all that run.
        self._scheduler = Scheduler(engine.capabilities, min_shares, max_batch_s / self._batches_at_once)
        record = WorkerRecord(worker_id, engine.name, tuple(packs.names()), capacity=0.0, model=model)
        self._worker_id = worker_id
        self._tally = Tally(record, self._scheduler)
        self._telemetry = telemetry or WorkerTelemetry(worker_id)
        self._thread = ThreadPoolExecutor(self._batches_at_once, thread_name_prefix="engine")
        self._stopping = asyncio.Event()
        self._answers = Answers(streams, self._tally, worker_id, self._stopping)
        self._next_reclaim = 0.0
        self._must_resume = True
        self._has_joined = False
        self._beaten_at: float | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._ended_ms = 0.0
        self._handing_over = asyncio.Lock()
        self._delivering: asyncio.Task[None] | None = None

    @property
    def record(self) -> WorkerRecord:
        """What this worker says of itself."""
        load_s = self._engine.load_s if isinstance(self._engine, UnloadingEngine) else 0.0
        return replace(self._tally.record, load_s=round(load_s, 3))

    @property
    def num_held(self) -> int:
        """Jobs that are claimed and not yet begun."""
        return len(self._scheduler)

    @property
    def is_live(self) -> bool:
        """Whether the event loop still turns; that the engine is busy does not count."""
        return self._beaten_at is None or time.monotonic() - self._beaten_at < MAX_MISSED_BEATS * self._heartbeat_s

    @property
    def is_ready(self) -> bool:
        """Whether it has its place in the fleet: gateways see it, and it claims."""
        return self._has_joined and not self._must_resume and not self._stopping.is_set()

    def stop(self) -> None:
        """Claim no more; ``run`` returns when what was claimed is done."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until ``stop``."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._warm_up)
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._beat())
            try:
                while not self._stopping.is_set() or self._scheduler:
                    await self._retry(self._step)
                while self._under_way:
                    await self._retry(self._ended)
            finally:
                for task in self._under_way:  # none, unless this was cancelled
                    task.cancel()
            await self._retry(self._delivered)
            await self._retry(self._streams.leave)
            beating.cancel()
        self._thread.shutdown()

    def _warm_up(self) -> None:
        self._engine.warm_up()
        try:
            pace = rehearse(self._engine, self._packs, self._stopping.is_set)
        except (VoicePackError, EngineError) as error:
            # Real jobs may fare better; until then gateways take this worker's speed for unknown.
            log.warning("rehearsal_failed", error=str(error))
        else:
            self._tally.rehearsed(pace)

    async def _retry(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except QueueUnavailable as error:
            # What was claimed is still pending in Redis under our name: forget it here, and ask for it again.
            log.warning("queue_unavailable", error=error.message)
            self._scheduler.clear()
            self._must_resume = True
            await pause(RETRY_S, self._stopping)

    async def _step(self) -> None:
        if self._delivering is not None and self._delivering.done():
            await self._delivered()  # an answer that could not be written is noticed though nothing runs after it
        await self._ended(most=self._batches_at_once - 1)
        if not self._stopping.is_set():
            await self._claim(self._scheduler.room, 0 if self._scheduler else CLAIM_BLOCK_MS)
        gone = await self._streams.gone(self._scheduler.readers)
        batch = self._scheduler.next_batch(_now_ms(), gone)
        await self._answers.drop(batch)
        if batch.jobs:
            await self._run_batch(batch)

    async def _claim(self, room: int, block_ms: int) -> None:
        if self._must_resume:
            await self._ended()  # or what is about to be written would be spoken again
            await self._delivered()
            await self._join()
            self._scheduler.add(await self._streams.resume())
            self._must_resume = False
            return
        if time.monotonic() >= self._next_reclaim:
            self._next_reclaim = time.monotonic() + self._heartbeat_s
            # However much is held already: nobody else may have room either, and these have waited longest.
            if orphans := await self._streams.reclaim(max(room, self._scheduler.max_jobs)):
                log.info("reclaimed", jobs=len(orphans))
                self._scheduler.add(orphans)
                return
        await self._claim_of(self._scheduler.wishes(room), block_ms)

    async def _claim_of(self, wishes: list[tuple[Lane, int]], block_ms: int) -> None:
        orphans_before = self._streams.num_orphans
        most = max(count for _, count in wishes)
        if most:
            self._scheduler.grant(wishes, await self._streams.claim(most, block_ms, wishes))
        self._tally.count(jobs_cancelled=self._streams.num_orphans - orphans_before)

    async def _run_batch(self, batch: Batch) -> None:
        taken_ms = time.time() * 1000
        ready = await self._prepare(batch.jobs)
        batch.jobs = [item for item, _ in ready]
        if not ready:
            return
        is_suspect = any(item.deaths for item in batch.jobs)
        if is_suspect:
            await self._ended()  # or a job beside it would be blamed for what it does
        await self._streams.begin(batch.jobs)
        await self._load()
        started_ms = time.time() * 1000
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._synthesise, [job for _, job in ready])
        if self._batches_at_once > 1:
            finishing = self._finish(running, batch, taken_ms, started_ms)
            self._under_way.add(asyncio.get_running_loop().create_task(finishing))
            if is_suspect:
                await self._ended()
            return
        try:
            await self._attend(running, batch)
        except QueueUnavailable:
            await self._finish(running, batch, taken_ms, started_ms)  # what runs may find its way when Redis is back
            raise
        await self._finish(running, batch, taken_ms, started_ms)

    async def _finish(
        self, running: asyncio.Future[list[Speech | EngineError]], batch: Batch, taken_ms: float, started_ms: float
    ) -> None:
        """Wait for the batch, and leave its answers to a task of their own: the next one may run meanwhile."""
        try:
            spoken = await running
        except Interrupted:
            self._tally.count(jobs_interrupted=len(batch.jobs))
            self._scheduler.put_back(batch)
            return
        ended_ms = time.time() * 1000
        # Of what ran at the same time as another, the time that it took longer.
        self._tally.measure(spoken, ended_ms - max(started_ms, self._ended_ms))
        self._ended_ms = ended_ms
        inference_ms = ended_ms - started_ms
        self._telemetry.ran(batch.jobs, taken_ms, started_ms, inference_ms)
        async with self._handing_over:
            await self._delivered()
            timings = partial(_timings, taken_ms, started_ms - taken_ms, inference_ms)
            delivery = self._answers.deliver(batch.jobs, spoken, timings)
            self._delivering = asyncio.get_running_loop().create_task(delivery)

    async def _load(self) -> None:
        """Have the model in memory. Not in the measured time of the batch: it says nothing of this worker's pace."""
        if isinstance(self._engine, UnloadingEngine) and not self._engine.is_loaded:
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.load)
            except EngineError as error:
                log.warning("model_not_loaded", error=str(error))  # the batch tries again, and tells its callers
            else:
                log.info("model_loaded")

    async def _ended(self, most: int = 0) -> None:
        """Wait until no more than so many batches are under way, where several may be. Raises QueueUnavailable."""
        done = {task for task in self._under_way if task.done()}
        while len(self._under_way - done) > most:
            ended, _ = await asyncio.wait(self._under_way - done, return_when=asyncio.FIRST_COMPLETED)
            done |= ended
        self._under_way -= done
        for fault in [task.exception() for task in done]:
            if fault is not None:
                raise fault

    async def _delivered(self) -> None:
        """Wait until the last batch's answers are written: the next one may run meanwhile. Raises QueueUnavailable."""
        if self._delivering is not None:
            delivering, self._delivering = self._delivering, None
            await delivering

    async def _prepare(self, claimed: list[Claimed]) -> list[tuple[Claimed, EngineJob]]:
        ready = []
        for item in claimed:
            job = item.job
            try:
                style = self._packs.style(job.voice, len(job.token_ids))
            except VoicePackError as error:
                await self._answers.fail(item, "voice_unavailable", str(error))
            else:
                ready.append((item, EngineJob(job.token_ids, style, job.speed, job.seed)))
        return ready

    async def _attend(self, running: asyncio.Future[list[Speech | EngineError]], batch: Batch) -> None:
        """While a batch runs: claim the next one, where the engine is quick enough for that to matter; and interrupt
        this one once nobody waits for any of it, or for somebody who cannot wait.
        """
        is_interruptible = self._engine.capabilities.is_interruptible
        began = time.monotonic()
        while not running.done() and not self._stopping.is_set():
            if self._scheduler.prefetch_room:
                await self._claim(self._scheduler.prefetch_room, PREFETCH_BLOCK_MS)
            elif is_interruptible:
                await asyncio.wait({running}, timeout=ATTEND_S)
            else:
                return
            left_s = (self._tally.expected_s(batch.audio_s) or 0.0) - (time.monotonic() - began)
            is_nearly_done = running.done() or 0 < left_s < NEARLY_DONE_S
            if is_interruptible and not is_nearly_done and await self._must_stop(batch):
                self._engine.interrupt()
                return

    async def _must_stop(self, batch: Batch) -> bool:
        """Whether the batch that runs is the wrong one by now.

        What is urgent is claimed here, late, so that an idle worker, which blocks on the lane, has it first.
        """
        readers = {item.reader for item in batch.jobs}
        if readers == await self._streams.gone(readers):
            return True
        if batch.gives_way and not self._scheduler.is_awaited:
            await self._claim_of([(Lane.URGENT, self._scheduler.max_jobs)], block_ms=0)
        return batch.gives_way and self._scheduler.is_awaited

    def _synthesise(self, jobs: list[EngineJob]) -> list[Speech | EngineError]:
        try:
            return self._engine.synthesise(jobs)
        except EngineError as error:
            return [error for _ in jobs]

    async def _join(self) -> None:
        # The heartbeat first: a consumer without one is taken for dead.
        await self._streams.heartbeat(self.record)
        await self._streams.join()
        self._has_joined = True
        log.info("ready", engine=self._engine.name, voices=len(self._tally.record.voices))

    async def _beat(self) -> None:
        while True:
            self._beaten_at = time.monotonic()
            await asyncio.sleep(self._heartbeat_s)
            try:
                await self._streams.heartbeat(self.record)
                await self._streams.trim()
            except QueueUnavailable as error:
                log.warning("heartbeat_missed", error=error.message)


def _timings(taken_ms: float, batch_wait_ms: float, inference_ms: float, claimed: Claimed) -> ChunkTimings:
    return ChunkTimings(max(0.0, taken_ms - claimed.published_ms), batch_wait_ms, inference_ms)


def _now_ms() -> int:
    return int(time.time() * 1000)
