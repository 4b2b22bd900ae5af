"""Conversations at once, as voice agents hold them: each drips text at a language model's rate into a WebSocket.

    python -m bench.websocket                     50 sockets, a service of its own with a fake worker of 100 x real time
    python -m bench.websocket --url http://...     against a running service

Says how soon audio came, after the first token and after the token that ended the first sentence; whether any player
that started with the first audio ran dry; and how long a cancel took to be answered.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect

from bench.load.fleet import running_fleet
from bench.load.report import SMOOTH_S, percentile

TOKENS_PER_S = 20
TOKEN_CHARS = 4
BYTES_PER_S = 48_000
TEXT = (
    "I looked at the calendar for you, and it seems that Thursday afternoon is free. "
    "Shall I book the room on the second floor? Dr. Weber said that he needs about 1.5 hours, so half past two would "
    "leave you time for the train. If you would rather have it in the morning, there is a gap before ten. "
    "I can also ask the others. Just tell me what you prefer, and I will send the invitations right away."
)
FIRST_SENTENCE_END = TEXT.index(".") + 1


@dataclass(slots=True)
class Told:
    """One conversation; times by time.monotonic."""

    first_token: float = 0.0
    sentence_end: float = 0.0
    arrivals: list[tuple[float, float]] = field(default_factory=list)
    """When audio came, and how many seconds of it."""
    error: str | None = None
    cancel_s: float | None = None

    @property
    def first_audio(self) -> float:
        return self.arrivals[0][0]

    @property
    def audio_s(self) -> float:
        return sum(seconds for _, seconds in self.arrivals)

    def underruns(self) -> list[float]:
        """Seconds of silence that a player heard which began with the first audio, each above what anyone notices."""
        gaps = []
        ends = self.first_audio
        for at, seconds in self.arrivals:
            if at - ends > SMOOTH_S:
                gaps.append(at - ends)
            ends = max(ends, at) + seconds
        return gaps


async def converse(url: str, begins_after_s: float, all_done: asyncio.Barrier) -> Told:
    """One conversation; when all are over, one that is cancelled."""
    told = Told()
    await asyncio.sleep(begins_after_s)
    address = url.replace("http", "ws", 1) + "/v1/audio/speech/stream"
    async with connect(address, compression=None, open_timeout=60) as connection:
        await connection.send(json.dumps({"type": "start", "context_id": "a", "binary": True}))
        writing = asyncio.create_task(_drip(connection, told))
        await _listen(connection, told, "done")
        await writing
        await all_done.wait()
        await connection.send(json.dumps({"type": "start", "context_id": "b", "binary": True}))
        await connection.send(json.dumps({"type": "text", "context_id": "b", "text": TEXT * 20}))
        await connection.send(json.dumps({"type": "flush", "context_id": "b"}))
        await _cancel(connection, told)
    return told


async def _drip(connection: ClientConnection, told: Told) -> None:
    told.first_token = time.monotonic()
    for number, start in enumerate(range(0, len(TEXT), TOKEN_CHARS)):
        due = told.first_token + number / TOKENS_PER_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        token = TEXT[start : start + TOKEN_CHARS]
        await connection.send(json.dumps({"type": "text", "context_id": "a", "text": token}))
        if start < FIRST_SENTENCE_END <= start + TOKEN_CHARS:
            told.sentence_end = time.monotonic()
    await connection.send(json.dumps({"type": "end", "context_id": "a"}))


async def _listen(connection: ClientConnection, told: Told, last: str) -> None:
    async for message in connection:
        if isinstance(message, bytes):
            told.arrivals.append((time.monotonic(), (len(message) - 2 - message[1]) / BYTES_PER_S))
            continue
        kind = json.loads(message)["type"]
        if kind == "error":
            told.error = message
        if kind in {last, "error"}:
            return
    told.error = told.error or f"closed: {connection.close_code}"


async def _cancel(connection: ClientConnection, told: Told) -> None:
    async for message in connection:
        if isinstance(message, bytes) and message[2 : 2 + message[1]] == b"b":
            break
    asked = time.monotonic()
    await connection.send(json.dumps({"type": "cancel", "context_id": "b"}))
    async for message in connection:
        if isinstance(message, str) and json.loads(message)["type"] == "cancelled":
            told.cancel_s = time.monotonic() - asked
            return


async def measure(url: str, sockets: int) -> list[Told]:
    """All conversations, which begin within two seconds."""
    all_done = asyncio.Barrier(sockets)
    return await asyncio.gather(*(converse(url, 2 * number / sockets, all_done) for number in range(sockets)))


def report(conversations: list[Told], took_s: float) -> list[str]:
    """Lines to read."""
    whole = [told for told in conversations if told.error is None and told.arrivals]
    gaps = [gap for told in whole for gap in told.underruns()]
    audio_s = sum(told.audio_s for told in whole)
    lines = [
        f"{len(conversations)} conversations in {took_s:.1f} s, {len(whole)} whole, {audio_s:.0f} s of audio",
        _line("first audio after the first token", [told.first_audio - told.first_token for told in whole]),
        _line("first audio after the first sentence", [told.first_audio - told.sentence_end for told in whole]),
        f"underruns: {len(gaps)}" + (f", the longest {max(gaps):.2f} s" if gaps else ""),
        _line("cancelled after", [told.cancel_s for told in whole if told.cancel_s is not None]),
    ]
    return lines + [f"error: {told.error}" for told in conversations if told.error]


def _line(name: str, values: list[float]) -> str:
    shown = ", ".join(f"p{percent} {percentile(values, percent) or 0:.3f} s" for percent in (50, 95, 100))
    return f"{name}: {shown}"


@contextlib.contextmanager
def service(url: str | None, workers: int, speed: float) -> Iterator[str]:
    """The address of the one that runs, or of one of our own, of which the CPU time is printed."""
    if url is not None:
        yield url
        return
    with running_fleet(workers, speed, {}) as fleet:
        before = fleet.used()
        yield fleet.url
        used = ", ".join(f"{role} {after.cpu_s - before[role].cpu_s:.1f} s" for role, after in fleet.used().items())
        print(f"CPU time: {used}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=None, help="a running service; by default one of our own")
    parser.add_argument("--sockets", type=int, default=50)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--speed", type=float, default=100.0, help="audio seconds per second of each fake worker")
    arguments = parser.parse_args()
    with service(arguments.url, arguments.workers, arguments.speed) as url:
        began = time.monotonic()
        conversations = asyncio.run(measure(url, arguments.sockets))
        print("\n".join(report(conversations, time.monotonic() - began)))


if __name__ == "__main__":
    main()
