"""When requests come: at a rate, whoever else is served (open loop), or as so many clients one after the other."""

from __future__ import annotations

import asyncio
import random
import time

from bench.load.client import Caller, Outcome
from bench.load.mix import Ask, Mix


async def open_loop(caller: Caller, mix: Mix, rate: float, duration_s: float, seed: int = 0) -> list[Outcome]:
    """Poisson arrivals, ``rate`` a second on average, for ``duration_s``; returns when the last has been served.

    A queue shows its true length only so: callers who do not know of each other do not wait for each other.
    """
    chosen = random.Random(seed)  # noqa: S311 - when a request comes, not a secret
    ends = time.perf_counter() + duration_s
    due = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        calls = []
        while (due := due + chosen.expovariate(rate)) < ends:
            # By the clock, not from the last arrival: a generator that is late must not thin out its load.
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            calls.append(group.create_task(caller.call(mix.next())))
    return [call.result() for call in calls]


async def closed_loop(caller: Caller, mix: Mix, clients: int, duration_s: float, ramp_s: float = 0.0) -> list[Outcome]:
    """``clients`` of which each asks again when it has heard all; none asks after ``duration_s``. They come one by one
    within ``ramp_s``: all at once is another question than all together.
    """
    ends = time.perf_counter() + duration_s
    outcomes: list[Outcome] = []

    async def client(number: int) -> None:
        await asyncio.sleep(ramp_s * number / clients)
        while time.perf_counter() < ends:
            outcomes.append(await caller.call(mix.next()))

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(client(number))
    return outcomes


async def one_each(caller: Caller, asks: list[Ask], at_once: int = 2) -> dict[int, Outcome]:
    """Every text once, by its number: what each sounds like when there is no load."""
    room = asyncio.Semaphore(at_once)

    async def call(ask: Ask) -> tuple[int, Outcome]:
        async with room:
            return ask.text_number, await caller.call(ask)

    return dict(await asyncio.gather(*(call(ask) for ask in asks)))
