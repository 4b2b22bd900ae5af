"""A whole service of its own on this machine, with fake workers: as many, as fast, as are to be simulated."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import psutil

START_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Used:
    """What the processes of one role have used."""

    processes: int
    cpu_s: float
    resident_mb: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """A running service: where it listens, and its process of `kokoro-fleet up`."""

    url: str
    pid: int

    def used(self) -> dict[str, Used]:
        """Per role: gateway, text, worker, queue."""
        return {role: _sum(processes) for role, processes in sorted(self.processes().items())}

    def processes(self) -> dict[str, list[psutil.Process]]:
        """By role."""
        roles: dict[str, list[psutil.Process]] = defaultdict(list)
        for process in psutil.Process(self.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                roles[_role(process.cmdline())].append(process)
        return roles


@contextlib.contextmanager
def running_fleet(workers: int, speed: float, settings: Mapping[str, str]) -> Iterator[Fleet]:
    """`kokoro-fleet up` with ``workers`` fake workers of ``speed`` audio seconds a second each (0: as fast as they
    can); yields once all are there. ``settings`` are further environment variables. Raises SystemExit.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fake = {"ENGINE": "fake", "FAKE_SPEED_FACTOR": str(speed), "LOG_LEVEL": "WARNING"}
    ours = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    environment = {**ours, **fake, **settings, "HOST": "127.0.0.1", "PORT": str(port)}
    command = [sys.executable, "-m", "cli", "up", "--ephemeral", "--workers", str(workers)]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        fleet = Fleet(f"http://127.0.0.1:{port}", running.pid)
        _wait_for_workers(fleet.url, workers, running)
        yield fleet
    finally:
        running.terminate()
        running.wait()


def capacity_of(url: str) -> tuple[int, float]:
    """Live workers, and the audio seconds a second that they say they make together; (0, 0.0) where none answers."""
    try:
        workers = httpx.get(f"{url}/health", timeout=10, trust_env=False).json()["workers"]
    except (httpx.TransportError, ValueError, KeyError):
        return 0, 0.0
    return len(workers), sum(worker["capacity"] for worker in workers)


def audio_made(url: str, admin_key: str = "") -> float:
    """Seconds of audio that the live workers have made so far, as of their last heartbeats. Raises httpx.HTTPError.

    ``admin_key``: the service's ADMIN_API_KEY, where it has tenants.
    """
    headers = {"x-api-key": admin_key}
    workers = (
        httpx.get(f"{url}/health", headers=headers, timeout=10, trust_env=False).raise_for_status().json()["workers"]
    )
    return float(sum(worker["audio_s"] for worker in workers))


def _wait_for_workers(url: str, count: int, running: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends:
        if running.poll() is not None:
            raise SystemExit("the service did not start; `kokoro-fleet up --engine fake` says why")
        if capacity_of(url)[0] == count:
            return
        time.sleep(0.2)
    raise SystemExit(f"the service had not {count} workers within {START_TIMEOUT_S} s")


def _role(command: list[str]) -> str:
    if command[-1:] in (["gateway"], ["worker"]):
        return command[-1]
    return "queue" if any("valkey-server" in word or "redis-server" in word for word in command) else "text"


def _sum(processes: list[psutil.Process]) -> Used:
    cpu_s = resident = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            cpu_s += times.user + times.system
            resident += process.memory_info().rss
    return Used(len(processes), cpu_s, resident / 1e6)
