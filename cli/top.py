"""``kokoro-fleet top``: the fleet as it is now, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shared.errors import QueueUnavailable
from shared.settings import FleetSettings
from shared.streams import WorkerRecord, connect
from shared.streams.lookout import FleetState, Lookout, TenantState


@dataclass(frozen=True, slots=True)
class Frame:
    """What one look saw."""

    fleet: FleetState
    tenants: list[TenantState]
    seen_at: float
    """Monotonic seconds."""


def show(*, every_s: float, once: bool, as_json: bool) -> None:
    """Print what is there now, once, or until Ctrl-C. Raises QueueUnavailable if it cannot be seen the first time."""
    # Whoever starts us in the background may have had it ignored; whoever sends it means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_show_json(every_s, once=once) if as_json else _show(every_s, once=once))


async def _show(every_s: float, *, once: bool) -> None:
    console = Console()
    async with _lookout() as lookout:
        frame = await _look(lookout)
        if once:
            console.print(_screen(frame, None))
            return
        with Live(_screen(frame, None), console=console, screen=True, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(every_s)
                before = frame
                try:
                    frame = await _look(lookout)
                except QueueUnavailable as error:
                    live.update(Group(Text(error.message, style="red"), _screen(before, None)), refresh=True)
                else:
                    live.update(_screen(frame, before), refresh=True)


async def _show_json(every_s: float, *, once: bool) -> None:
    """A line for each look."""
    async with _lookout() as lookout:
        while True:
            print(json.dumps(_fields(await _look(lookout))), flush=True)
            if once:
                return
            await asyncio.sleep(every_s)


@contextlib.asynccontextmanager
async def _lookout() -> AsyncIterator[Lookout]:
    redis = connect(FleetSettings().redis_url)
    try:
        yield Lookout(redis)
    finally:
        await redis.aclose()


async def _look(lookout: Lookout) -> Frame:
    return Frame(await lookout.look(), await lookout.tenants(), time.monotonic())


def _fields(frame: Frame) -> dict[str, Any]:
    fleet = asdict(frame.fleet)
    for batch in fleet["batches"]:
        del batch["request"]  # what is to be spoken
    for lane in fleet["lanes"]:
        lane["queued_s"] = frame.fleet.queued_s(lane["lane"])
    more = {"capacity": frame.fleet.capacity, "predicted_wait_s": frame.fleet.predicted_wait_s}
    return {**fleet, **more, "tenants": [asdict(tenant) for tenant in frame.tenants]}


def _screen(frame: Frame, before: Frame | None) -> RenderableType:
    return Group(*(line for part in _parts(frame, before) for line in (part, "")))


def _parts(frame: Frame, before: Frame | None) -> Iterator[RenderableType]:
    yield _headline(frame.fleet)
    yield _lanes(frame.fleet)
    yield _workers(frame, before)
    if frame.tenants:
        yield _tenants(frame.tenants)
    if frame.fleet.batches:
        yield _batches(frame.fleet)


def _headline(fleet: FleetState) -> Text:
    wait = "unknown" if fleet.predicted_wait_s is None else f"{fleet.predicted_wait_s:.1f} s"
    server = fleet.server
    line = Text.assemble(
        ("kokoro-fleet  ", "bold"),
        f"{len(fleet.workers)} workers  {fleet.capacity:.1f} audio s/s  predicted wait {wait}  ",
        f"Redis {server.used_memory_bytes / 1e6:.0f} MB in {server.answer_s * 1000:.0f} ms  ",
    )
    if not fleet.workers:
        line.append("no worker lives  ", "bold red")
    if fleet.num_dead:
        line.append(f"{fleet.num_dead} dead: see `kokoro-fleet queue dead`", "bold red")
    return line


def _lanes(fleet: FleetState) -> Table:
    table = _table("lane", "waiting", "claimed", "audio queued", "oldest", "take turns")
    for lane in fleet.lanes:
        oldest = "-" if lane.oldest_s is None else f"{lane.oldest_s:.1f} s"
        counts = f"{lane.waiting}", f"{sum(lane.claimed.values())}", f"{fleet.queued_s(lane.lane):.0f} s"
        table.add_row(lane.lane.value, *counts, oldest, f"{fleet.ahead[lane.lane].flows}")
    return table


def _workers(frame: Frame, before: Frame | None) -> Table:
    columns = ("engine", "audio s/s", "has", "jobs/s", "done", "failed", "cancelled", "audio", "model")
    table = _table("worker", *columns)
    for worker in sorted(frame.fleet.workers, key=lambda each: each.id):
        held = sum(lane.claimed.get(worker.id, 0) for lane in frame.fleet.lanes)
        pace = f"{worker.capacity:.1f}" if worker.capacity else "unknown"
        counts = f"{worker.jobs_done}", f"{worker.jobs_failed}", f"{worker.jobs_cancelled}", f"{worker.audio_s:.0f} s"
        model = f"loads in {worker.load_s:.0f} s" if worker.load_s else "loaded"
        table.add_row(worker.id, worker.engine, pace, f"{held}", _rate(worker, frame, before), *counts, model)
    return table


def _rate(worker: WorkerRecord, frame: Frame, before: Frame | None) -> str:
    """Jobs per second since the look before."""
    earlier = next((each for each in before.fleet.workers if each.id == worker.id), None) if before else None
    if before is None or earlier is None:
        return "-"
    return f"{(worker.jobs_done - earlier.jobs_done) / (frame.seen_at - before.seen_at):.1f}"


def _tenants(tenants: list[TenantState]) -> Table:
    table = _table("tenant", "open streams", "characters held", "requests today", "failed", "characters", "audio")
    for tenant in tenants:
        today = tenant.today
        used = f"{today.requests}", f"{today.failed}", f"{today.characters}", f"{today.audio_ms / 1000:.0f} s"
        table.add_row(tenant.id or "(nobody)", f"{tenant.open_streams}", f"{tenant.held_characters}", *used)
    return table


def _batches(fleet: FleetState) -> Table:
    table = _table("batch", "tenant", "status", "done", "failed", "of", "audio", "ready in")
    for batch in fleet.batches:
        eta_s = batch.eta_s(time.time())
        counts = f"{batch.done}", f"{batch.failed}", f"{batch.total}", f"{batch.audio_s:.0f} s"
        ready = "-" if eta_s is None else f"{eta_s:.0f} s"
        table.add_row(batch.id, batch.tenant_id or "(nobody)", batch.status, *counts, ready)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
