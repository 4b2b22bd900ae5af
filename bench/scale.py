"""Does twice the workers make twice the audio, and what does a second of it cost the gateway and the queue?

    python -m bench.scale                                 1 to 16 fake workers of 20
    python -m bench.scale --speed 60 --workers 4 16       until something other than the workers is the limit

A fleet of its own for each size, fake workers of a fixed speed, and as many listeners of book pages as keep all of them
busy. Prints audio seconds a second that the workers made, as part of what so many can make, and the CPU of each role:
what a role takes for one second of audio bounds how much one core of it carries, however noisy the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from bench.load.arrivals import closed_loop
from bench.load.client import Caller, Outcome, new_client
from bench.load.fleet import Fleet, audio_made, running_fleet
from bench.load.mix import Mix
from bench.load.usage import Share, used_since

WARM_UP_S = 3.0
CLIENTS_PER_WORKER = 4
"""With windows of four chunks each: several batches wait for every worker at any time."""

PATIENT = {"MAX_QUEUE_WAIT_S": "600"}
"""Nobody is refused: the queue is to be full."""


async def measure(fleet: Fleet, clients: int, duration_s: float) -> tuple[float, dict[str, Share], list[Outcome]]:
    """Audio seconds a second while all are busy, the roles' shares, and how the requests went that ended."""
    async with new_client() as client:
        caller, mix = Caller(client, fleet.url), Mix("page")
        await asyncio.gather(*(caller.call(ask) for ask in mix.asks[:2]))
        load = asyncio.create_task(closed_loop(caller, mix, clients, WARM_UP_S + duration_s))
        await asyncio.sleep(WARM_UP_S)
        made, used, since = await asyncio.to_thread(audio_made, fleet.url), fleet.used(), time.perf_counter()
        await asyncio.sleep(duration_s)
        made = await asyncio.to_thread(audio_made, fleet.url) - made
        took_s = time.perf_counter() - since
        return made / took_s, used_since(used, fleet.used(), took_s, made), await load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--speed", type=float, default=20.0, help="audio seconds a second of each")
    parser.add_argument("--duration", type=float, default=20.0, help="seconds of each size")
    options = parser.parse_args()
    for workers in options.workers:
        with running_fleet(workers, options.speed, PATIENT) as fleet:
            rate, shares, outcomes = asyncio.run(measure(fleet, CLIENTS_PER_WORKER * workers, options.duration))
        failed = sum(outcome.error is not None for outcome in outcomes)
        linear = rate / (workers * options.speed)
        print(f"{workers:3} workers: {rate:7.1f} audio seconds a second, {linear:.1%} of linear, {failed} failed")
        for role, share in shares.items():
            print(f"     {role:>8}: {share.cores:.2f} cores, {share.cpu_ms_per_audio_s:.3f} CPU ms per second of audio")


if __name__ == "__main__":
    main()
