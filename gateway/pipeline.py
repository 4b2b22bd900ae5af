"""``Pipeline.speak`` is the function to read first: text in, packets out."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.assembly import SAMPLE_RATE, Assembly, Stretch, timed_texts
from gateway.audio.encoder import FileEncoder, StreamingEncoder
from gateway.audio.formats import AudioFormat
from gateway.audio.gaps import Gaps
from gateway.cached_synthesis import CachedSynthesis
from gateway.charging import Usage, characters_by_voice, charged
from gateway.downloads import Download, DownloadStore
from gateway.fleet import Fleet
from gateway.metering import Charge, Meter, Notice, Visit, unnoticed
from gateway.synthesis import Delivery, Synthesis
from gateway.telemetry import Encoding, Telemetry
from gateway.text.chunker import Chunk
from gateway.text.frontend import Passage, TextFrontend
from gateway.text.pacing import Pace
from gateway.text.reading import Reading
from gateway.text.segments import Script
from gateway.threads import read_file
from gateway.timings import MarkTiming, Timeline, WordTiming
from shared.contract import Lane
from shared.tenants import EVERYBODY, Tenant

ENCODE_SAMPLES = SAMPLE_RATE
"""Samples encoded in one go: small enough that a cancelled request stops at once."""

AUDIO_S_PER_CHARACTER = 0.061
"""Of English at speed 1: a token's 56 ms and a chunk's 1 s, at about a token a character and 200 a chunk."""


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
    download: Download | None = None
    lane: Lane = Lane.URGENT
    tenant: Tenant = EVERYBODY
    is_part: bool = False
    """Whether it is part of a longer one, which alone is a request and an open stream of its tenant."""
    work_id: str = ""
    """Of a batch's item: whoever works on it has a request of its own, and it is counted once."""
    notice: Notice = unnoticed
    is_returning: bool = False
    """Whether it was refused before, for want of room, and has come back."""
    began: float = field(default_factory=time.monotonic)
    """When the request had been read, in monotonic seconds: what its first audio counts from."""

    def charge(self) -> Charge:
        """What it asks of its tenant's limits."""
        characters = characters_by_voice(self.text, self.script)
        return Charge(
            self.request_id,
            self.tenant,
            next(iter(characters)),
            characters,
            requests=0 if self.is_part else 1,
            is_batch=self.lane is Lane.BATCH,
            work_id=self.work_id,
            notice=self.notice,
        )


@dataclass(frozen=True, slots=True)
class Audio:
    """An open answer: packets to send, and what is known before they are."""

    packets: AsyncIterator[bytes]
    length: int | None = None
    """Bytes in all."""
    words: tuple[WordTiming, ...] = ()
    marks: tuple[MarkTiming, ...] = ()
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)
    """Complete when the packets are."""
    is_replayed: bool = False
    """Whether another request's answer is given again."""


class Timed(NamedTuple):
    """The words that are known since the last of these, and how long the audio is so far."""

    words: tuple[WordTiming, ...]
    seconds: float


class Captioned(NamedTuple):
    """Encoded audio, and the words that are known since the last of it."""

    packet: bytes
    words: tuple[WordTiming, ...]
    marks: tuple[MarkTiming, ...] = ()


