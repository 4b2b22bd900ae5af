"""The fleet of scale.yml under load while its parts are replaced, and while they die."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.chaos.crowd import SETTINGS, TEXTS, Crowd
from tests.deploy.scale import GATEWAYS, Scale, running_scale

pytestmark = pytest.mark.deploy

LISTENERS = 8


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scale]:
    with running_scale(tmp_path_factory.mktemp("scale"), {**SETTINGS, "FAKE_SPEED_FACTOR": "30"}) as running:
        yield running


@pytest.fixture(scope="module")
def right(fleet: Scale) -> dict[str, bytes]:
    answers = {text: fleet.speak(text) for text in TEXTS}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {text: answer.content for text, answer in answers.items()}


async def more_are_heard(crowd: Crowd, how_many: int = LISTENERS) -> None:
    wanted = len(crowd.heard) + how_many
    async with asyncio.timeout(60):
        while len(crowd.heard) < wanted:
            await asyncio.sleep(0.02)


def report(what: str, crowd: Crowd) -> None:
    print(f"{what}: {len(crowd.heard)} requests, failures {dict(Counter(crowd.failures()))}")


def all_right(crowd: Crowd, right: dict[str, bytes]) -> bool:
    return all(each.audio == right[each.text] for each in crowd.heard if each.failure is None)


async def test_replacing_every_process_loses_nothing(fleet: Scale, right: dict[str, bytes]) -> None:
    async with Crowd(fleet.url, LISTENERS) as crowd:
        await more_are_heard(crowd)
        for worker in list(fleet.workers):
            fleet.start_worker()
            await asyncio.to_thread(fleet.wait_worker)
            assert await asyncio.to_thread(worker.terminate, 60) == 0
        for name in GATEWAYS:
            assert await asyncio.to_thread(fleet.gateways[name].terminate, 90) == 0
            fleet.start_gateway(name)
            await asyncio.to_thread(fleet.wait_ready, name)
            await more_are_heard(crowd)
    report("rolling restart", crowd)
    assert crowd.failures() == []
    assert all_right(crowd, right)


async def test_a_killed_worker_costs_nothing(fleet: Scale, right: dict[str, bytes]) -> None:
    async with Crowd(fleet.url, LISTENERS) as crowd:
        await more_are_heard(crowd)
        next(worker for worker in fleet.workers if worker.process.poll() is None).kill()
        fleet.start_worker()
        await more_are_heard(crowd, 3 * LISTENERS)
    report("worker killed", crowd)
    assert crowd.failures() == []
    assert all_right(crowd, right)


async def test_a_killed_gateway_costs_the_streams_that_it_had_and_no_others(
    fleet: Scale, right: dict[str, bytes]
) -> None:
    async with Crowd(fleet.url, LISTENERS) as crowd:
        await more_are_heard(crowd)
        fleet.gateways[GATEWAYS[0]].kill()
        await more_are_heard(crowd, 2 * LISTENERS)
        fleet.start_gateway(GATEWAYS[0])
        await asyncio.to_thread(fleet.wait_ready, GATEWAYS[0])
        await more_are_heard(crowd)
    report("gateway killed", crowd)
    assert set(crowd.failures()) <= {"cut"}
    assert len(crowd.failures()) <= LISTENERS
    assert all_right(crowd, right)


async def test_a_restarted_valkey_costs_nothing(fleet: Scale, right: dict[str, bytes]) -> None:
    async with Crowd(fleet.url, LISTENERS) as crowd:
        await more_are_heard(crowd)
        assert fleet.valkey is not None
        fleet.valkey.kill()
        fleet.valkey.wait()
        fleet.start_valkey()
        await more_are_heard(crowd, 2 * LISTENERS)
    report("Valkey killed and started again", crowd)
    assert set(crowd.failures()) <= {"503 queue_unavailable"}, "who came while it was away, and was told"
    assert all_right(crowd, right)
