"""Resident memory of each process of a running service while one long text streams.

    python -m bench.long_text --characters 100000 --pids 101 102

Prints, per process, resident megabytes at the first audio, and the least and the most after it.
"""

from __future__ import annotations

import argparse
import time

import httpx

from bench.memory import resident_mb
from bench.texts import text_of

SAMPLE_EVERY_S = 0.2


def stream(url: str, text: str, pids: list[int]) -> tuple[list[list[float]], float, float]:
    """Memory samples while ``text`` streams as pcm; seconds of audio; seconds it took."""
    samples: list[list[float]] = []
    received, started, next_sample = 0, time.monotonic(), 0.0
    body = {"input": text, "response_format": "pcm"}
    with httpx.stream("POST", f"{url}/v1/audio/speech", json=body, timeout=3600) as answer:
        answer.raise_for_status()
        for packet in answer.iter_raw():
            received += len(packet)
            if time.monotonic() >= next_sample:
                samples.append(resident_mb(pids))
                next_sample = time.monotonic() + SAMPLE_EVERY_S
    return samples, received / 48_000, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://localhost:8880")
    parser.add_argument("--characters", type=int, default=100_000)
    parser.add_argument("--pids", type=int, nargs="+", required=True)
    options = parser.parse_args()
    samples, audio_s, took_s = stream(options.url, text_of(options.characters), options.pids)
    print(f"{options.characters} characters: {audio_s:.0f} s of audio in {took_s:.1f} s, {len(samples)} samples")
    for row, pid in enumerate(options.pids):
        column = [sample[row] for sample in samples]
        print(f"pid {pid}: {column[0]:.0f} MB at the first audio, then {min(column):.0f} to {max(column):.0f} MB")


if __name__ == "__main__":
    main()
