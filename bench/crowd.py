"""Requests at once beside clients that stop reading: does anybody notice anybody?

    python -m bench.crowd --at-once 8 --stalled 16

Speaks a sentence alone, then many times at once while stalled clients hold open requests for an hour of audio, and
probes /livez throughout. Prints whether every answer is the one heard alone, the slowest probe, and the workers'
counters before and after the stalled clients leave.
"""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx

from bench.texts import text_of

SENTENCE = "The ferry leaves the harbour at seven, long before the fog has lifted."


def speak(url: str) -> bytes:
    body = {"input": SENTENCE, "response_format": "pcm"}
    answer = httpx.post(f"{url}/v1/audio/speech", json=body, timeout=600)
    answer.raise_for_status()
    return answer.content


def stalled_client(url: str) -> socket.socket:
    """Asks for an hour of audio and reads none of it."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((parts.hostname, parts.port))
    body = json.dumps({"input": text_of(50_000), "response_format": "pcm"}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def probe(url: str, stop: threading.Event, took_ms: list[float]) -> None:
    with httpx.Client() as client:
        while not stop.wait(0.05):
            started = time.perf_counter()
            client.get(f"{url}/livez").raise_for_status()
            took_ms.append((time.perf_counter() - started) * 1000)


def counters(url: str) -> dict[str, int]:
    workers = httpx.get(f"{url}/health").json()["workers"]
    return {name: sum(worker[name] for worker in workers) for name in ("jobs_done", "jobs_cancelled", "jobs_failed")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://localhost:8880")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--stalled", type=int, default=16)
    options = parser.parse_args()
    alone = speak(options.url)
    stop, took_ms = threading.Event(), list[float]()
    prober = threading.Thread(target=probe, args=(options.url, stop, took_ms))
    prober.start()
    for count in (0, options.stalled):
        stalled = [stalled_client(options.url) for _ in range(count)]
        started = time.perf_counter()
        with ThreadPoolExecutor(options.at_once) as pool:
            together = list(pool.map(lambda _: speak(options.url), range(options.at_once)))
        equal = sum(audio == alone for audio in together)
        took_s = time.perf_counter() - started
        print(f"{options.at_once} at once beside {count} stalled: {equal} as alone, in {took_s:.1f} s", flush=True)
        before = counters(options.url)
        for connection in stalled:
            connection.close()
        speak(options.url)
        time.sleep(2)  # two heartbeats, so that the counters are those after the last job
        print(
            f"counters before {before}, after the stalled left and one more request {counters(options.url)}", flush=True
        )
    stop.set()
    prober.join()
    took_ms.sort()
    print(f"/livez: {len(took_ms)} probes, median {took_ms[len(took_ms) // 2]:.1f} ms, slowest {took_ms[-1]:.1f} ms")


if __name__ == "__main__":
    main()
