"""``Pipeline.speak`` is the function to read first: text in, packets out."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.assembly import SAMPLE_RATE, Assembly, Stretch
from gateway.audio.encoder import FileEncoder, StreamingEncoder
from gateway.audio.formats import AudioFormat
from gateway.fleet import Fleet
from gateway.synthesis import Delivery, Synthesis
from gateway.text.frontend import TextFrontend
from gateway.text.pacing import Pace
from gateway.text.reading import Reading
from gateway.text.segments import Script
from gateway.threads import run_to_end
from shared.contract import Lane

ENCODE_SAMPLES = SAMPLE_RATE
"""Samples encoded in one go: small enough that a cancelled request stops at once."""

SEND_BYTES = 256 * 1024
"""Bytes of a finished file sent in one go."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A validated request."""

    request_id: str
    text: str
    """The original input, which all offsets are in."""
    script: Script
    reading: Reading
    speed: float
    seed: int
    format: AudioFormat
    volume: float = 1.0
    lane: Lane = Lane.URGENT


@dataclass(frozen=True, slots=True)
class Audio:
    """An open answer: packets to send, and how many bytes they are in all, where that is known."""

    packets: AsyncIterator[bytes]
    length: int | None


class Pipeline:
    """Text → chunks → pcm → packets."""

    def __init__(self, frontend: TextFrontend, synthesis: Synthesis, fleet: Fleet, first_audio_s: float) -> None:
        self._frontend = frontend
        self._synthesis = synthesis
        self._fleet = fleet
        self._first_audio_s = first_audio_s

    async def speak(self, utterance: Utterance) -> AsyncGenerator[bytes, None]:
        """Packets of the encoded stream, as soon as there is audio for them. Raises FleetError."""
        with StreamingEncoder(utterance.format, SAMPLE_RATE) as encoder:
            async with contextlib.aclosing(self._pcm(utterance, self._pace(utterance.speed))) as pieces:
                async for pcm in pieces:
                    if packet := await run_to_end(encoder.write, pcm):
                        yield packet
            yield await run_to_end(encoder.close)

    @contextlib.asynccontextmanager
    async def stream(self, utterance: Utterance) -> AsyncIterator[Audio]:
        """``speak`` as an open answer whose length nobody knows yet."""
        async with contextlib.aclosing(self.speak(utterance)) as packets:
            yield Audio(packets, length=None)

    @contextlib.asynccontextmanager
    async def file(self, utterance: Utterance) -> AsyncIterator[Audio]:
        """The whole utterance as one file, with exact sizes and durations in its headers. Raises FleetError."""
        with tempfile.TemporaryDirectory(prefix="kokoro-fleet-") as folder:
            path = Path(folder) / f"speech.{utterance.format.extension}"
            await self._render(utterance, path)
            async with contextlib.aclosing(_read(path)) as packets:
                yield Audio(packets, length=path.stat().st_size)

    async def _render(self, utterance: Utterance, path: Path) -> None:
        with FileEncoder(utterance.format, SAMPLE_RATE, path) as encoder:
            # Nobody listens yet: no pace, so that nothing is cut for the sake of time.
            async with contextlib.aclosing(self._pcm(utterance, pace=None)) as pieces:
                async for pcm in pieces:
                    await run_to_end(encoder.write, pcm)
            await run_to_end(encoder.close)

    def _pace(self, speed: float) -> Pace | None:
        slowest = self._fleet.slowest
        if slowest is None:
            return None
        return Pace(slowest.realtime_factor, slowest.fixed_cost_s, speed, self._first_audio_s)

    async def _pcm(self, utterance: Utterance, pace: Pace | None) -> AsyncGenerator[NDArray[np.int16], None]:
        async with contextlib.aclosing(self._stretches(utterance, pace)) as stretches:
            async for stretch in stretches:
                for start in range(0, len(stretch.pcm), ENCODE_SAMPLES):
                    yield stretch.pcm[start : start + ENCODE_SAMPLES]

    async def _stretches(self, utterance: Utterance, pace: Pace | None) -> AsyncGenerator[Stretch, None]:
        assembly = Assembly(
            self._frontend.parts(utterance.script, utterance.reading, pace),
            speed=utterance.speed,
            volume=utterance.volume,
            are_trimmed=pace is None or pace.trims_joins,
        )
        delivery = Delivery(request_id=utterance.request_id, seed=utterance.seed, lane=utterance.lane)
        async with contextlib.aclosing(self._synthesis.speak(delivery, assembly.lines())) as spoken_chunks:
            async for spoken in spoken_chunks:
                yield assembly.add(spoken)
        yield assembly.end()


async def _read(path: Path) -> AsyncGenerator[bytes, None]:
    with path.open("rb") as file:
        while piece := await run_to_end(file.read, SEND_BYTES):
            yield piece
