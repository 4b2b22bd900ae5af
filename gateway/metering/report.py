"""What was used, added up as somebody wants to see it."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from shared.errors import InvalidValue
from shared.streams.usage import Account, Counts

DEFAULT_DAYS = 31
MAX_DAYS = 400
"""In one answer."""


class GroupBy(StrEnum):
    """What counts are kept apart by, besides the day."""

    TENANT = "tenant"
    API_KEY = "api_key"
    VOICE = "voice"


class Line(NamedTuple):
    """What counts are of; None: of all."""

    day: date
    tenant_id: str | None
    key_id: str | None
    voice: str | None


class Period(NamedTuple):
    """Days in UTC."""

    start: date
    end: date
    """Not part of it."""

    @classmethod
    def read(cls, start: str | None, end: str | None) -> Period:
        """From dates, or unix seconds, of which the day counts; by default a month that ends with today.

        Raises InvalidValue.
        """
        last = datetime.now(UTC).date() + timedelta(days=1) if end is None else _day(end, "end")
        first = last - timedelta(days=DEFAULT_DAYS) if start is None else _day(start, "start")
        if first >= last:
            raise InvalidValue("The start must be before the end, which is not part of the period.", param="start")
        if (last - first).days > MAX_DAYS:
            raise InvalidValue(f"At most {MAX_DAYS} days can be asked for at a time.", param="start")
        return cls(first, last)


def grouped(accounts: Mapping[Account, Counts], by: Collection[GroupBy]) -> dict[Line, Counts]:
    """Counts by day and ``by``, sorted."""
    sums: dict[Line, Counts] = {}
    for (day, tenant_id, key_id, voice), counts in accounts.items():
        line = Line(
            day,
            tenant_id if GroupBy.TENANT in by else None,
            key_id if GroupBy.API_KEY in by else None,
            voice if GroupBy.VOICE in by else None,
        )
        sums[line] = sums.get(line, Counts()).plus(counts)
    return dict(sorted(sums.items(), key=lambda entry: (entry[0].day, *(part or "" for part in entry[0][1:]))))


def header(by: Collection[GroupBy]) -> list[str]:
    """The columns' names."""
    names = {GroupBy.TENANT: "tenant", GroupBy.API_KEY: "api_key_id", GroupBy.VOICE: "voice"}
    return [
        "date",
        *(names[group] for group in GroupBy if group in by),
        *("characters", "audio_seconds", "requests", "failed_requests"),
    ]


def cells(lines: Mapping[Line, Counts], by: Collection[GroupBy]) -> Iterable[list[str]]:
    """Each line as the columns of ``header`` have it."""
    for line, counts in lines.items():
        parts = {GroupBy.TENANT: line.tenant_id, GroupBy.API_KEY: line.key_id, GroupBy.VOICE: line.voice}
        named = [parts[group] or "" for group in GroupBy if group in by]
        numbers = [counts.characters, f"{counts.audio_ms / 1000:.3f}", counts.requests, counts.failed]
        yield [f"{line.day}", *named, *map(str, numbers)]


def as_csv(lines: Mapping[Line, Counts], by: Collection[GroupBy]) -> str:
    """With a header (RFC 4180)."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(header(by))
    writer.writerows(cells(lines, by))
    return written.getvalue()


def _day(written: str, param: str) -> date:
    try:
        if written.isascii() and written.isdigit():
            return datetime.fromtimestamp(int(written), UTC).date()
        return date.fromisoformat(written)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidValue(
            f"{written[:40]!r} is neither a date, such as 2026-11-01, nor unix seconds.", param=param
        ) from error
