"""Many listeners at once, each of whom knows what must be heard."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx

from bench.texts import text_of
from tests.conftest import Service

SETTINGS = {
    # Real workers' three seconds until one is taken for dead: shorter, and a busy machine looks like a dead worker.
    "HEARTBEAT_S": "1",
    # Streams are cut by the workers' pace of the moment; so patient a gateway cuts equal texts alike, always.
    "FIRST_AUDIO_TARGET_MS": "60000",
    # Chunks of a few seconds, so that a batch of them takes about one.
    "TARGET_MIN_TOKENS": "40",
    "TARGET_MAX_TOKENS": "60",
    "ABSOLUTE_MAX_TOKENS": "100",
    "LOG_LEVEL": "WARNING",
}

TEXTS = [text_of(characters, seed=characters) for characters in (20, 200, 400, 600)]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener got: ``failure`` is None after a clean end, "cut" after a broken one, or status and code."""

    text: str
    audio: bytes
    failure: str | None = None
    silence_s: float = 0.0
    """The longest wait for a packet, the first one included."""


async def hear(client: httpx.AsyncClient, url: str, text: str) -> Heard:
    """Listen to the end, whatever it is. Raises httpx.TimeoutException after half a minute of silence."""
    audio, silence_s, last = bytearray(), 0.0, time.monotonic()
    body = {"input": text, "response_format": "pcm"}
    try:
        async with client.stream("POST", f"{url}/v1/audio/speech", json=body) as answer:
            if answer.status_code != httpx.codes.OK:
                await answer.aread()
                return Heard(text, b"", f"{answer.status_code} {answer.json()['error']['code']}")
            async for packet in answer.aiter_raw():
                audio += packet
                silence_s, last = max(silence_s, time.monotonic() - last), time.monotonic()
    except (httpx.RemoteProtocolError, httpx.ReadError):
        return Heard(text, bytes(audio), "cut")
    return Heard(text, bytes(audio), silence_s=silence_s)


def listener() -> httpx.AsyncClient:
    """A client whose requests are connections of their own."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(limits=limits, timeout=30, trust_env=False)


def expected(service: Service) -> dict[str, bytes]:
    """What each text sounds like when nothing goes wrong."""
    answers = {text: service.speak(text) for text in TEXTS}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {text: answer.content for text, answer in answers.items()}


class Crowd:
    """``size`` listeners of whom each asks again and again, wherever ``url`` says, until ``stop``."""

    def __init__(self, url: str, size: int) -> None:
        self.url = url
        self.heard: list[Heard] = []
        self._stopped = asyncio.Event()
        self._size = size

    async def __aenter__(self) -> Crowd:
        self._tasks = [asyncio.create_task(self._listen(number)) for number in range(self._size)]
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._stopped.set()
        await asyncio.gather(*self._tasks)

    async def _listen(self, number: int) -> None:
        async with listener() as client:
            while not self._stopped.is_set():
                self.heard.append(await hear(client, self.url, TEXTS[number % len(TEXTS)]))
                number += 1

    def failures(self) -> list[str]:
        """Of those who did not hear all."""
        return [each.failure for each in self.heard if each.failure is not None]
