"""What a worker counts of its batches, and that Kubernetes hears how it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from shared.contract import ChunkJob, Lane
from shared.streams import Claimed, WorkerRecord, WorkerStreams
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.metrics import WorkerMetrics
from worker.service import Worker
from worker.telemetry import WorkerTelemetry

JOB = ChunkJob(
    request_id="req_1",
    seq=0,
    reply_stream="",
    token_ids=(1,),
    voice=(("af_bella", 1.0),),
    speed=1.0,
    seed=0,
    deadline_ms=0,
    lane=Lane.URGENT,
    tenant_id="",
)


def claimed(num_tokens: int, lane: Lane = Lane.URGENT, at_ms: int = 1000) -> Claimed:
    return Claimed("1-0", lane, replace(JOB, token_ids=(1,) * num_tokens, lane=lane), at_ms)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    found = registry.get_sample_value(name, labels)
    assert found is not None, name
    return found


def test_a_batch_is_counted_once_and_its_jobs_each() -> None:
    registry = CollectorRegistry()
    batch = [claimed(100), claimed(50), claimed(30, Lane.BATCH, at_ms=500)]
    WorkerMetrics(registry).ran(batch, taken_ms=1250, inference_ms=200)
    assert value(registry, "kokoro_worker_batch_size_sum") == 3
    assert value(registry, "kokoro_worker_inference_seconds_sum") == pytest.approx(0.2)
    assert value(registry, "kokoro_worker_padding_share_sum") == pytest.approx(1 - 180 / 300)
    assert value(registry, "kokoro_worker_queue_seconds_sum", lane="urgent") == pytest.approx(0.5)
    assert value(registry, "kokoro_worker_queue_seconds_sum", lane="batch") == pytest.approx(0.75)


def test_a_clock_behind_rediss_makes_no_negative_wait() -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry).ran([claimed(10, at_ms=5000)], taken_ms=4000, inference_ms=1)
    assert value(registry, "kokoro_worker_queue_seconds_sum", lane="urgent") == 0


def test_the_record_is_shown_as_it_is_now() -> None:
    registry = CollectorRegistry()
    records = [WorkerRecord("w", "fake", (), 12.5, jobs_done=7, jobs_failed=1, audio_s=40.5)]
    WorkerMetrics(registry).watch(lambda: records[-1], lambda: 3)
    assert value(registry, "kokoro_worker_jobs_total", outcome="done") == 7
    records.append(replace(records[-1], jobs_done=8, load_s=2.0))
    assert value(registry, "kokoro_worker_jobs_total", outcome="done") == 8
    assert value(registry, "kokoro_worker_audio_seconds_total") == 40.5
    assert value(registry, "kokoro_worker_jobs_held") == 3
    assert value(registry, "kokoro_worker_model_loaded") == 0


async def test_ready_once_joined_and_not_after_stop(redis: Redis) -> None:
    streams = WorkerStreams(redis, "w", heartbeat_s=0.1, max_deliveries=3)
    worker = Worker(FakeEngine(), FakeVoicePacks(["af_bella"]), streams, "w", 0.1, telemetry=WorkerTelemetry("w"))
    assert (worker.is_live, worker.is_ready) == (True, False)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(10):
        while not worker.is_ready:
            await asyncio.sleep(0.01)
    worker.stop()
    assert (worker.is_live, worker.is_ready) == (True, False)
    await running


async def test_live_until_the_loop_stands_still(redis: Redis) -> None:
    beat_s = 0.01
    streams = WorkerStreams(redis, "w", beat_s, max_deliveries=3)
    worker = Worker(FakeEngine(), FakeVoicePacks(["af_bella"]), streams, "w", beat_s)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(10):
        while not worker.is_ready:
            await asyncio.sleep(beat_s)
    running.cancel()
    await asyncio.wait({running})
    async with asyncio.timeout(10):
        while worker.is_live:
            await asyncio.sleep(beat_s)