class Pipeline:
    """Text → chunks → pcm → packets."""

    def __init__(
        self,
        frontend: TextFrontend,
        synthesis: Synthesis | CachedSynthesis,
        fleet: Fleet,
        downloads: DownloadStore,
        meter: Meter,
        *,
        first_audio_s: float,
        gaps: Gaps,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._telemetry = telemetry or Telemetry()
        self._frontend = frontend
        self._synthesis = synthesis
        self._fleet = fleet
        self._downloads = downloads
        self._meter = meter
        self._first_audio_s = first_audio_s
        self._gaps = gaps

    async def speak(self, utterance: Utterance, usage: Usage | None = None) -> AsyncGenerator[bytes, None]:
        """Packets of the encoded stream, as soon as there is audio for them. Raises FleetError."""
        async with self._admitted(utterance, self._pace(utterance.speed), usage=usage) as stretches:
            with StreamingEncoder(utterance.format, SAMPLE_RATE) as encoder:
                encoding = Encoding(encoder, self._telemetry, utterance.began)
                async for stretch in stretches:
                    for pcm in _pieces(stretch.pcm):
                        if packet := await encoding.write(pcm):
                            yield packet
                yield await encoding.close()

    async def caption(self, utterance: Utterance) -> AsyncGenerator[Captioned, None]:
        """``speak`` with the times of the words, chunk by chunk."""
        timeline = Timeline(utterance.text, utterance.script.marks)
        async with self._admitted(utterance, self._pace(utterance.speed), timeline) as stretches:
            with StreamingEncoder(utterance.format, SAMPLE_RATE) as encoder:
                encoding = Encoding(encoder, self._telemetry, utterance.began)
                async for stretch in stretches:
                    packet = b"".join([await encoding.write(pcm) for pcm in _pieces(stretch.pcm)])
                    if packet or stretch.words:
                        yield Captioned(packet, stretch.words)
                yield Captioned(await encoding.close(), (), tuple(timeline.marks))

    async def go_on(
        self, utterance: Utterance, encoder: StreamingEncoder, timeline: Timeline, usage: Usage, ahead_s: float
    ) -> AsyncGenerator[Captioned, None]:
        """``caption`` of one more utterance in an audio that is open and stays so, a second at a time at most.

        ahead_s: how much of that audio is still to be heard: so long the first chunk may take. Raises FleetError.
        """
        encoding = Encoding(encoder, self._telemetry, None if ahead_s else utterance.began)
        async with self._admitted(utterance, self._pace(utterance.speed, ahead_s), timeline, usage) as stretches:
            async for stretch in stretches:
                words = stretch.words
                for pcm in _pieces(stretch.pcm):
                    yield Captioned(await encoding.write(pcm), words)
                    words = ()
                if words:
                    yield Captioned(b"", words)

    def opened(self, utterance: Utterance) -> Visit:
        """To be held open around all parts of an audio, of which ``utterance`` is the first: what they are together."""
        whole = replace(utterance.charge(), id=f"{utterance.request_id}:whole", characters={}, requests=1)
        return self._meter.visit(whole)

    async def time(self, utterance: Utterance) -> AsyncGenerator[Timed, None]:
        """The times of the words alone, chunk by chunk, at least once. Raises FleetError."""
        timeline = Timeline(utterance.text, utterance.script.marks)
        async with self._admitted(utterance, None, timeline) as stretches:
            async for stretch in stretches:
                yield Timed(stretch.words, timeline.seconds)

    @contextlib.asynccontextmanager
    async def stream(self, utterance: Utterance) -> AsyncIterator[Audio]:
        """``speak`` as an open answer whose length nobody knows yet."""
        usage = Usage()
        async with contextlib.aclosing(self.speak(utterance, usage)) as packets:
            yield Audio(packets, usage=usage)

    @contextlib.asynccontextmanager
    async def file(self, utterance: Utterance) -> AsyncIterator[Audio]:
        """The whole utterance as one file, with exact sizes and durations in its headers. Raises FleetError."""
        timeline, usage = Timeline(utterance.text, utterance.script.marks), Usage()
        with contextlib.ExitStack() as stack:
            # Nobody listens yet: no pace, so that nothing is cut for the sake of time.
            async with self._admitted(utterance, None, timeline, usage) as stretches:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kokoro-fleet-"))
                path = Path(folder) / f"speech.{utterance.format.extension}"
                words = await self._render(stretches, utterance.format, path)
            async with contextlib.aclosing(read_file(path)) as packets:
                yield Audio(packets, path.stat().st_size, words, tuple(timeline.marks), timeline.seconds, usage)

    async def phonemize(self, script: Script, reading: Reading) -> list[Chunk]:
        """The chunks that a script would be spoken in. Raises FleetError."""
        async with contextlib.aclosing(self._frontend.parts(script, reading)) as parts:
            return [part.chunk async for part in parts if isinstance(part, Passage)]

    async def _render(
        self, stretches: AsyncGenerator[Stretch, None], form: AudioFormat, path: Path
    ) -> tuple[WordTiming, ...]:
        words: list[WordTiming] = []
        with FileEncoder(form, SAMPLE_RATE, path) as encoder:
            encoding = Encoding(encoder, self._telemetry)
            async for stretch in stretches:
                words += stretch.words
                for pcm in _pieces(stretch.pcm):
                    await encoding.write(pcm)
            await encoding.close()
        return tuple(words)

    def _pace(self, speed: float, ahead_s: float = 0.0) -> Pace | None:
        slowest = self._fleet.slowest
        if slowest is None:
            return None
        first_audio_s = max(self._first_audio_s, ahead_s)
        return Pace(slowest.realtime_factor, slowest.fixed_cost_s, speed, first_audio_s, self._fleet.share)

    @contextlib.asynccontextmanager
    async def _admitted(
        self,
        utterance: Utterance,
        pace: Pace | None,
        timeline: Timeline | None = None,
        usage: Usage | None = None,
    ) -> AsyncIterator[AsyncGenerator[Stretch, None]]:
        """What all answers are made of; nothing is done before the tenant's limits allow it. Kept for download by the
        way, where the request wants it.
        """
        download = utterance.download
        if download is not None and download.with_timing and timeline is None:
            timeline = Timeline(utterance.text)
        async with self._meter.visit(utterance.charge()) as tally:
            stretches = charged(tally, self._spoken(utterance, pace, timeline, usage or Usage()))
            if download is not None:
                stretches = self._downloads.kept(stretches, download, utterance.text)
            async with contextlib.aclosing(stretches):
                yield stretches

    async def _spoken(
        self, utterance: Utterance, pace: Pace | None, timeline: Timeline | None, usage: Usage
    ) -> AsyncGenerator[Stretch, None]:
        assembly = Assembly(
            timed_texts(self._frontend.parts(utterance.script, utterance.reading, pace), self._telemetry),
            speed=utterance.speed,
            volume=utterance.volume,
            gaps=self._gaps,
            timeline=timeline,
        )
        delivery = Delivery(
            utterance.request_id,
            utterance.seed,
            utterance.lane,
            utterance.tenant.id,
            audio_s=len(utterance.text) * AUDIO_S_PER_CHARACTER / utterance.speed,
            is_returning=utterance.is_returning,
            weight=utterance.tenant.weight,
        )
        with self._telemetry.metrics.speaking(len(utterance.text), utterance.tenant) as progress:
            async with contextlib.aclosing(self._synthesis.speak(delivery, assembly.lines())) as spoken_chunks:
                async for spoken in spoken_chunks:
                    usage.num_cached += spoken.is_cached is True
                    usage.num_missed += spoken.is_cached is False
                    stretch = assembly.add(spoken)
                    usage.add(stretch)
                    progress.add(len(stretch.pcm) / SAMPLE_RATE)
                    yield stretch
            stretch = assembly.end()
            usage.add(stretch)
            yield stretch
            progress.finish()


def _pieces(pcm: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    for start in range(0, len(pcm), ENCODE_SAMPLES):
        yield pcm[start : start + ENCODE_SAMPLES]
