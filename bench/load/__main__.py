"""Load over HTTP, on a running service or on a fleet that is simulated here.

    python -m bench.load --rate 5 --duration 60                     open loop: 5 requests a second on average
    python -m bench.load --clients 32 --duration 60                 closed loop: each asks again once it has heard all
    python -m bench.load --fake-workers 16 --fake-speed 40 --rate 50
    python -m bench.load --fake-workers 4 --fake-speed 100 --clients 300 --played --ramp 30
    python -m bench.load --fake-workers 3 --fake-speed 50 --clients 32 --check

Requests are a mix of replies, paragraphs and pages of a book, as pcm streams. Prints first audio (p50, p95, p99), the
realtime factor of the streams, what a player at playback speed would miss, errors by kind, goodput against what the
workers say they can make, and for a fleet of its own the CPU and memory of each role. Keeps all of it in
build/load/<name>.json and draws build/load/<name>.png (matplotlib: the extra `bench`). --check speaks every text alone
first and compares every answer with it, byte by byte: for engines that speak the same text alike.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.load.arrivals import closed_loop, one_each, open_loop
from bench.load.client import Caller, Outcome, new_client
from bench.load.fleet import Fleet, capacity_of, running_fleet
from bench.load.mix import KINDS, Mix
from bench.load.plot import draw
from bench.load.report import lines, summary
from bench.load.usage import used_since

SAME_CUTS = {"FIRST_AUDIO_TARGET_MS": "60000"}
"""Streams are cut by the workers' pace of the moment; so patient a gateway cuts every text alike."""


async def load(options: argparse.Namespace, url: str) -> tuple[list[Outcome], dict[int, Outcome] | None]:
    """The outcomes, and with --check each text alone."""
    mix = Mix(options.kind, options.texts, options.seed)
    async with new_client(options.timeout) as client:
        caller = Caller(client, url, played=options.played, voice=options.voice)
        alone = await one_each(Caller(client, url, voice=options.voice), mix.asks) if options.check else None
        caller.began = time.perf_counter()
        if options.rate:
            return await open_loop(caller, mix, options.rate, options.duration, options.seed), alone
        return await closed_loop(caller, mix, options.clients, options.duration, options.ramp), alone


def measure(options: argparse.Namespace, url: str, fleet: Fleet | None) -> tuple[dict[str, Any], list[Outcome]]:
    """Run the load; the summary and the outcomes."""
    before, load_before = (fleet.used() if fleet else {}), os.getloadavg()[0]
    outcomes, alone = asyncio.run(load(options, url))
    result = summary(outcomes, _capacity(options, url), alone)
    after = fleet.used() if fleet else {}
    shares = used_since(before, after, result["took_s"], result["audio_s"])
    result["roles"] = {role: asdict(share) for role, share in shares.items()}
    result["load_average_before"] = load_before
    return result, outcomes


def _capacity(options: argparse.Namespace, url: str) -> float:
    """What a simulated fleet is made to do; else what the workers say."""
    if options.fake_workers and options.fake_speed:
        return float(options.fake_workers * options.fake_speed)
    return capacity_of(url)[1]


def keep(options: argparse.Namespace, result: dict[str, Any], outcomes: list[Outcome]) -> None:
    """Write what was measured, and draw it where matplotlib is installed."""
    path: Path = options.folder / f"{options.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python -m bench.load", *sys.argv[1:]])
    kept = {
        "command": command,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "summary": result,
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    path.write_text(json.dumps(kept, indent=1))
    try:
        draw(outcomes, command, path.with_suffix(".png"))
    except ModuleNotFoundError:
        print("not drawn: pip install 'kokoro-fleet[bench]'")
    print(f"kept in {path}")


def say(result: dict[str, Any]) -> None:
    for line in lines(result):
        print(line)
    for role, used in result["roles"].items():
        print(
            f"{role:>9}: {used['processes']:5} processes, {used['cores']:.2f} cores,"
            f" {used['cpu_ms_per_audio_s']:.2f} CPU ms per second of audio, {used['resident_mb']:.0f} MB"
        )


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop = parser.add_mutually_exclusive_group(required=True)
    loop.add_argument("--rate", type=float, help="open loop: requests a second on average, as a Poisson process")
    loop.add_argument("--clients", type=int, help="closed loop: clients at once")
    parser.add_argument("--ramp", type=float, default=0.0, help="closed loop: seconds within which the clients come")
    parser.add_argument("--duration", type=float, default=30.0, help="seconds in which requests come")
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], help="only these; by default a mix of all")
    parser.add_argument("--texts", type=int, default=200, help="different texts")
    parser.add_argument("--seed", type=int, default=0, help="of texts and arrivals")
    parser.add_argument("--voice", default="af_heart")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds without a byte until a client gives up")
    parser.add_argument("--played", action="store_true", help="clients read as a player does, a few seconds ahead")
    parser.add_argument("--check", action="store_true", help="compare every answer with the same text spoken alone")
    parser.add_argument("--url", default="http://localhost:8880", help="a running service")
    parser.add_argument("--fake-workers", type=int, default=0, help="instead: a fleet of its own, with so many workers")
    parser.add_argument("--fake-speed", type=float, default=50.0, help="audio seconds a second of each; 0: no limit")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of a fleet of its own")
    parser.add_argument("--name", default=time.strftime("%Y-%m-%d-%H%M%S"), help="of the files kept")
    parser.add_argument("--folder", type=Path, default=Path("build/load"))
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = options_of(arguments)
    settings = dict(pair.split("=", 1) for pair in options.set)
    with contextlib.ExitStack() as stack:
        url, fleet = options.url, None
        if options.fake_workers:
            settings = {**(SAME_CUTS if options.check else {}), **settings}
            fleet = stack.enter_context(running_fleet(options.fake_workers, options.fake_speed, settings))
            url = fleet.url
        result, outcomes = measure(options, url, fleet)
    say(result)
    keep(options, result, outcomes)


if __name__ == "__main__":
    main()
