"""What being watched costs: a scrape every second, idle and under load, and counting itself.

    python -m bench.metrics                       with a service of its own: one gateway, one fake worker
    python -m bench.metrics --window 60 --streams 16

CPU time is that of the gateway's process and of the queue's, read from the system: other work on the machine does not
count, though it makes caches colder. Windows with scrapes and without take turns, so that drift hits both alike.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx
from prometheus_client import CollectorRegistry

from bench.load.fleet import Fleet, running_fleet
from gateway.metrics import GatewayMetrics
from gateway.telemetry import Telemetry
from shared.contract import AudioFrame, ChunkTimings, Lane
from shared.tenants import EVERYBODY

TEXT = "A sentence of the usual length, as people have them spoken, and another one that follows it. " * 4
SPEED = 20.0
"""Audio seconds a second of the one fake worker."""

FRAME = AudioFrame("req", 0, "a", 0, True, b"", 24_000, (), ChunkTimings(5, 1, 30), 4, "w")


def counting_us() -> float:
    """Microseconds that a gateway takes to count a request of one chunk and four packets."""
    telemetry = Telemetry(GatewayMetrics(CollectorRegistry()))
    metrics, span = telemetry.metrics, telemetry.span("chunk", 0)

    def request() -> None:
        with metrics.speaking(400, EVERYBODY) as progress:
            metrics.texted(0.01)
            telemetry.answered(FRAME, Lane.URGENT, span)
            for _ in range(4):
                metrics.encoded(0.001)
            telemetry.heard(time.monotonic())
            progress.add(4.0)
            progress.finish()
        metrics.answered("/v1/audio/speech", "POST", "200", 0.5, EVERYBODY)

    timer = timeit.Timer(request)
    return min(timer.repeat(5, 2000)) / 2000 * 1e6


def cpu_s(fleet: Fleet) -> float:
    """Of the gateway and the queue."""
    used = fleet.used()
    return used["gateway"].cpu_s + used["queue"].cpu_s


@contextmanager
def scraped(url: str) -> Iterator[list[float]]:
    """While it is open: a scrape every second; how long each took, in seconds."""
    took: list[float] = []
    stopped = Event()

    def scrape() -> None:
        with httpx.Client(timeout=30) as client:
            while not stopped.wait(1.0):
                started = time.perf_counter()
                client.get(f"{url}/metrics").raise_for_status()
                took.append(time.perf_counter() - started)

    thread = Thread(target=scrape)
    thread.start()
    try:
        yield took
    finally:
        stopped.set()
        thread.join()


async def speak_on(url: str, streams: int, seconds: float) -> int:
    """Streams one after the other, ``streams`` at a time, for so long; returns how many there were."""
    ends, done = time.monotonic() + seconds, 0

    async def caller(number: int) -> None:
        nonlocal done
        async with httpx.AsyncClient(timeout=60) as client:
            while time.monotonic() < ends:
                body = {"input": f"{number} {done} {TEXT}", "response_format": "pcm"}
                answer = await client.post(f"{url}/v1/audio/speech", json=body)
                done += answer.is_success

    await asyncio.gather(*(caller(number) for number in range(streams)))
    return done


def window(fleet: Fleet, streams: int, seconds: float) -> tuple[float, int]:
    """Cores used, and requests served."""
    before, started = cpu_s(fleet), time.monotonic()
    if streams:
        done = asyncio.run(speak_on(fleet.url, streams, seconds))
    else:
        time.sleep(seconds)
        done = 0
    return (cpu_s(fleet) - before) / (time.monotonic() - started), done


def compare(fleet: Fleet, streams: int, seconds: float, rounds: int) -> None:
    plain, watched, took = [], [], []
    for _ in range(rounds):
        plain.append(window(fleet, streams, seconds))
        with scraped(fleet.url) as scrapes:
            watched.append(window(fleet, streams, seconds))
        took += scrapes
    means = [statistics.fmean(cores for cores, _ in each) for each in (plain, watched)]
    what = f"{streams} streams" if streams else "idle"
    print(f"{what}: {100 * means[0]:.2f} % of a core without scrapes, {100 * means[1]:.2f} % with one a second:")
    difference = 100 * (means[1] - means[0])
    print(f"  {difference:+.2f} % of a core, {len(took)} scrapes, {1000 * statistics.median(took):.1f} ms each")
    for name, each in (("without", plain), ("with", watched)):
        print(f"  {name}: {', '.join(f'{100 * cores:.2f} % / {done} requests' for cores, done in each)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=float, default=20.0, help="seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=8, help="under load")
    options = parser.parse_args()
    print(f"counting a request: {counting_us():.1f} us")
    with running_fleet(1, SPEED, {"MAX_QUEUE_WAIT_S": "600"}) as fleet:
        page = httpx.get(f"{fleet.url}/metrics", timeout=30)
        print(f"the page: {len(page.content)} bytes, {page.text.count(chr(10))} lines")
        compare(fleet, 0, options.window, options.rounds)
        compare(fleet, options.streams, options.window, options.rounds)


if __name__ == "__main__":
    main()
