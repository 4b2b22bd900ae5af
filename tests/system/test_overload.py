"""More work than the workers can do: what is taken keeps its promise, the rest is told when to come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from gateway.fleet import Fleet
from gateway.synthesis import Delivery, Synthesis
from shared.contract import Lane
from shared.errors import Overloaded
from shared.streams import GatewayStreams, WorkerRecord, WorkerStreams
from tests.conftest import Service, running_service, running_valkey
from tests.shared.test_streams import job

SPEED = 10
MAX_QUEUE_WAIT_S = 3
SENTENCE = "The ferry leaves the harbour at seven, long before the fog has lifted."
NOISE_S = 6
"""What a busy machine may add to any time measured here."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Service]:
    environment = {"FAKE_SPEED_FACTOR": str(SPEED), "MAX_QUEUE_WAIT_S": str(MAX_QUEUE_WAIT_S)}
    with running_valkey() as server, running_service(server.url, tmp_path, environment) as running:
        yield running


@dataclass(frozen=True)
class Outcome:
    status: int
    first_audio_s: float
    retry_after_s: int
    retry_after_ms: int
    code: str


def ask(service: Service) -> Outcome:
    started = time.monotonic()
    body = {"input": SENTENCE, "response_format": "pcm"}
    with httpx.stream("POST", f"{service.url}/v1/audio/speech", json=body, timeout=60) as answer:
        if answer.status_code == 200:
            packets = answer.iter_bytes()
            next(packets)
            first_audio_s = time.monotonic() - started
            assert sum(len(packet) for packet in packets) > 0
            return Outcome(200, first_audio_s, 0, 0, "")
        error = httpx.Response(answer.status_code, content=answer.read()).json()["error"]
        seconds, milliseconds = int(answer.headers["retry-after"]), int(answer.headers["retry-after-ms"])
        return Outcome(answer.status_code, 0.0, seconds, milliseconds, error["code"])


@pytest.mark.chaos
def test_a_burst_over_capacity_is_refused_in_part_and_the_rest_is_quick(small: Service) -> None:
    with ThreadPoolExecutor(40) as pool:
        outcomes = list(pool.map(lambda _: ask(small), range(80)))
    accepted = [outcome for outcome in outcomes if outcome.status == 200]
    refused = [outcome for outcome in outcomes if outcome.status == 503]
    assert len(accepted) + len(refused) == len(outcomes)
    assert len(accepted) >= MAX_QUEUE_WAIT_S
    assert len(refused) >= 10
    assert max(outcome.first_audio_s for outcome in accepted) <= MAX_QUEUE_WAIT_S + NOISE_S
    assert {outcome.code for outcome in refused} == {"overloaded"}
    assert all(1 <= outcome.retry_after_s <= 120 for outcome in refused)
    assert all(0 <= outcome.retry_after_s * 1000 - outcome.retry_after_ms < 1000 for outcome in refused)


@pytest.mark.chaos
def test_whoever_comes_back_when_told_to_is_served_in_the_end(small: Service) -> None:
    with ThreadPoolExecutor(40) as pool:
        waits = list(pool.map(lambda _: patient(small), range(40)))
    assert max(waits) <= 45


def patient(service: Service) -> float:
    """Seconds until it was served, coming back as often as told to."""
    started = time.monotonic()
    while (outcome := ask(service)).status == 503:
        time.sleep(outcome.retry_after_ms / 1000)
    assert outcome.status == 200
    return time.monotonic() - started


@pytest.fixture
async def streams(redis: Redis) -> GatewayStreams:
    """A gateway's, of a fleet of one worker that makes ten seconds of audio a second and does nothing."""
    worker = WorkerStreams(redis, "w", 20, 3)
    await worker.heartbeat(WorkerRecord("w", "fake", ("af_bella",), 10.0))
    await worker.join()
    return GatewayStreams(redis, "gw", 20)


async def synthesis_of(streams: GatewayStreams) -> Synthesis:
    fleet = Fleet(streams)
    await fleet.look()
    return Synthesis(
        streams, fleet, window=4, job_timeout_s=0.2, heartbeat_s=20, grace_s=20, max_queue_wait_s=MAX_QUEUE_WAIT_S
    )


