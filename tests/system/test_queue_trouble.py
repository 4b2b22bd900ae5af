"""A queue that is slow, stalls, is cut off, or has no memory left: what callers are told, and that all comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import httpx
import pytest
import redis

from tests.conftest import Service, Valkey, running_service, running_valkey, wait_until
from tests.line import Line, running_line
from tests.system.test_faults import SENTENCES, open_stream, reference_audio

# Streams are cut by the workers' pace of the moment; so patient a gateway cuts equal texts alike.
ENVIRONMENT = {"FAKE_SPEED_FACTOR": "40", "HEARTBEAT_S": "1", "WORKER_GRACE_S": "4", "FIRST_AUDIO_TARGET_MS": "60000"}
HALF_MINUTE = SENTENCES[:600]


class Troubled(NamedTuple):
    service: Service
    server: Valkey
    line: Line
    expected: bytes


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Troubled]:
    folder = tmp_path_factory.mktemp("troubled")
    with (
        running_valkey() as server,
        running_line(server.socket) as line,
        running_service(line.url, folder, ENVIRONMENT) as service,
    ):
        yield Troubled(service, server, line, reference_audio(service, HALF_MINUTE))


@pytest.fixture(autouse=True)
def mended(troubled: Troubled) -> Iterator[None]:
    """Whatever a test does to the queue, its successor finds a service that works."""
    troubled.service.wait_ready()
    yield
    troubled.line.delay_s = 0.0
    troubled.line.mend()
    troubled.service.wait_ready()
    wait_until(lambda: troubled.service.speak("All well?").status_code == 200, "spoken again")


def heard_in_background(pool: ThreadPoolExecutor, service: Service) -> Future[bytes]:
    """A stream that has begun; its audio, to the end."""
    begun: Future[None] = Future()

    def listen() -> bytes:
        with open_stream(service, HALF_MINUTE) as answer:
            packets = answer.iter_bytes()
            audio = next(packets)
            begun.set_result(None)
            return audio + b"".join(packets)

    listening = pool.submit(listen)
    begun.result(30)
    return listening


def test_a_full_memory_refuses_the_new_and_keeps_what_is_under_way(troubled: Troubled) -> None:
    operator = redis.Redis.from_url(troubled.server.url)
    with ThreadPoolExecutor() as pool:
        listening = heard_in_background(pool, troubled.service)
        operator.config_set("maxmemory", 1)
        try:
            for _ in range(5):  # longer than a worker without heartbeats counts as alive
                answer = troubled.service.speak("No room.")
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_full")
                assert answer.headers["retry-after"] == "10"
                time.sleep(0.7)
            assert len(httpx.get(f"{troubled.service.url}/health").json()["workers"]) == 1
        finally:
            operator.config_set("maxmemory", 0)
        assert listening.result(30) == troubled.expected
    operator.close()


@pytest.mark.chaos
def test_a_slow_queue_costs_time_and_nothing_else(troubled: Troubled) -> None:
    troubled.line.delay_s = 0.1  # either way: 0.2 s a call
    started = time.monotonic()
    assert reference_audio(troubled.service, HALF_MINUTE) == troubled.expected
    assert time.monotonic() - started < 20


def test_a_short_cut_is_not_heard(troubled: Troubled) -> None:
    with ThreadPoolExecutor() as pool:
        listening = heard_in_background(pool, troubled.service)
        troubled.line.cut()
        time.sleep(1)
        troubled.line.mend()
        assert listening.result(30) == troubled.expected


def test_a_short_stall_is_not_heard(troubled: Troubled) -> None:
    with ThreadPoolExecutor() as pool:
        listening = heard_in_background(pool, troubled.service)
        troubled.line.stall()
        time.sleep(2)
        troubled.line.mend()
        assert listening.result(30) == troubled.expected


@pytest.mark.chaos
def test_when_nothing_passes_streams_are_cut_and_new_requests_refused_in_time(troubled: Troubled) -> None:
    with ThreadPoolExecutor() as pool:
        listening = heard_in_background(pool, troubled.service)
        troubled.line.stall()
        stalled = time.monotonic()
        answer = troubled.service.speak("Anybody there?")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_unavailable")
        assert time.monotonic() - stalled < 8  # five seconds that an answer may take, and a busy machine
        with pytest.raises(httpx.RemoteProtocolError):
            listening.result(30)
        assert time.monotonic() - stalled < 15  # what an answer may take, and then the grace
        assert troubled.service.status("/livez") == 200
        assert troubled.service.status("/readyz") == 503
