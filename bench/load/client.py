"""One request as a client of its own: asks for a pcm stream, listens, and notes how it went. Never raises for that."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass

import httpx

from bench.listener import BYTES_PER_S, underrun_s
from bench.load.mix import Ask

SPEECH = "/v1/audio/speech"
RETRIES = "x-stainless-retry-count"
VOICE = "af_heart"
PLAYER_BUFFER_S = 5.0
"""How far a client that plays what it hears reads ahead."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request. Times are seconds; ``started_s`` from the start of the run, the others from the request."""

    kind: str
    text_number: int
    started_s: float
    total_s: float
    error: str | None = None
    """None: the answer ended cleanly. "503 overloaded" and the like: refused with that code. "cut": the line was cut
    in mid-stream. "no connection", "no answer", "timeout": as they say."""
    first_s: float | None = None
    """Until the first bytes of audio; headers are none."""
    audio_s: float = 0.0
    underrun_s: float = 0.0
    """Silence in all that a player hears which starts with the first byte."""
    digest: str = ""
    """Of all audio that came."""
    retry_after_s: float | None = None
    """What a refusal told the caller to wait."""

    @property
    def realtime_factor(self) -> float:
        """Audio seconds per second of the stream, from its first audio to its end: what a player can count on."""
        return self.audio_s / max(self.total_s - (self.first_s or 0.0), 1e-3)


def new_client(timeout_s: float = 120.0, key: str = "") -> httpx.AsyncClient:
    """A client whose every request is a connection of its own, as of so many different callers. ``key``: an API key."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(limits=limits, timeout=timeout_s, trust_env=False, headers={"x-api-key": key})


class Caller:
    """Makes requests to one service; ``began`` is the start of the run, by ``time.perf_counter``."""

    def __init__(self, client: httpx.AsyncClient, url: str, *, played: bool = False, voice: str = VOICE) -> None:
        self._client = client
        self._endpoint = url.rstrip("/") + SPEECH
        self._played = played
        self._voice = voice
        self.began = time.perf_counter()
        self.under_way = 0

    async def call(self, ask: Ask, retries: int = 0) -> Outcome:
        """Ask, and listen to the end. ``retries``: how often this was refused before, told as OpenAI's SDKs do."""
        heard = _Heard(self._played)
        self.under_way += 1
        try:
            error = await self._listen(ask, heard, retries)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            error = "no connection"
        except httpx.TimeoutException:
            error = "timeout"
        except httpx.TransportError:
            error = "cut" if heard.arrivals else "no answer"
        finally:
            self.under_way -= 1
        return heard.outcome(ask, error, self.began)

    async def _listen(self, ask: Ask, heard: _Heard, retries: int) -> str | None:
        body = {"model": "kokoro", "input": ask.text, "voice": self._voice, "response_format": "pcm"}
        headers = {RETRIES: str(retries)} if retries else {}
        async with self._client.stream("POST", self._endpoint, json=body, headers=headers) as answer:
            if answer.status_code != httpx.codes.OK:
                await answer.aread()
                heard.retry_after_s = _retry_after_s(answer)
                return f"{answer.status_code} {_code(answer)}"
            async for packet in answer.aiter_raw():
                await heard.add(packet)
        return None if heard.arrivals else "no audio"


class _Heard:
    """What has come so far."""

    def __init__(self, played: bool) -> None:
        self._started = time.perf_counter()
        self._played = played
        self._digest = hashlib.blake2b(digest_size=8)
        self.arrivals: list[tuple[float, int]] = []
        self.retry_after_s: float | None = None
        self._audio_s = 0.0

    async def add(self, packet: bytes) -> None:
        now_s = time.perf_counter() - self._started
        self.arrivals.append((now_s, len(packet)))
        self._digest.update(packet)
        self._audio_s += len(packet) / BYTES_PER_S
        if self._played:
            # Not taking more is what a player does whose buffer is full: the service must not run ahead of it.
            ahead_s = self._audio_s - (now_s - self.arrivals[0][0])
            await asyncio.sleep(max(0.0, ahead_s - PLAYER_BUFFER_S))

    def outcome(self, ask: Ask, error: str | None, began: float) -> Outcome:
        return Outcome(
            kind=ask.kind,
            text_number=ask.text_number,
            started_s=self._started - began,
            total_s=time.perf_counter() - self._started,
            error=error,
            first_s=self.arrivals[0][0] if self.arrivals else None,
            audio_s=self._audio_s,
            underrun_s=underrun_s(self.arrivals),
            digest=self._digest.hexdigest(),
            retry_after_s=self.retry_after_s,
        )


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return "not ours"


def _retry_after_s(answer: httpx.Response) -> float | None:
    """OpenAI's clients read the header in milliseconds first."""
    try:
        return float(answer.headers["retry-after-ms"]) / 1000
    except (KeyError, ValueError):
        return None
