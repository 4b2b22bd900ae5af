"""Mixed load for a long time, with callers who leave and workers that are killed: does anything grow?

    python -m bench.soak --duration 1800

A fleet of its own with fake workers. Listeners of replies, paragraphs and pages ask again and again, a third of them
leave in mid-stream, and every minute a worker is killed and started again. Looks at the resident memory and the open
descriptors of each role and at the keys in Redis every few seconds; among those are marks of who left, which are as
many as left in the last five minutes. Prints the median of the second and of the last quarter, and keeps all in
build/soak/<name>.json and .png.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil

from bench.load.client import Caller, new_client
from bench.load.fleet import Fleet, running_fleet
from bench.load.mix import Mix
from cli.embedded import embedded_queue
from shared.streams import connect
from shared.streams.keys import cancel_key

LOOK_EVERY_S = 5.0
LEAVERS = 1 / 3
ROLES = ("gateway", "text", "worker", "queue")
LEAVE_AFTER_S = (0.05, 2.0)


@dataclass(frozen=True, slots=True)
class Look:
    """At one moment; megabytes and descriptors by role."""

    at_s: float
    keys: int
    """All but the marks."""
    marks: int
    """Of callers who left, each kept until none of their jobs can be running: JOB_TIMEOUT_S, 300 s."""
    resident_mb: dict[str, float]
    descriptors: dict[str, int]


async def listen(caller: Caller, mix: Mix, seed: int, ends: float, errors: Counter[str]) -> None:
    """One listener after the other, some of whom leave before the end."""
    chosen = random.Random(seed)  # noqa: S311 - who leaves when, not a secret
    while time.perf_counter() < ends:
        patience_s = chosen.uniform(*LEAVE_AFTER_S) if chosen.random() < LEAVERS else ends - time.perf_counter()
        try:
            async with asyncio.timeout(patience_s):
                outcome = await caller.call(mix.next())
        except TimeoutError:
            errors["left"] += 1
        else:
            errors[outcome.error or "whole"] += 1


async def kill_workers(fleet: Fleet, every_s: float, ends: float) -> None:
    """`up` starts what we kill again."""
    chosen = random.Random(0)  # noqa: S311 - which worker, not a secret
    while time.perf_counter() + every_s < ends:
        await asyncio.sleep(every_s)
        if workers := fleet.processes().get("worker"):
            with contextlib.suppress(psutil.NoSuchProcess):
                chosen.choice(workers).kill()


async def look(fleet: Fleet, url: str, began: float) -> Look:
    redis = connect(url)
    names = [name async for name in redis.scan_iter(count=1000)]
    marks = sum(name.startswith(cancel_key("").encode()) for name in names)
    queue_mb = (await redis.info("memory"))["used_memory_rss"] / 1e6
    await redis.aclose()
    descriptors = {}
    for role, processes in fleet.processes().items():
        with contextlib.suppress(psutil.NoSuchProcess):
            descriptors[role] = sum(process.num_fds() for process in processes)
    resident_mb = {role: used.resident_mb for role, used in fleet.used().items()} | {"queue": queue_mb}
    return Look(time.perf_counter() - began, len(names) - marks, marks, resident_mb, descriptors)


async def soak(fleet: Fleet, url: str, options: argparse.Namespace) -> tuple[list[Look], Counter[str]]:
    errors: Counter[str] = Counter()
    looks = []
    began = time.perf_counter()
    ends = began + options.duration
    async with new_client() as client, asyncio.TaskGroup() as group:
        caller, mix = Caller(client, fleet.url, played=True), Mix(seed=1)
        for number in range(options.clients):
            group.create_task(listen(caller, mix, number, ends, errors))
        group.create_task(kill_workers(fleet, options.kill_every, ends))
        while time.perf_counter() < ends:
            await asyncio.sleep(LOOK_EVERY_S)
            looks.append(await look(fleet, url, began))
    return looks, errors


def quarters(values: Sequence[float]) -> tuple[float, float]:
    """Median of the second and of the last quarter."""
    quarter = max(1, len(values) // 4)
    return statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])


def say(looks: Sequence[Look], errors: Counter[str]) -> None:
    print("requests: " + ", ".join(f"{count} {name}" for name, count in errors.most_common()))
    rows = {"keys": [float(each.keys) for each in looks], "marks of leavers": [float(each.marks) for each in looks]}
    for role in ROLES:
        rows[f"{role} MB"] = [each.resident_mb[role] for each in looks if role in each.resident_mb]
        if values := [float(each.descriptors[role]) for each in looks if role in each.descriptors]:
            rows[f"{role} descriptors"] = values
    print(f"{'median of':>20}: second quarter, last quarter")
    for name, values in rows.items():
        second, last = quarters(values)
        print(f"{name:>20}: {second:8.1f} {last:8.1f}  most {max(values):8.1f}")


def keep(looks: Sequence[Look], errors: Counter[str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"requests": dict(errors), "looks": [asdict(each) for each in looks]}
    path.with_suffix(".json").write_text(json.dumps(kept, indent=1))
    with contextlib.suppress(ModuleNotFoundError):
        draw(looks, path.with_suffix(".png"))


def draw(looks: Sequence[Look], path: Path) -> None:
    """Raises ModuleNotFoundError without matplotlib, which the extra ``bench`` brings."""
    from matplotlib.figure import Figure  # type: ignore[import-not-found,unused-ignore]

    figure = Figure(figsize=(10, 8), layout="constrained")
    memory, descriptors, keys = figure.subplots(3, 1, sharex=True)
    for role in ROLES:
        for axes, values in (
            (memory, [(each.at_s, each.resident_mb.get(role)) for each in looks]),
            (descriptors, [(each.at_s, each.descriptors.get(role)) for each in looks]),
        ):
            axes.plot([at_s for at_s, _ in values], [value for _, value in values], label=role)
    keys.plot([each.at_s for each in looks], [each.keys for each in looks], label="keys")
    keys.plot([each.at_s for each in looks], [each.marks for each in looks], label="marks of callers who left")
    keys.legend()
    memory.set(ylabel="resident, MB", ylim=(0, None))
    descriptors.set(ylabel="descriptors", ylim=(0, None))
    keys.set(ylabel="keys in Redis", ylim=(0, None), xlabel="s")
    memory.legend()
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=1800.0, help="seconds")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--speed", type=float, default=30.0, help="audio seconds a second of each worker")
    parser.add_argument("--kill-every", type=float, default=60.0, help="seconds")
    parser.add_argument("--name", default=time.strftime("%Y-%m-%d-%H%M%S"), help="of the files kept")
    parser.add_argument("--folder", type=Path, default=Path("build/soak"))
    options = parser.parse_args()
    with embedded_queue() as url, running_fleet(options.workers, options.speed, {"REDIS_URL": url}) as fleet:
        looks, errors = asyncio.run(soak(fleet, url, options))
        health = httpx.get(f"{fleet.url}/health", timeout=10).json()
    say(looks, errors)
    print(f"afterwards: {health}")
    keep(looks, errors, options.folder / options.name)


if __name__ == "__main__":
    main()
