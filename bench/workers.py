"""Two workers of one thread each against one of two: which of them gives more audio, and which the first audio sooner?

    python -m bench.workers                          1x2 and 2x1, in turn, two rounds
    python -m bench.workers --layouts 1x4 2x2 4x1    workers x threads

Starts a service of its own for each layout, with the onnx engine, and prints per layout and round: first audio (p50
and p95) and the worst underrun of one listener at a time, for one sentence and for 1,000 characters; then, with
several listeners at once, the audio seconds per second of all together and the first audio of each.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.listener import Heard, listen, p50, p95
from bench.texts import text_of

START_TIMEOUT_S = 300
SENTENCE = 1


@dataclass(frozen=True)
class Layout:
    """``2x1``: two workers of one thread each."""

    workers: int
    threads: int

    @classmethod
    def of(cls, written: str) -> Layout:
        workers, _, threads = written.partition("x")
        return cls(int(workers), int(threads))

    def __str__(self) -> str:
        return f"{self.workers} x {self.threads} thread{'s' * (self.threads > 1)}"


@contextlib.contextmanager
def service(layout: Layout, engine: str) -> Iterator[str]:
    """A whole service of its own on this machine; yields its URL once all its workers are there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "ENGINE": engine, "ONNX_NUM_THREADS": str(layout.threads)}
    environment = {**os.environ, **settings, "LOG_LEVEL": "WARNING"}
    environment.pop("REDIS_URL", None)
    command = [sys.executable, "-m", "cli", "up", "--ephemeral", "--workers", str(layout.workers)]
    running = subprocess.Popen(command, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for_workers(url, layout.workers, running)
        yield url
    finally:
        running.terminate()
        running.wait()


def _wait_for_workers(url: str, count: int, running: subprocess.Popen[bytes]) -> None:
    import httpx

    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends:
        if running.poll() is not None:
            raise SystemExit("the service did not start")
        with contextlib.suppress(httpx.TransportError):
            if len(httpx.get(f"{url}/health", timeout=5).json()["workers"]) == count:
                return
        time.sleep(0.2)
    raise SystemExit(f"the service had not {count} workers within {START_TIMEOUT_S} s")


def measure(layout: Layout, options: argparse.Namespace) -> None:
    numbers = itertools.count()

    def one(characters: int) -> Heard:
        return listen(url, text_of(characters, seed=next(numbers)), options.voice)

    with service(layout, options.engine) as url:
        one(SENTENCE)
        for name, characters in (("one sentence", SENTENCE), (f"{options.characters} characters", options.characters)):
            summary = _summary([one(characters) for _ in range(options.runs)])
            print(f"{layout}: {name:>15}, alone: {summary}", flush=True)
        started = time.perf_counter()
        with ThreadPoolExecutor(options.clients) as clients:
            heard = list(clients.map(one, [options.characters] * (2 * options.clients)))
        audio_s, took_s = sum(each.audio_s for each in heard), time.perf_counter() - started
        print(
            f"{layout}: {options.clients} listeners at once: {audio_s / took_s:.2f} audio seconds a second;"
            f" {_summary(heard)}",
            flush=True,
        )


def _summary(heard: list[Heard]) -> str:
    first = [each.first_s for each in heard]
    underrun_s = max(each.underrun_s for each in heard)
    return f"first audio p50 {p50(first):.3f} p95 {p95(first):.3f} s, worst underrun {underrun_s:.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layouts", type=Layout.of, nargs="+", default=[Layout(1, 2), Layout(2, 1)])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--characters", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4, help="listeners at once; each makes two requests")
    parser.add_argument("--voice", default="af_heart")
    parser.add_argument("--engine", default="onnx")
    options = parser.parse_args()
    for _, layout in itertools.product(range(options.rounds), options.layouts):
        measure(layout, options)


if __name__ == "__main__":
    main()
