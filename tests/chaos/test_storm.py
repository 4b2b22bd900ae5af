"""Hundreds of clients leave in mid-stream, by every way there is: the work stops, and nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from bench.texts import text_of
from shared.contract import Lane
from shared.streams import connect
from shared.streams.connection import DEFAULT_MAX_CONNECTIONS
from shared.streams.keys import GROUP, jobs_key
from tests.chaos.crowd import SETTINGS
from tests.conftest import Service, running_service, running_valkey, wait_until

pytestmark = pytest.mark.chaos

CLIENTS = 500
WINDOW = 4
ENVIRONMENT = {**SETTINGS, "FAKE_SPEED_FACTOR": "100", "CHUNK_WINDOW": str(WINDOW)}
LONG = text_of(5000)
"""Hundreds of seconds of audio: nobody stays for the end."""
MEMORY_MB = 25
"""What a second storm may add to the first: of buffers per client it would be far more."""


def leave_by_fin(connection: socket.socket) -> None:
    connection.close()


def leave_by_rst(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def leave_by_half_close(connection: socket.socket) -> None:
    """Says that it will ask no more, and stays: HTTP knows no such client, so it counts as gone."""
    connection.shutdown(socket.SHUT_WR)


WAYS = (leave_by_fin, leave_by_rst, leave_by_half_close)


async def client(url: str, number: int) -> socket.socket:
    """Asks, waits for the first audio, leaves; returns what must still be closed."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    connection.setblocking(False)
    await loop.sock_connect(connection, (parts.hostname, parts.port))
    body = json.dumps({"input": LONG, "response_format": "pcm"}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    await loop.sock_sendall(connection, head.encode() + body)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await loop.sock_recv(connection, 65536)
    assert answer.startswith(b"HTTP/1.1 200")
    WAYS[number % len(WAYS)](connection)
    return connection


async def storm(url: str) -> None:
    async with asyncio.timeout(120):
        connections = await asyncio.gather(*(client(url, number) for number in range(CLIENTS)))
    for connection in connections:
        connection.close()


def idle_at(service: Service) -> float:
    """Wait until the worker has nothing to do; when that was seen."""
    counters, since = service.counters(), time.monotonic()

    def unchanged_for_two_beats() -> bool:
        nonlocal counters, since
        if (now := service.counters()) != counters:
            counters, since = now, time.monotonic()
        return time.monotonic() - since > 2.5

    wait_until(unchanged_for_two_beats, "the worker is idle", 60)
    return since


async def test_a_storm_of_leavers_leaves_nothing(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, ENVIRONMENT) as running:
        assert running.speak("Warm up.").status_code == 200
        gateway = psutil.Process(running.gateway.process.pid)
        descriptors = gateway.num_fds() + DEFAULT_MAX_CONNECTIONS  # those to the queue are kept, for the next time
        resident_mb = []
        for _ in range(2):
            before = running.counters()
            await storm(running.url)
            left = time.monotonic()
            idle = await asyncio.to_thread(idle_at, running)
            # A batch of eight chunks takes 0.4 s here; the rest is the heartbeat by which we hear of it.
            assert idle - left < 5
            after = running.counters()
            assert after["jobs_done"] - before["jobs_done"] <= CLIENTS * (1 + WINDOW)
            assert after["jobs_failed"] == 0
            resident_mb.append(gateway.memory_info().rss / 1e6)
        assert resident_mb[1] - resident_mb[0] < MEMORY_MB
        wait_until(lambda: gateway.num_fds() <= descriptors, "no descriptor is left")
        redis = connect(server.url)
        assert [(await redis.xpending(jobs_key(lane), GROUP))["pending"] for lane in Lane] == [0, 0, 0]
        forever = [key async for key in redis.scan_iter() if await redis.pttl(key) == -1]
        assert sorted(forever) == sorted(jobs_key(lane).encode() for lane in Lane)
        await redis.aclose()
        assert running.speak("Still there?").status_code == 200
        # A request whose task had stayed would hold the gateway back until DRAIN_TIMEOUT_S, 30 seconds.
        assert running.gateway.terminate(timeout_s=15) == 0
