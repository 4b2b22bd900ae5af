"""First audio over HTTP, measured on the first bytes of pcm (headers are not audio), beside the whole time.

    python -m bench.first_audio --url http://localhost:8880 --characters 100 1000 --runs 5
    python -m bench.first_audio --characters 100 100000 --runs 3 --first-only

Prints one line per length, and each length's first audio as a ratio to that of the first length given. Underrun: how
long a player that starts at once would have been silent.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass

import httpx

from bench.texts import text_of

BYTES_PER_S = 48_000


@dataclass(frozen=True)
class Run:
    first_s: float
    total_s: float
    audio_s: float
    underrun_s: float


def speak(url: str, text: str, voice: str, first_only: bool) -> Run:
    """One request; with ``first_only`` it hangs up after the first audio."""
    body = {"model": "kokoro", "input": text, "voice": voice, "response_format": "pcm"}
    started = time.perf_counter()
    first_s = underrun_s = 0.0
    received = 0
    with httpx.stream("POST", f"{url}/v1/audio/speech", json=body, timeout=3600) as answer:
        answer.raise_for_status()
        for packet in answer.iter_raw():
            now_s = time.perf_counter() - started
            first_s = first_s or now_s
            played_s = now_s - first_s - underrun_s
            underrun_s += max(0.0, played_s - received / BYTES_PER_S)
            received += len(packet)
            if first_only:
                break
    return Run(first_s, time.perf_counter() - started, received / BYTES_PER_S, underrun_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://localhost:8880")
    parser.add_argument("--characters", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--voice", default="af_heart")
    parser.add_argument("--first-only", action="store_true", help="hang up after the first audio")
    options = parser.parse_args()
    speak(options.url, "Warm up.", options.voice, first_only=False)
    baseline = 0.0
    for characters in options.characters:
        text = text_of(characters)
        runs = [speak(options.url, text, options.voice, options.first_only) for _ in range(options.runs)]
        first = statistics.median(run.first_s for run in runs)
        total = statistics.median(run.total_s for run in runs)
        audio = statistics.median(run.audio_s for run in runs)
        underrun = max(run.underrun_s for run in runs)
        baseline = baseline or first
        line = f"{len(text):>7} characters: first audio {first:6.3f} s (x{first / baseline:.2f})"
        if not options.first_only:
            line += f", total {total:7.2f} s, first/total {first / total:5.1%}, audio {audio:7.1f} s"
            line += f", realtime factor {audio / total:5.2f}, worst underrun {underrun:5.2f} s"
        print(line, flush=True)


if __name__ == "__main__":
    main()