async def fill(streams: GatewayStreams, lane: Lane, tenant_id: str = "") -> None:
    """A minute of audio, six seconds' work, in one lane."""
    for number in range(60):
        await streams.publish(replace(job(request_id=f"r{number}", lane=lane), tenant_id=tenant_id))


async def withdraw_all_but(streams: GatewayStreams, num_left: int) -> None:
    for number in range(num_left, 60):
        await streams.cancel(f"r{number}", 1, [0])


async def refusal(synthesis: Synthesis, delivery: Delivery) -> Overloaded | None:
    try:
        await synthesis._admit(delivery)
    except Overloaded as error:
        return error
    return None


async def test_a_full_lane_refuses_who_would_wait_in_it_but_never_the_batch_lane(streams: GatewayStreams) -> None:
    synthesis = await synthesis_of(streams)
    assert await refusal(synthesis, Delivery("new", 0, Lane.URGENT)) is None
    await fill(streams, Lane.URGENT)
    error = await refusal(synthesis, Delivery("new", 0, Lane.URGENT))
    assert error is not None
    # A minute and ten seconds of audio by the estimate, less what three seconds make.
    assert 3 <= error.retry_after_s <= 6
    assert await refusal(synthesis, Delivery("new", 0, Lane.BATCH)) is None


async def test_who_comes_back_when_told_goes_before_who_comes_for_the_first_time(streams: GatewayStreams) -> None:
    synthesis = await synthesis_of(streams)
    await fill(streams, Lane.URGENT)
    first, second = [await refusal(synthesis, Delivery(f"r{n}", 0, Lane.URGENT, audio_s=20)) for n in range(2)]
    assert first is not None
    assert second is not None
    # Twenty seconds of audio are two seconds' work.
    assert second.retry_after_s == pytest.approx(first.retry_after_s + 2, abs=0.5)
    await withdraw_all_but(streams, 25)
    assert await refusal(synthesis, Delivery("fresh", 0, Lane.URGENT, audio_s=1)) is not None
    assert await refusal(synthesis, Delivery("back", 0, Lane.URGENT, audio_s=1, is_returning=True)) is None


async def test_who_comes_back_too_early_is_not_put_behind_those_who_come_after(streams: GatewayStreams) -> None:
    synthesis = await synthesis_of(streams)
    await fill(streams, Lane.URGENT)
    early = await refusal(synthesis, Delivery("early", 0, Lane.URGENT, audio_s=100))
    again = await refusal(synthesis, Delivery("early", 0, Lane.URGENT, audio_s=100, is_returning=True))
    late = await refusal(synthesis, Delivery("late", 0, Lane.URGENT, audio_s=100))
    assert early is not None
    assert again is not None
    assert late is not None
    assert again.retry_after_s == pytest.approx(early.retry_after_s, abs=0.1)
    assert late.retry_after_s == pytest.approx(early.retry_after_s + 10, abs=0.5)


async def test_what_waits_in_the_batch_lane_is_in_nobodys_way(streams: GatewayStreams) -> None:
    synthesis = await synthesis_of(streams)
    await fill(streams, Lane.BATCH)
    assert await refusal(synthesis, Delivery("new", 0, Lane.URGENT)) is None


async def test_a_tenants_own_flood_is_in_its_own_way_only(streams: GatewayStreams) -> None:
    synthesis = await synthesis_of(streams)
    await fill(streams, Lane.URGENT, "flooding")
    assert await refusal(synthesis, Delivery("more", 0, Lane.URGENT, "flooding")) is not None
    assert await refusal(synthesis, Delivery("new", 0, Lane.URGENT, "other")) is None


async def test_an_unknown_speed_refuses_nobody(redis: Redis, streams: GatewayStreams) -> None:
    await WorkerStreams(redis, "w", 20, 3).heartbeat(WorkerRecord("w", "fake", ("af_bella",), 0.0))
    await fill(streams, Lane.URGENT)
    assert await refusal(await synthesis_of(streams), Delivery("new", 0, Lane.URGENT)) is None
