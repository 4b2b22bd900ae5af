"""``Pipeline.speak`` is the function to read first: text in, packets out."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.audio.encoder import FileEncoder, StreamingEncoder
from gateway.audio.formats import AudioFormat
from gateway.audio.joins import trim_join
from gateway.audio.shape import fade_edges, scale_volume
from gateway.fleet import Fleet
from gateway.synthesis import Delivery, Synthesis
from gateway.text.chunker import Chunk
from gateway.text.frontend import TextFrontend
from gateway.text.languages import Language
from gateway.text.pacing import Pace
from gateway.threads import run_to_end
from shared.contract import Lane, VoiceMix

SAMPLE_RATE = 24_000
"""Of everything the workers send."""

ENCODE_SAMPLES = SAMPLE_RATE
"""Samples encoded in one go: small enough that a cancelled request stops at once."""

SEND_BYTES = 256 * 1024
"""Bytes of a finished file sent in one go."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A validated request."""

    request_id: str
    text: str
    voice: VoiceMix
    language: Language
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
        delivery = Delivery(
            request_id=utterance.request_id,
            voice=utterance.voice,
            speed=utterance.speed,
            seed=utterance.seed,
            lane=utterance.lane,
        )
        chunks = self._frontend.chunks(utterance.text, utterance.language, pace)
        joins = Joins(chunks, are_trimmed=pace is None or pace.trims_joins)
        async with contextlib.aclosing(self._synthesis.speak(delivery, joins.chunks())) as spoken_chunks:
            async for spoken in spoken_chunks:
                pcm = np.frombuffer(spoken.pcm, dtype="<i2").astype(np.int16, copy=False)
                joined = joins.trim(spoken.seq, pcm)
                shaped = scale_volume(fade_edges(joined, SAMPLE_RATE), utterance.volume)
                for piece in _pieces(shaped):
                    yield piece


class Joins:
    """Remembers, from a chunk's cutting to its sound, whether it breaks off inside a clause."""

    def __init__(self, chunks: AsyncGenerator[Chunk, None], *, are_trimmed: bool) -> None:
        self._chunks = chunks
        self._are_trimmed = are_trimmed
        self._breaks_off: dict[int, bool] = {-1: False}

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """The chunks, in order."""
        async with contextlib.aclosing(self._chunks) as chunks:
            seq = 0
            async for chunk in chunks:
                self._breaks_off[seq] = chunk.breaks_off
                seq += 1
                yield chunk

    def trim(self, seq: int, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """The chunk's pcm as it is to be heard; chunks come in order."""
        goes_on, breaks_off = self._breaks_off.pop(seq - 1), self._breaks_off[seq]
        return trim_join(pcm, SAMPLE_RATE, start=goes_on, end=breaks_off) if self._are_trimmed else pcm


async def _read(path: Path) -> AsyncGenerator[bytes, None]:
    with path.open("rb") as file:
        while piece := await run_to_end(file.read, SEND_BYTES):
            yield piece


def _pieces(pcm: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    for start in range(0, len(pcm), ENCODE_SAMPLES):
        yield pcm[start : start + ENCODE_SAMPLES]
