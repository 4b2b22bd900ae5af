"""``kokoro-fleet queue …``: what waits, what nobody could do, and another try for that."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import click

from shared.settings import FleetSettings
from shared.streams import WorkerRecord, connect
from shared.streams.keys import DEAD_MAX_JOBS
from shared.streams.operator import DeadJob, LaneState, OperatorStreams

REQUEUED_TIMEOUT_S = 300.0
"""What a gateway gives a job, by default."""


def show_lanes() -> None:
    """Print the lanes and the live workers."""
    asyncio.run(_show_lanes())


def show_dead(limit: int) -> None:
    """Print what was given up, newest first."""
    asyncio.run(_show_dead(limit))


def requeue(ids: Sequence[str]) -> None:
    """Put the dead jobs of these ids, or of none all, back into their lanes. Raises ClickException if any cannot be."""
    asyncio.run(_requeue(ids))


@contextlib.asynccontextmanager
async def _streams() -> AsyncIterator[OperatorStreams]:
    redis = connect(FleetSettings().redis_url)
    try:
        yield OperatorStreams(redis)
    finally:
        await redis.aclose()


async def _show_lanes() -> None:
    async with _streams() as streams:
        lanes, workers, dead = await streams.lanes(), await streams.workers(), await streams.dead(DEAD_MAX_JOBS)
    click.echo(f"{'lane':<10} {'waiting':>8} {'audio':>9} {'claimed':>8} {'oldest':>9}  claimed by")
    for state in lanes:
        click.echo(_lane_line(state))
    click.echo(f"\n{'worker':<40} {'engine':<10} {'audio s/s':>9} {'done':>8} {'failed':>7}")
    for worker in workers:
        click.echo(_worker_line(worker))
    if not workers:
        click.echo("none is running: jobs wait until one is started with `kokoro-fleet worker`")
    if dead:
        click.echo(f"\n{len(dead)} dead: see `kokoro-fleet queue dead`")


def _lane_line(state: LaneState) -> str:
    oldest = "-" if state.oldest_s is None else f"{state.oldest_s:.1f} s"
    holders = ", ".join(f"{worker} {count}" for worker, count in sorted(state.claimed.items()))
    waiting = f"{state.waiting:>8} {f'{state.waiting_s:.0f} s':>9}"
    return f"{state.lane.value:<10} {waiting} {sum(state.claimed.values()):>8} {oldest:>9}  {holders}".rstrip()


def _worker_line(worker: WorkerRecord) -> str:
    pace = f"{worker.capacity:.1f}" if worker.capacity else "unknown"
    return f"{worker.id:<40} {worker.engine:<10} {pace:>9} {worker.jobs_done:>8} {worker.jobs_failed:>7}"


async def _show_dead(limit: int) -> None:
    async with _streams() as streams:
        found = await streams.dead(limit)
    if not found:
        click.echo("No job is dead.")
    for dead in found:
        click.echo(_dead_line(dead))
        click.echo(f"    {dead.reason}")


def _dead_line(dead: DeadJob) -> str:
    what = f"chunk {dead.job.seq} of {dead.job.request_id}" if dead.job else "unreadable"
    return f"{dead.id}  {dead.age_s:.0f} s ago  {dead.lane}  {dead.code}  {what}"


async def _requeue(ids: Sequence[str]) -> None:
    refused: list[str] = []
    async with _streams() as streams:
        named = {grave_id: await streams.find_dead(grave_id) for grave_id in ids}
        found = [dead for dead in named.values() if dead] if ids else await streams.dead(DEAD_MAX_JOBS)
        refused += [f"{grave_id}: no dead job has this id" for grave_id, dead in named.items() if dead is None]
        # The longest dead first: within a flow they are spoken in the order in which they are queued.
        for dead in sorted(found, key=lambda each: each.age_s, reverse=True):
            if await streams.requeue(dead, REQUEUED_TIMEOUT_S):
                click.echo(f"{dead.id}: back in the lane {dead.lane}")
            else:
                refused.append(f"{dead.id}: a worker of this release could not read it either; it stays where it is")
    if refused:
        raise click.ClickException("; ".join(refused))
    if not found:
        click.echo("No job is dead.")
