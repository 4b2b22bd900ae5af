"""Clients that leave or stall, workers that die, a queue that goes away: over real processes with the fake engine."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis

from shared.streams import connect
from shared.streams.connection import DEFAULT_MAX_CONNECTIONS
from tests.conftest import Service, running_service, running_valkey, wait_until

SENTENCES = " ".join(f"Sentence number {number} says something of its own." for number in range(60))
PACED = {"FAKE_SPEED_FACTOR": "50"}
"""A worker that takes a while over each chunk, so that things can happen in the middle."""

SLOW = {"FAKE_SPEED_FACTOR": "15"}
"""One that has work left when a client has gone and been noticed, however busy the machine."""


def reference_audio(service: Service, text: str = SENTENCES) -> bytes:
    answer = service.speak(text)
    assert answer.status_code == 200
    return answer.content


@contextlib.contextmanager
def open_stream(service: Service, text: str, **fields: object) -> Iterator[httpx.Response]:
    body = {"input": text, "response_format": "pcm", **fields}
    with httpx.stream("POST", f"{service.url}/v1/audio/speech", json=body, timeout=60) as answer:
        yield answer


def test_many_at_once_sound_as_alone(service: Service) -> None:
    alone = reference_audio(service)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda _: reference_audio(service), range(8)))
    assert together == [alone] * 8


def test_a_crowd_shares_few_connections_to_the_queue(service: Service) -> None:
    with ThreadPoolExecutor(48) as pool:
        answers = list(pool.map(lambda number: service.speak(f"Number {number}."), range(96)))
    assert {answer.status_code for answer in answers} == {200}
    with redis.Redis.from_url(service.redis_url) as client:
        # A gateway and a worker, each with its calls and a blocking read, and this one who asks.
        assert len(client.client_list()) <= 2 * (DEFAULT_MAX_CONNECTIONS + 1) + 1


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Service]:
    with running_valkey() as server, running_service(server.url, tmp_path, SLOW) as running:
        yield running


def test_a_client_that_hangs_up_stops_its_work(slow: Service) -> None:
    with open_stream(slow, SENTENCES * 5) as answer:
        next(answer.iter_bytes())
    wait_until(lambda: slow.counters()["jobs_cancelled"] > 0, "queued chunks cancelled")
    done = slow.counters()["jobs_done"]
    one = slow.speak("Still here?")
    assert one.status_code == 200
    wait_until(lambda: slow.counters()["jobs_done"] > done, "the next request is served")
    assert slow.counters()["jobs_done"] <= done + 2  # what ran when the client left, and the short request


def test_a_client_that_leaves_before_the_first_audio_stops_its_work(slow: Service) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{slow.url}/v1/audio/speech", json={"input": SENTENCES * 5, "stream": False}, timeout=1.0)
    wait_until(lambda: slow.counters()["jobs_cancelled"] > 0, "queued chunks cancelled")


def test_stalled_readers_slow_nobody(service: Service) -> None:
    stalled = [stalled_reader(service) for _ in range(16)]
    try:
        for _ in range(5):
            started = time.monotonic()
            assert service.speak("Am I slowed down?").status_code == 200
            assert time.monotonic() - started < 10
            assert httpx.get(f"{service.url}/livez").status_code == 200
    finally:
        for connection in stalled:
            connection.close()


def stalled_reader(service: Service) -> socket.socket:
    """A client that asks for an hour of audio and reads none of it."""
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    body = b'{"response_format": "pcm", "input": "' + (SENTENCES * 20).encode() + b'"}'
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def test_a_killed_workers_chunks_are_heard_all_the_same(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, PACED, workers=2) as running:
        expected = reference_audio(running)
        with open_stream(running, SENTENCES) as answer:
            packets = answer.iter_bytes()
            heard = next(packets)
            running.workers[0].kill()
            heard += b"".join(packets)
        assert heard == expected


def test_without_a_worker_it_is_503_at_once(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, workers=0) as running:
        started = time.monotonic()
        answer = running.speak("Anybody there?")
        assert time.monotonic() - started < 1
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_workers")
        assert int(answer.headers["retry-after"]) >= 1
        assert running.status("/readyz") == 503
        assert running.status("/livez") == 200
        running.start_worker()
        running.wait_ready()
        assert running.speak("Anybody there?").status_code == 200


def test_when_the_queue_goes_it_is_503_and_service_returns_by_itself(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path) as running:
        assert running.speak("Before.").status_code == 200
        server.stop()
        wait_until(lambda: running.status("/readyz") == 503, "not ready without the queue")
        answer = running.speak("During.")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_unavailable")
        assert "retry-after" in answer.headers
        assert running.status("/livez") == 200
        server.start()
        running.wait_ready()
        wait_until(lambda: running.speak("After.").status_code == 200, "spoken again")


def test_a_failure_after_the_first_byte_cuts_the_line(tmp_path: Path) -> None:
    with (
        running_valkey() as server,
        running_service(server.url, tmp_path, {**PACED, "WORKER_GRACE_S": "1"}) as running,
        open_stream(running, SENTENCES) as answer,
    ):
        packets = answer.iter_bytes()
        next(packets)
        running.workers[0].kill()
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            list(packets)


def test_sigterm_lets_streams_end_and_exits_with_0(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, PACED) as running:
        expected = reference_audio(running)
        with open_stream(running, SENTENCES) as answer:
            packets = answer.iter_bytes()
            heard = next(packets)
            running.gateway.process.terminate()
            heard += b"".join(packets)
        assert heard == expected
        assert running.gateway.process.wait(20) == 0
        assert running.workers[0].terminate() == 0


async def test_nothing_is_left_in_the_queue(tmp_path: Path) -> None:
    """After requests, leavers and a goodbye only the lanes themselves remain, and they are empty but for one entry."""
    with running_valkey() as server:
        with running_service(server.url, tmp_path, PACED) as running:
            reference_audio(running, "Short.")
            with open_stream(running, SENTENCES) as answer:
                next(answer.iter_bytes())
            wait_until(lambda: running.counters()["jobs_cancelled"] > 0, "cancelled")
            assert running.gateway.terminate() == 0
            assert running.workers[0].terminate() == 0
        client = connect(server.url)
        keys = sorted([key.decode() async for key in client.scan_iter()])
        forever = [key for key in keys if await client.pttl(key) == -1]
        assert forever == ["tts:jobs:batch", "tts:jobs:standard", "tts:jobs:urgent"]
        assert [(await client.xinfo_groups(key))[0]["pending"] for key in forever] == [0, 0, 0]
        await client.aclose()
