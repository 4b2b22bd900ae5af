"""However a client leaves in mid-stream, its work is dropped; and whoever stays on the connection is served."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Service, left_of_requests, running_service, running_valkey, wait_until
from tests.system.test_faults import SENTENCES

LONG = SENTENCES * 4
"""Minutes of audio: at this speed half a minute's work."""
SLOW = {"FAKE_SPEED_FACTOR": "15"}
WITHIN_S = 10


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (
        running_valkey() as server,
        running_service(server.url, tmp_path_factory.mktemp("slow"), SLOW) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def freed(slow: Service) -> Iterator[None]:
    """After each test's leaver nothing waits and nothing is claimed, long before all would have been spoken."""
    before = slow.counters()
    yield
    wait_until(lambda: not jobs_in(slow.redis_url), "the work is freed", WITHIN_S)
    after = slow.counters()
    assert after["audio_s"] - before["audio_s"] < 100
    assert after["jobs_failed"] == before["jobs_failed"]


def jobs_in(redis_url: str) -> list[str]:
    return [key for key in left_of_requests(redis_url) if key.startswith(("tts:jobs:", "tts:wait:"))]


def fin(connection: socket.socket) -> None:
    connection.close()


def rst(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half_close(connection: socket.socket) -> None:
    """Says that it will ask no more, and stays to listen: nobody does that over HTTP, so it counts as gone."""
    connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("leave", [fin, rst, half_close])
def test_who_leaves_in_mid_stream(slow: Service, leave: Callable[[socket.socket], None]) -> None:
    parts = urlsplit(slow.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(request_of(parts.netloc, LONG))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        leave(connection)
        if leave is half_close:
            wait_until(lambda: connection.recv(65536) == b"", "the server ends it too")


def request_of(host: str, text: str) -> bytes:
    body = json.dumps({"input": text, "response_format": "pcm"}).encode()
    return f"POST /v1/audio/speech HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def test_who_leaves_on_a_connection_that_had_served_before(slow: Service) -> None:
    connection = http.client.HTTPConnection(urlsplit(slow.url).netloc, timeout=20)
    for text in ("First.", "Second."):
        ask(connection, text)
        with connection.getresponse() as answer:
            assert answer.status == 200
            assert answer.read()
    ask(connection, LONG)
    with connection.getresponse() as answer:
        assert answer.read(1000)
        connection.close()


def test_who_gives_up_and_asks_again(slow: Service) -> None:
    with httpx.Client(base_url=slow.url, timeout=20) as client:
        body = {"input": LONG, "response_format": "pcm"}
        with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            next(answer.iter_bytes())
        again = client.post("/v1/audio/speech", json={**body, "input": "Again."})
        assert again.status_code == 200
        assert again.content


def test_who_asks_for_the_next_before_the_first_is_heard(slow: Service) -> None:
    """HTTP pipelining: answers come in the order of the requests, each whole."""
    parts = urlsplit(slow.url)
    short = [request_of(parts.netloc, text) for text in ("One.", "Two.")]
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(b"".join(short))
        heard = b""
        while heard.count(b"HTTP/1.1 200 OK") < len(short):
            piece = connection.recv(65536)
            assert piece, "the connection ended too soon"
            heard += piece


def ask(connection: http.client.HTTPConnection, text: str) -> None:
    body = json.dumps({"input": text, "response_format": "pcm"})
    connection.request("POST", "/v1/audio/speech", body, {"Content-Type": "application/json"})
