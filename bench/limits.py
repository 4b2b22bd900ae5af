"""Do limits hold over several gateways, and what does refusing cost? One tenant asks for far more than it may have.

    python -m bench.limits                                  500 requests a second for two minutes and a bit
    python -m bench.limits --rate 200 --seconds 130 --limit 300

Two gateways, a fake worker and a Valkey of their own; the caller is a process of its own with keep-alive connections to
both. Prints what was answered, the most that any minute admitted and all whole minutes together as shares of the limit
(aim: within 2 %), how long answers took, and the CPU time of gateways, Redis and the script that decides.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import httpx
import psutil
from redis import Redis

from cli.embedded import embedded_queue
from shared.streams import connect
from shared.streams.tenants import TenantRecord, TenantStore
from shared.tenants import TenantLimits

MINUTE_S = 60.0
CONNECTIONS = 24
"""To each gateway."""
BODY = json.dumps({"input": "Hello.", "response_format": "pcm", "stream": False}).encode()
START_TIMEOUT_S = 120


@dataclass
class Answers:
    """What came back, and when it had been asked for, in seconds of the run."""

    statuses: Counter[int] = field(default_factory=Counter)
    admitted_s: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    served_ms: list[float] = field(default_factory=list)
    late: int = 0
    """Requests that were made over 50 ms later than they should have been."""
    lasted_s: float = 0.0
    """Longer than was asked for where the gateways, or this machine, did not keep up."""


class Caller:
    """Keep-alive connections to one gateway; HTTP/1.1 by hand, as a library would cost more than what it measures."""

    def __init__(self, port: int, key: str, answers: Answers) -> None:
        head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        self._request = f"{head}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
        self._port = port
        self._answers = answers

    async def call(self, first_s: float, gap_s: float, until_s: float, began: float) -> None:
        """Ask at ``first_s`` of the run and every ``gap_s`` from then on."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        due = first_s
        while due < until_s:
            await asyncio.sleep(max(0.0, began + due - time.monotonic()))
            asked = time.monotonic()
            self._answers.late += asked - began - due > 0.05
            writer.write(self._request)
            status = await _answer(reader)
            self._note(status, asked - began, 1000 * (time.monotonic() - asked))
            due += gap_s
        writer.close()

    def _note(self, status: int, asked_s: float, took_ms: float) -> None:
        self._answers.statuses[status] += 1
        if status == httpx.codes.OK:
            self._answers.admitted_s.append(asked_s)
            self._answers.served_ms.append(took_ms)
        else:
            self._answers.refused_ms.append(took_ms)


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


def flood(ports: list[int], key: str, rate: float, seconds: float) -> Answers:
    """Run by the caller's process."""
    return asyncio.run(_flood(ports, key, rate, seconds))


async def _flood(ports: list[int], key: str, rate: float, seconds: float) -> Answers:
    answers = Answers()
    lines = [Caller(port, key, answers) for port in ports for _ in range(CONNECTIONS)]
    gap_s, began = len(lines) / rate, time.monotonic() + 1
    await asyncio.gather(*(line.call(n / rate, gap_s, seconds, began) for n, line in enumerate(lines)))
    answers.lasted_s = time.monotonic() - began
    return answers


@contextlib.contextmanager
def gateways(redis_url: str, count: int) -> Iterator[tuple[list[int], list[psutil.Process]]]:
    """Their ports, and their processes; with a worker."""
    ours = {"REDIS_URL": redis_url, "HOST": "127.0.0.1", "ENGINE": "fake", "LOG_LEVEL": "WARNING"}
    ports = [_free_port() for _ in range(count)]
    commands = [("gateway", {"PORT": str(port)}) for port in ports] + [("worker", {})]
    running = [
        subprocess.Popen([sys.executable, "-m", "cli", command], env={**os.environ, **ours, **more})
        for command, more in commands
    ]
    try:
        for port in ports:
            _wait_for(f"http://127.0.0.1:{port}/readyz")
        yield ports, [psutil.Process(process.pid) for process in running[:count]]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def _wait_for(url: str) -> None:
    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise SystemExit(f"nobody answered at {url}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def new_key(redis_url: str, limit: int) -> str:
    """Of a tenant that may make so many requests a minute."""
    redis = connect(redis_url)
    store = TenantStore(redis)
    await store.add(TenantRecord("flooding", limits=TenantLimits(limit, 100 * limit, 100, 1_000_000, 10**9)))
    key, _ = await store.add_key("flooding")
    await redis.aclose()
    return key.written


def fullest_minute(admitted_s: list[float]) -> int:
    """The most that any minute admitted, wherever it begins."""
    times, most, first = sorted(admitted_s), 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - MINUTE_S:
            first += 1
        most = max(most, last - first + 1)
    return most


def report(answers: Answers, limit: int) -> None:
    whole = int(answers.lasted_s // MINUTE_S)
    asked = sum(answers.statuses.values())
    in_whole = sum(at < whole * MINUTE_S for at in answers.admitted_s)
    pace = f"{asked / answers.lasted_s:.0f} a second, {answers.late} of them over 50 ms late"
    print(f"{asked} requests in {answers.lasted_s:.0f} s: {pace}")
    print("answers: " + ", ".join(f"{count} x {status}" for status, count in sorted(answers.statuses.items())))
    print(f"fullest minute: {fullest_minute(answers.admitted_s)} of {limit}, {_share(answers, limit):.3f} of the limit")
    print(f"{whole} whole minutes: {in_whole} of {whole * limit}, {in_whole / (whole * limit):.3f} of the limit")
    for name, took_ms in (("served", answers.served_ms), ("refused", answers.refused_ms)):
        cuts = statistics.quantiles(took_ms, n=100)
        print(f"{name}: {cuts[49]:.1f} ms at p50, {cuts[94]:.1f} ms at p95")


def _share(answers: Answers, limit: int) -> float:
    return fullest_minute(answers.admitted_s) / limit


def cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=500, help="requests a second, to both gateways together")
    parser.add_argument("--seconds", type=float, default=125)
    parser.add_argument("--limit", type=int, default=600, help="requests a minute that the tenant may make")
    options = parser.parse_args()
    with embedded_queue() as redis_url, gateways(redis_url, 2) as (ports, processes):
        key = asyncio.run(new_key(redis_url, options.limit))
        redis = Redis.from_url(redis_url)
        time.sleep(3)  # until every gateway knows the key
        redis.config_resetstat()
        queue = psutil.Process(redis.info("server")["process_id"])  # type: ignore[index]
        before, queue_before = cpu_s(processes), cpu_s([queue])
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as caller:
            answers = caller.submit(flood, ports, key, options.rate, options.seconds).result()
        report(answers, options.limit)
        asked = sum(answers.statuses.values())
        print(f"gateways: {1000 * (cpu_s(processes) - before) / asked:.2f} ms of CPU a request")
        scripts = redis.info("commandstats")["cmdstat_evalsha"]  # type: ignore[index]
        share = (cpu_s([queue]) - queue_before) / answers.lasted_s
        print(f"Redis: {100 * share:.1f} % of a core; all its scripts {scripts['usec'] / asked:.0f} us a request")


if __name__ == "__main__":
    main()
