"""``kokoro-fleet usage``: what tenants have used, from the Redis of REDIS_URL."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

import click

from gateway.metering.report import GroupBy, Period, as_csv, cells, grouped, header
from shared.settings import FleetSettings
from shared.streams import connect
from shared.streams.usage import Account, Counts, UsageStore, days_from


def show_usage(tenant_id: str | None, period: Period, by: Collection[GroupBy], *, is_csv: bool) -> None:
    """Print a table, or CSV; ``tenant_id`` None: of all."""
    lines = grouped(asyncio.run(_read(tenant_id, period)), by)
    if is_csv:
        click.echo(as_csv(lines, by), nl=False)
        return
    rows = list(cells(lines, by))
    if not rows:
        click.echo(f"Nothing was used from {period.start} on, before {period.end}.")
        return
    for row in _aligned([header(by), *rows]):
        click.echo(row)


async def _read(tenant_id: str | None, period: Period) -> Mapping[Account, Counts]:
    redis = connect(FleetSettings().redis_url)
    try:
        store, days = UsageStore(redis, kept_days=1), days_from(*period)
        return await (store.of_all(days) if tenant_id is None else store.of_tenant(tenant_id, days))
    finally:
        await redis.aclose()


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    """Names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first_number = len(widths) - len(Counts._fields)
    for row in rows:
        padded = [
            cell.rjust(width) if place >= first_number else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(padded).rstrip()
