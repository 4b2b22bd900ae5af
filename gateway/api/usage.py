"""GET /v1/usage: what the caller's tenant has used; GET /admin/usage: what all have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from gateway.api.tenancy import tenant_of
from gateway.metering import Meter
from gateway.metering.report import GroupBy, Line, Period, as_csv, grouped
from shared.errors import InvalidValue
from shared.streams.usage import Account, Counts, days_from

router = APIRouter(tags=["usage"])
admin_router = APIRouter(tags=["admin"])

CSV = "text/csv"
PARAMETERS = frozenset({"start", "end", "group_by", "format"})

START = Query(
    default=None, description="First day, as 2026-11-01 or in unix seconds. By default 31 days before the end."
)
END = Query(default=None, description="The day after the last one. By default tomorrow, in UTC.")
GROUP_BY = Query(default=[], description="What to keep apart; several, or with commas between them.")
FORMAT = Query(default=None, description="json or csv; `Accept: text/csv` does the same.")

ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}, CSV: {"schema": {"type": "string"}}}}
}


@router.get("/v1/usage", response_class=Response, responses=ANSWER)
async def show_usage(
    request: Request,
    start: str | None = START,
    end: str | None = END,
    group_by: list[str] = GROUP_BY,
    format: str | None = FORMAT,  # noqa: A002 - what callers write
) -> Response:
    """Characters, audio seconds and requests of the caller's tenant by day, and by `api_key` and `voice`."""
    by, period = _groups(group_by, {GroupBy.API_KEY, GroupBy.VOICE}), Period.read(start, end)
    is_csv = _wants_csv(request, format)
    meter: Meter = request.app.state.meter
    used = await meter.usage.of_tenant(tenant_of(request).id, days_from(*period))
    return _answer(used, by, period, is_csv=is_csv)


@admin_router.get("/admin/usage", response_class=Response, responses=ANSWER)
async def show_all_usage(
    request: Request,
    start: str | None = START,
    end: str | None = END,
    group_by: list[str] = GROUP_BY,
    format: str | None = FORMAT,  # noqa: A002 - what callers write
) -> Response:
    """The same of all tenants, by `tenant` as well."""
    by, period = _groups(group_by, set(GroupBy)), Period.read(start, end)
    is_csv = _wants_csv(request, format)
    meter: Meter = request.app.state.meter
    return _answer(await meter.usage.of_all(days_from(*period)), by, period, is_csv=is_csv)


def _groups(written: list[str], known: Collection[GroupBy]) -> set[GroupBy]:
    names = [name.strip() for each in written for name in each.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        words = ", ".join(group for group in GroupBy if group in known)
        raise InvalidValue(f"group_by may be {words}; not {unknown[0][:40]!r}.", param="group_by")
    return {GroupBy(name) for name in names}


def _wants_csv(request: Request, said: str | None) -> bool:
    if unknown := set(request.query_params) - PARAMETERS:
        name = min(unknown)
        raise InvalidValue(f"There is no parameter {name[:40]!r} here.", param=name[:40])
    if said not in {None, "json", "csv"}:
        raise InvalidValue("format may be json or csv.", param="format")
    return said == "csv" or (said is None and CSV in request.headers.get("accept", ""))


def _answer(used: Mapping[Account, Counts], by: Collection[GroupBy], period: Period, *, is_csv: bool) -> Response:
    lines = grouped(used, by)
    if not is_csv:
        return JSONResponse(_page(lines, period))
    name = f"usage-{period.start}-{period.end - timedelta(days=1)}.csv"
    return Response(
        as_csv(lines, by), media_type=CSV, headers={"content-disposition": f'attachment; filename="{name}"'}
    )


def _page(lines: Mapping[Line, Counts], period: Period) -> dict[str, Any]:
    """In the shape of OpenAI's usage API: a bucket a day, also of days without any."""
    results: dict[date, list[dict[str, Any]]] = {day: [] for day in days_from(*period)}
    for line, counts in lines.items():
        results[line.day].append(_result(line, counts))
    buckets = [
        {"object": "bucket", "start_time": _unix(day), "end_time": _unix(day + timedelta(days=1)), "results": found}
        for day, found in results.items()
    ]
    return {"object": "page", "data": buckets, "has_more": False, "next_page": None}


def _result(line: Line, counts: Counts) -> dict[str, Any]:
    """What is not grouped by is null."""
    return {
        "object": "usage.audio_speeches.result",
        "characters": counts.characters,
        "audio_seconds": counts.audio_ms / 1000,
        "num_model_requests": counts.requests,
        "num_failed_requests": counts.failed,
        "tenant_id": line.tenant_id,
        "api_key_id": line.key_id,
        "voice": line.voice,
    }


def _unix(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
