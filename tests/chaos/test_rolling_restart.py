"""Everything is replaced, one process after the other, under load: nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.chaos.crowd import SETTINGS, Crowd, expected
from tests.conftest import running_service, running_valkey

pytestmark = pytest.mark.chaos

ENVIRONMENT = {**SETTINGS, "FAKE_SPEED_FACTOR": "30"}


async def test_a_rolling_restart_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with (
        running_valkey() as server,
        running_service(server.url, tmp_path, ENVIRONMENT, workers=2) as old,
        contextlib.ExitStack() as later,
    ):
        right = await asyncio.to_thread(expected, old)
        async with Crowd(old.url, 12) as crowd:
            for worker in old.workers[:2]:
                old.start_worker()
                assert await asyncio.to_thread(worker.terminate, 30) == 0
            starting = running_service(server.url, tmp_path / "new", ENVIRONMENT, workers=0)
            new = await asyncio.to_thread(later.enter_context, starting)
            await asyncio.to_thread(new.wait_ready)
            crowd.url = new.url  # as a load balancer does before it lets the old one go
            assert await asyncio.to_thread(old.gateway.terminate, 40) == 0
            heard_by_then = len(crowd.heard)
        assert crowd.failures() == []
        assert len(crowd.heard) > heard_by_then
        assert [each.text for each in crowd.heard if each.audio != right[each.text]] == []
