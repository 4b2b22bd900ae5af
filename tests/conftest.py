"""Real parts: a real Valkey for everything that speaks to the queue, real processes for everything that speaks HTTP."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import redis as sync_redis
from redis.asyncio import Redis

from cli.embedded import find_valkey
from shared.streams import connect
from shared.streams.keys import GROUP

PERMANENT_KEYS = ("tts:jobs:", "tts:dead", "tts:voices", "tts:tenants", "arq:queue")
START_TIMEOUT_S = 150

# Reading all of the machine's certificates from one file takes each new client of httpx some 30 ms, thousands of times.
# From a folder they are read when one is needed.
os.environ.pop("SSL_CERT_FILE", None)
os.environ.setdefault("SSL_CERT_DIR", ssl.get_default_verify_paths().openssl_capath)


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
    """Wait for a condition of another process; fails loudly rather than late."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"never came true: {what}")
        time.sleep(0.02)


class Valkey:
    """A server on a private socket that a test may kill and start again; ``durable``: it then knows all it knew."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._appends = ["--appendonly", "yes", "--appendfsync", "always"] if durable else []
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        self.socket.unlink(missing_ok=True)
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--dir",
            str(self._folder),
            "--save",
            "",
            *self._appends,
            *more,
        ]
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen([find_valkey(), *options], stdout=log, stderr=log)
        wait_until(self.socket.exists, "valkey listens")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def running_valkey(*, durable: bool = False) -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory() as folder:
        server = Valkey(Path(folder), durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """One server for the tests that only use it."""
    with running_valkey() as server:
        yield server


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    """A clean database; afterwards nothing may be left that never goes away by itself."""
    client = connect(valkey.url)
    await client.flushall()
    yield client
    leaked = [key.decode() for key in await client.keys() if await client.pttl(key) == -1]
    await client.aclose()
    assert [key for key in leaked if not key.startswith(PERMANENT_KEYS)] == []


class Process:
    """One of our processes, as an operator would run it."""

    def __init__(self, command: str, environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", command],
                env={**os.environ, "LOG_FORMAT": "json", **environment},
                stdout=out,
                stderr=out,
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout_s: float = 20.0) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout_s)


def bearer(key: str) -> dict[str, str]:
    """The headers that bring an API key; none for none."""
    return {"authorization": f"Bearer {key}"} if key else {}


class Service:
    """A gateway and its workers, over HTTP."""

    def __init__(self, redis_url: str, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        own = {"REDIS_URL": redis_url, "STORAGE_URL": str(folder / "stored"), "ENGINE": "fake", "HEARTBEAT_S": "0.3"}
        self._environment = own | environment
        self._environment |= {"HOST": "127.0.0.1", "PORT": str(_free_port())}
        self.redis_url = redis_url
        self.url = f"http://127.0.0.1:{self._environment['PORT']}"
        self.gateway = Process("gateway", self._environment, folder / "gateway.log")
        self.workers: list[Process] = []

    def start_worker(self, **environment: str) -> Process:
        log = self._folder / f"worker-{len(self.workers)}.log"
        worker = Process("worker", {**self._environment, **environment}, log)
        self.workers.append(worker)
        return worker

    def status(self, path: str) -> int:
        """Status of a GET, 0 where nobody answers."""
        try:
            return httpx.get(self.url + path, timeout=5).status_code
        except httpx.TransportError:
            return 0

    def wait_ready(self) -> None:
        wait_until(lambda: self.status("/readyz") == 200, "service ready", START_TIMEOUT_S)

    def counters(self) -> dict[str, float]:
        """The workers' counters, summed; where keys are needed, the environment must have an ADMIN_API_KEY."""
        headers = {"x-api-key": self._environment.get("ADMIN_API_KEY", "")}
        workers = httpx.get(self.url + "/health", headers=headers, timeout=5).json()["workers"]
        names = ("jobs_done", "jobs_cancelled", "jobs_expired", "jobs_failed", "jobs_interrupted", "audio_s")
        return {name: sum(worker[name] for worker in workers) for name in names}

    def speak(self, text: str, **fields: object) -> httpx.Response:
        return self.speak_as("", text, **fields)

    def speak_as(self, key: str, text: str, **fields: object) -> httpx.Response:
        """With an API key."""
        body = {"input": text, "response_format": "pcm", **fields}
        return httpx.post(self.url + "/v1/audio/speech", json=body, headers=bearer(key), timeout=60)

    def close(self) -> None:
        for process in [self.gateway, *self.workers]:
            if process.process.poll() is None:
                process.kill()


@contextlib.contextmanager
def running_service(
    redis_url: str, folder: Path, environment: dict[str, str] | None = None, *, workers: int = 1
) -> Iterator[Service]:
    service = Service(redis_url, folder, environment or {})
    try:
        for _ in range(workers):
            service.start_worker()
        if workers:
            service.wait_ready()
        else:
            wait_until(lambda: service.status("/livez") == 200, "gateway up", START_TIMEOUT_S)
        yield service
    finally:
        service.close()
    assert keys_for_ever(redis_url) == []


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the fake engine for the tests that only use it; of all their requests nothing is left."""
    with running_valkey() as server, running_service(server.url, tmp_path_factory.mktemp("service")) as running:
        yield running
        assert running.gateway.terminate(40) == 0
        assert [worker.terminate() for worker in running.workers if worker.process.poll() is None] == [0]
        assert left_of_requests(server.url) == []


@pytest.fixture(autouse=True)
def no_key_is_leaked(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test on the shared service leaves a key that never goes away by itself."""
    yield
    if "service" in request.fixturenames:
        assert keys_for_ever(request.getfixturevalue("service").redis_url) == []


def keys_for_ever(redis_url: str) -> list[str]:
    """Keys without a TTL that are none of the fleet's own; none where the queue is gone, or behind Sentinels."""
    if "+sentinel" in redis_url:
        return []
    with sync_redis.Redis.from_url(redis_url) as client, contextlib.suppress(sync_redis.ConnectionError):
        keys = [key.decode() for key in client.scan_iter() if client.pttl(key) == -1]
        return [key for key in keys if not key.startswith(PERMANENT_KEYS)]
    return []


def left_of_requests(redis_url: str) -> list[str]:
    """What is of requests and not of their results: jobs that wait or are claimed, replies, leases, who was at work."""
    with sync_redis.Redis.from_url(redis_url) as client:
        lanes = [key for key in client.keys("tts:jobs:*") if client.xpending(key, GROUP)["pending"]]
        waiting = [key for key in client.keys("tts:wait:*") if not key.endswith(b":state")]
        rest = [key for word in ("reply", "tenant", "worker", "running") for key in client.keys(f"tts:{word}:*")]
        return [key.decode() for key in lanes + waiting + rest]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
