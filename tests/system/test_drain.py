"""SIGTERM on a gateway, step by step: it says that it goes, takes nothing new, ends what it has."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.drain import Drain, DrainGate, Phase
from shared.errors import Draining
from tests.conftest import running_service, running_valkey, wait_until
from tests.system.test_faults import SENTENCES, open_stream, reference_audio

DELAY_S = 3.0
ENVIRONMENT = {"FAKE_SPEED_FACTOR": "20", "DRAIN_DELAY_S": str(DELAY_S), "FIRST_AUDIO_TARGET_MS": "60000"}
TEXT = SENTENCES[:900]


def test_sigterm_turns_readiness_off_serves_whoever_comes_and_then_closes(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, ENVIRONMENT) as running:
        expected = reference_audio(running, TEXT)
        with open_stream(running, TEXT) as answer:
            packets = answer.iter_bytes()
            heard = next(packets)
            running.gateway.process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            wait_until(lambda: running.status("/readyz") == 503, "readiness is off", 2)
            why = httpx.get(f"{running.url}/readyz").json()["error"]["code"]
            late = running.speak("Has nobody told the load balancer?")
            assert time.monotonic() - told < DELAY_S, "too slow a machine to tell"
            assert (why, late.status_code, late.headers["connection"]) == ("draining", 200, "close")
            wait_until(lambda: running.status("/livez") == 0, "nobody new can come", 10)
            assert running.gateway.process.poll() is None
            heard += b"".join(packets)
        assert heard == expected
        assert running.gateway.process.wait(20) == 0


async def test_a_connection_from_before_is_refused_politely_once_closed() -> None:
    app, drain = FastAPI(), Drain()

    @app.get("/livez")
    @app.get("/v1/models")
    async def answer() -> str:
        return "served"

    transport = httpx.ASGITransport(DrainGate(app, drain))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert "connection" not in (await client.get("/v1/models")).headers
        drain.phase = Phase.LEAVING
        served = await client.get("/v1/models")
        assert (served.status_code, served.headers["connection"]) == (200, "close")
        drain.phase = Phase.CLOSED
        refused = await client.get("/v1/models")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
        assert (refused.headers["connection"], refused.headers["retry-after"]) == ("close", "1")
        assert (await client.get("/livez")).status_code == 200


async def test_the_phases_in_order() -> None:
    drain = Drain()
    drain.require_serving()
    started = time.monotonic()
    await drain.begin(0.2)
    assert time.monotonic() - started >= 0.2
    assert drain.phase is Phase.CLOSED
    with pytest.raises(Draining, match="being stopped"):
        drain.require_serving()
