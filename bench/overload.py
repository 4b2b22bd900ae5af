"""More is asked for than can be made: is what is taken still heard in time, and are the others told the truth?

    python -m bench.overload                      3 times what 4 fake workers of 25 can make, for 40 s
    python -m bench.overload --times 1.5 --no-return

A fleet of its own with fake workers of a fixed speed, and callers who come at a held rate and do not know of each
other. Whoever is refused comes back exactly when Retry-After said, as often as it takes, and says so as OpenAI's SDKs
do; with --no-return nobody does. Prints first audio of those who were taken against MAX_QUEUE_WAIT_S, how long the
refused waited in all against what they were first told, and how busy the workers were while the overload was held.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.load.arrivals import one_each
from bench.load.client import Caller, Outcome, new_client
from bench.load.fleet import audio_made, running_fleet
from bench.load.mix import Ask, Mix
from bench.load.report import percentile

TEXTS = 40
RIGHT_WITHIN = 2.0
"""A time that one was told is right if it was within this factor of the true one."""
MAX_TRIES = 50


@dataclass(frozen=True, slots=True)
class Served:
    """One caller, from the first attempt to the last."""

    tries: int
    last: Outcome
    first_told_s: float | None
    """What the first refusal said; None: it was taken at once."""
    waited_s: float
    """From the first refusal to the attempt that was taken."""


async def patient(caller: Caller, ask: Ask, tries: int) -> Served:
    """Ask until it is taken, ``tries`` times at most."""
    began, told = time.perf_counter(), None
    for number in range(tries):
        asked = time.perf_counter()
        outcome = await caller.call(ask, number)
        if outcome.retry_after_s is None:
            break
        if told is None:
            began, told = time.perf_counter(), outcome.retry_after_s
        if number < tries - 1:
            await asyncio.sleep(outcome.retry_after_s)
    return Served(number + 1, outcome, told, asked - began)


async def held(caller: Caller, mix: Mix, rate: float, duration_s: float, tries: int) -> list[Served]:
    """Poisson arrivals for ``duration_s``; returns when all have been served or have given up."""
    chosen = random.Random(0)  # noqa: S311 - when a request comes, not a secret
    due = time.perf_counter()
    ends = due + duration_s
    async with asyncio.TaskGroup() as group:
        callers = []
        while (due := due + chosen.expovariate(rate)) < ends:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            callers.append(group.create_task(patient(caller, mix.next(), tries)))
    return [each.result() for each in callers]


async def busy(url: str, after_s: float, duration_s: float) -> float:
    """Audio seconds a second that the workers made, from ``after_s`` on: not while the queue was still filling."""
    await asyncio.sleep(after_s)
    made, since = await asyncio.to_thread(audio_made, url), time.perf_counter()
    await asyncio.sleep(duration_s - after_s)
    return (await asyncio.to_thread(audio_made, url) - made) / (time.perf_counter() - since)


async def overload(url: str, options: argparse.Namespace, capacity: float) -> tuple[list[Served], float]:
    mix = Mix(texts=TEXTS)
    async with new_client(timeout_s=300) as client:
        alone = await one_each(Caller(client, url), mix.asks, at_once=8)
        mean_s = sum(each.audio_s for each in alone.values()) / len(alone)
        rate = options.times * capacity / mean_s
        print(f"{rate:.2f} requests a second of {mean_s:.1f} s of audio on average", flush=True)
        tries = 1 if options.no_return else MAX_TRIES
        watching = asyncio.create_task(busy(url, options.duration / 4, options.duration))
        return await held(Caller(client, url), mix, rate, options.duration, tries), await watching


def lines(served: Sequence[Served], made: float, capacity: float, bound_s: float) -> list[str]:
    """A summary for people."""
    first = [each.last.first_s for each in served if each.last.first_s is not None]
    broken = sum(each.last.error is not None and each.last.retry_after_s is None for each in served)
    refused = [each for each in served if each.first_told_s is not None]
    came_back = [each for each in refused if each.last.error is None]
    counts = f"{len(served) - len(refused)} taken at once, {len(came_back)} when they came back"
    said = [
        f"{len(served)} callers: {counts}, {len(refused) - len(came_back)} not, {broken} failed",
        f"first audio {_percentiles(first)} s; MAX_QUEUE_WAIT_S is {bound_s:g}",
        f"workers made {made:.0f} audio seconds a second, {made / capacity:.0%} of the {capacity:.0f} that they can",
    ]
    if refused:
        told = [each.first_told_s for each in refused if each.first_told_s is not None]
        said.append(f"first told to come back after {_percentiles(told)} s")
    if came_back:
        ratios = [each.waited_s / each.first_told_s for each in came_back if each.first_told_s]
        right = sum(1 / RIGHT_WITHIN <= ratio <= RIGHT_WITHIN for ratio in ratios)
        said.append(
            f"waited {_percentiles(ratios)} times what they were first told; within a factor of {RIGHT_WITHIN:g}: "
            f"{right / len(ratios):.0%}; tries {_percentiles([float(each.tries) for each in came_back])}"
        )
    return said


def _percentiles(values: Sequence[float]) -> str:
    return " ".join(f"p{percent} {percentile(values, percent) or 0:.2f}" for percent in (5, 50, 95, 99))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=float, default=3.0, help="so many times what the workers can make")
    parser.add_argument("--duration", type=float, default=40.0, help="seconds for which that is held")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--speed", type=float, default=25.0, help="audio seconds a second of each")
    parser.add_argument("--max-wait", type=float, default=5.0, help="MAX_QUEUE_WAIT_S")
    parser.add_argument("--no-return", action="store_true", help="whoever is refused stays away")
    options = parser.parse_args()
    capacity = options.workers * options.speed
    with running_fleet(options.workers, options.speed, {"MAX_QUEUE_WAIT_S": str(options.max_wait)}) as fleet:
        served, made = asyncio.run(overload(fleet.url, options, capacity))
    for line in lines(served, made, capacity, options.max_wait):
        print(line)


if __name__ == "__main__":
    main()
