"""Resident memory of each process of a running service, before and while it serves many mixed requests.

    python -m bench.memory --requests 50 500 --pids 101 102 103

Prints a line per process: resident megabytes at the start and after each number of requests.
"""

from __future__ import annotations

import argparse
import random
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil

from bench.texts import text_of

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm", "m4a")
VOICES = ("af_heart", "am_michael", "bf_emma", "af_bella(2)+af_sky(1)")


def mixed_request(url: str, number: int) -> None:
    """One request whose length, voice, format and mode follow from its number."""
    chosen = random.Random(number)  # noqa: S311 - a mix, not a secret
    body = {
        "input": text_of(chosen.choice([10, 20, 40, 120]), number),
        "voice": chosen.choice(VOICES),
        "response_format": chosen.choice(FORMATS),
        "stream": chosen.random() < 0.7,
    }
    httpx.post(f"{url}/v1/audio/speech", json=body, timeout=600).raise_for_status()


def resident_mb(pids: list[int]) -> list[float]:
    return [psutil.Process(pid).memory_info().rss / 1e6 for pid in pids]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://localhost:8880")
    parser.add_argument("--requests", type=int, nargs="+", default=[50, 500])
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pids", type=int, nargs="+", required=True)
    options = parser.parse_args()
    columns = [resident_mb(options.pids)]
    done = 0
    with ThreadPoolExecutor(options.clients) as pool:
        for target in options.requests:
            list(pool.map(lambda number: mixed_request(options.url, number), range(done, target)))
            done = target
            columns.append(resident_mb(options.pids))
    print(f"{'process':<44} {'start':>8}" + "".join(f"{target:>8}" for target in options.requests))
    for row, pid in enumerate(options.pids):
        command = " ".join(psutil.Process(pid).cmdline()[-3:])[-44:]
        print(f"{command:<44} " + "".join(f"{column[row]:8.0f}" for column in columns))


if __name__ == "__main__":
    main()
