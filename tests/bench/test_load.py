"""The load generator: against real services, good and bad, and its arithmetic."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.load.__main__ import main
from bench.load.arrivals import closed_loop, one_each, open_loop
from bench.load.client import Caller, Outcome, new_client
from bench.load.mix import KINDS, Ask, Mix
from bench.load.plot import draw
from bench.load.report import lines, percentile, summary
from tests.conftest import Service, running_service, running_valkey

HELLO = Ask("reply", 0, "Hello there.")
PNG = b"\x89PNG"


def outcome(text_number: int = 0, error: str | None = None, **fields: object) -> Outcome:
    said = {"kind": "reply", "started_s": 0.0, "total_s": 2.0, "first_s": 0.5, "audio_s": 3.0, "digest": "right"}
    return Outcome(text_number=text_number, error=error, **{**said, **fields})  # type: ignore[arg-type]


async def call(url: str, ask: Ask = HELLO) -> Outcome:
    async with new_client(timeout_s=5) as client:
        return await Caller(client, url).call(ask)


def test_the_mix_is_the_same_on_every_run_and_has_every_kind() -> None:
    one, other = Mix(), Mix()
    drawn = [one.next() for _ in range(500)]
    assert drawn == [other.next() for _ in range(500)]
    for kind in KINDS:
        lengths = [len(ask.text) for ask in drawn if ask.kind == kind.name]
        assert len(lengths) / len(drawn) == pytest.approx(kind.share, abs=0.1)
        assert kind.least <= min(lengths) <= max(lengths) < kind.most + 100  # whole sentences


def test_percentiles_by_rank() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50.0, 95.0, 99.0, 100.0]
    assert percentile([], 50) is None


def test_a_summary_counts_what_came_what_did_not_and_what_was_wrong() -> None:
    alone = {0: outcome(), 1: outcome(1, digest="other")}
    outcomes = [
        outcome(),
        outcome(1, started_s=1.0, total_s=5.0),
        outcome(error="cut"),
        outcome(error="503 overloaded", audio_s=0.0, first_s=None, retry_after_s=4.0),
    ]
    result = summary(outcomes, capacity=2.0, alone=alone)
    assert (result["requests"], result["whole"], result["not_as_alone"]) == (4, 2, 1)
    assert result["errors"] == {"cut": 1, "503 overloaded": 1}
    assert result["goodput"] == pytest.approx(6.0 / 6.0)  # of whole requests alone, until the last one ended
    assert result["goodput_of_capacity"] == pytest.approx(0.5)
    assert result["retry_after_s"]["p50"] == 4.0
    assert "1 x 503 overloaded" in "\n".join(lines(result))


def test_nothing_at_all_has_a_summary_too() -> None:
    assert lines(summary([], capacity=0.0)) == [
        "0 requests in 0.0 s, 0 whole",
        "goodput 0.0 audio seconds a second",
    ]


async def test_a_closed_loop_is_heard_as_alone(service: Service) -> None:
    mix = Mix("reply", texts=5)
    async with new_client() as client:
        caller = Caller(client, service.url)
        alone = await one_each(caller, mix.asks)
        outcomes = await closed_loop(caller, mix, clients=4, duration_s=1.0)
    assert len(outcomes) >= 4
    result = summary(outcomes, capacity=0.0, alone=alone)
    assert (result["whole"], result["not_as_alone"]) == (len(outcomes), 0)
    assert all(each.audio_s > 1 and 0 < (each.first_s or 0) <= each.total_s for each in outcomes)


async def test_an_open_loop_does_not_wait_for_answers(service: Service) -> None:
    async with new_client() as client:
        outcomes = await open_loop(Caller(client, service.url), Mix("reply"), rate=40.0, duration_s=1.0)
    assert 20 <= len(outcomes) <= 70  # Poisson: 40, five standard deviations and more
    assert {each.error for each in outcomes} == {None}


async def test_refusals_are_told_by_status_and_code(tmp_path: Path) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, workers=0) as running:
        refused = await call(running.url)
    assert (refused.error, refused.audio_s) == ("503 no_workers", 0.0)
    assert (refused.retry_after_s or 0) > 0
    assert (await call(running.url)).error == "no connection"


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n", "cut"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "no audio"),
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 2\r\n\r\nhi", "502 not ours"),
        (b"", "no answer"),
    ],
)
async def test_every_bad_end_has_a_name(sent: bytes, error: str) -> None:
    with answering_once(sent) as url:
        assert (await call(url)).error == error


@contextlib.contextmanager
def answering_once(sent: bytes) -> Iterator[str]:
    """A server that reads one request's head, sends ``sent`` and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                while b"Hello" not in connection.recv(65536):
                    pass
                connection.sendall(sent)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


async def test_a_player_does_not_read_far_ahead() -> None:
    """What it has not taken is for the service to hold back."""
    ten_s = b"\0" * 480_000
    pieces = [b"%x\r\n%s\r\n" % (len(ten_s), ten_s)] * 40
    sent = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"".join(pieces)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"Hello")
        writer.write(sent)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, new_client() as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        caller = Caller(client, url, played=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):  # four hundred seconds of audio, of which it plays half a second
                await caller.call(HELLO)


def test_a_simulated_fleet_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "--fake-workers 2 --fake-speed 0 --clients 2 --duration 0.5 --kind reply --texts 3 --check --name run"
    main([*words.split(), "--folder", str(tmp_path)])
    assert "0 not as alone" in capsys.readouterr().out
    kept = json.loads((tmp_path / "run.json").read_text())
    assert kept["summary"]["whole"] == len(kept["outcomes"]) >= 2
    assert kept["summary"]["roles"]["worker"]["processes"] == 2
    assert set(kept["summary"]["roles"]) == {"gateway", "text", "worker", "queue"}


def test_a_run_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    outcomes = [outcome(kind=kind.name, started_s=n) for n, kind in enumerate(KINDS)] + [outcome(error="cut")]
    draw(outcomes, "a run", tmp_path / "run.png")
    assert (tmp_path / "run.png").read_bytes().startswith(PNG)
