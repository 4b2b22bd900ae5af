"""Counts, added up as somebody wants to see them."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from gateway.api.rate_limits import duration
from gateway.charging import characters_by_voice
from gateway.metering.report import GroupBy, Period, as_csv, grouped
from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from gateway.text.segments import Pause, Script, Speech, Style
from shared.errors import InvalidValue
from shared.streams import connect
from shared.streams.usage import Account, Counts, Portion, UsageStore
from tests.conftest import Valkey

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
USED = {
    Account(TUESDAY, "b", "k3", "af_heart"): Counts(1, 1000, 1, 1),
    Account(MONDAY, "a", "k1", "af_heart"): Counts(10, 2500, 1, 0),
    Account(MONDAY, "a", "k2", 'af_heart(1),"odd"'): Counts(5, 500, 2, 0),
}


def test_without_groups_there_is_a_line_a_day() -> None:
    assert as_csv(grouped(USED, set()), set()).splitlines() == [
        "date,characters,audio_seconds,requests,failed_requests",
        "2026-11-23,15,3.000,3,0",
        "2026-11-24,1,1.000,1,1",
    ]


def test_groups_are_columns_in_one_order_and_odd_names_are_quoted() -> None:
    by = {GroupBy.VOICE, GroupBy.API_KEY}
    assert as_csv(grouped(USED, by), by).splitlines() == [
        "date,api_key_id,voice,characters,audio_seconds,requests,failed_requests",
        "2026-11-23,k1,af_heart,10,2.500,1,0",
        '2026-11-23,k2,"af_heart(1),""odd""",5,0.500,2,0',
        "2026-11-24,k3,af_heart,1,1.000,1,1",
    ]


def test_a_period_is_read_from_dates_or_seconds_and_ends_before_its_end() -> None:
    assert Period.read("2026-11-01", "2026-12-01") == Period(date(2026, 11, 1), date(2026, 12, 1))
    assert Period.read("1793491200", "2026-11-02") == Period(date(2026, 11, 1), date(2026, 11, 2))
    today = datetime.now(UTC).date()
    assert Period.read(None, None) == Period(today - timedelta(days=30), today + timedelta(days=1))


@pytest.mark.parametrize(
    ("start", "end", "param"),
    [
        ("yesterday", None, "start"),
        (None, "2026-13-01", "end"),
        ("9" * 30, None, "start"),
        ("2026-11-02", "2026-11-02", "start"),
        ("2020-01-01", "2026-01-01", "start"),
    ],
)
def test_a_period_that_is_none_is_refused(start: str | None, end: str | None, param: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Period.read(start, end)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0s"), (0.12, "120ms"), (1, "1s"), (1.5, "1.5s"), (59.96, "59.96s"), (360, "6m0s")]
)
def test_durations_are_written_as_openai_does(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def speech(text: str, voice: str) -> Speech:
    return Speech(AlignedText(text, range(len(text)), range(1, len(text) + 1)), Style(((voice, 1.0),), Language.EN_US))


def test_each_voice_is_charged_for_what_it_speaks_and_all_together_for_the_input() -> None:
    script = Script(
        (speech("one two", "af_heart"), Pause(1, 7, 7), speech("three", "af_bella"), speech("!", "af_heart"))
    )
    charged = characters_by_voice("one two [pause][voice:af_bella]three[voice:af_heart]!", script)
    assert list(charged) == ["af_heart", "af_bella"]
    assert sum(charged.values()) == 53
    assert charged["af_bella"] == 53 * 5 // 13


def test_a_script_that_says_more_than_its_input_or_nothing_is_charged_for_the_input() -> None:
    assert characters_by_voice("W3C", Script((speech("World Wide Web Consortium", "af_sky"),))) == {"af_sky": 3}
    assert characters_by_voice("[pause:1s]", Script((Pause(1, 0, 10),))) == {"": 10}


def test_the_command_prints_a_table_or_csv(valkey: Valkey) -> None:
    async def written() -> None:
        redis = connect(valkey.url)
        await redis.flushall()
        await UsageStore(redis, kept_days=1).add("gw", 1, Portion(USED, {}))
        await redis.aclose()

    asyncio.run(written())
    period = ["--start", "2026-11-01", "--end", "2026-12-01"]

    def printed(*words: str) -> list[str]:
        result = CliRunner().invoke(main, ["usage", *words], env={"REDIS_URL": valkey.url}, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    assert printed(*period, "--by", "tenant") == [
        "date        tenant  characters  audio_seconds  requests  failed_requests",
        "2026-11-23  a               15          3.000         3                0",
        "2026-11-24  b                1          1.000         1                1",
    ]
    assert printed(*period, "--csv", "--tenant", "b")[1:] == ["2026-11-24,1,1.000,1,1"]
    assert printed("--start", "2026-01-01", "--end", "2026-01-02") == [
        "Nothing was used from 2026-01-01 on, before 2026-01-02."
    ]
