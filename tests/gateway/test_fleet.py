"""Requests wait for a first worker where the settings say so; where not, they are refused at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from gateway.fleet import Fleet
from shared.errors import NoWorkers
from shared.streams import GatewayStreams, WorkerRecord, WorkerStreams

WORKER = WorkerRecord("worker", "fake", ("af_heart",), 10.0)


def fleet(redis: Redis, wait_for_workers_s: float = 0.0) -> Fleet:
    return Fleet(GatewayStreams(redis, "gateway", 1.0), wait_for_workers_s)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_the_first_worker_is_waited_for(redis: Redis) -> None:
    patient = fleet(redis, 30.0)
    requests = [asyncio.create_task(patient.require()) for _ in range(3)]
    await eventually(lambda: patient.num_waiting == 3)
    await patient.look()
    assert patient.num_waiting == 3
    worker = WorkerStreams(redis, WORKER.id, 1.0, 3)
    await worker.join()
    await worker.heartbeat(WORKER)
    await patient.look()
    await asyncio.gather(*requests)
    assert patient.num_waiting == 0


async def test_nobody_is_waited_for_for_longer(redis: Redis) -> None:
    patient, began = fleet(redis, 0.2), time.monotonic()
    with pytest.raises(NoWorkers):
        await patient.require()
    assert 0.2 <= time.monotonic() - began < 2
    assert patient.num_waiting == 0


async def test_who_leaves_waits_no_more(redis: Redis) -> None:
    patient = fleet(redis, 30.0)
    request = asyncio.create_task(patient.require())
    await eventually(lambda: patient.num_waiting == 1)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    assert patient.num_waiting == 0


async def test_without_the_setting_it_is_refused_at_once(redis: Redis) -> None:
    with pytest.raises(NoWorkers):
        await fleet(redis).require()
    with pytest.raises(NoWorkers):
        await fleet(redis).require_hope()


async def test_a_gateway_that_can_wait_is_ready_without_workers_and_says_that_there_are_none(redis: Redis) -> None:
    patient = fleet(redis, 30.0)
    await patient.require_hope()
    with pytest.raises(NoWorkers):
        await patient.require_now()
