"""From a script's parts to one audio: what was sent to be spoken is remembered until its sound comes back."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.audio.gaps import Gaps, whole
from gateway.audio.shape import fade_edges, scale_volume, silence
from gateway.reorder import SpokenChunk
from gateway.synthesis import Line
from gateway.telemetry import Telemetry
from gateway.text.frontend import Passage
from gateway.text.segments import Pause
from gateway.timings import Timeline, WordTiming
from shared.contract import VoiceMix

SAMPLE_RATE = 24_000
"""Of everything the workers send."""


class Stretch(NamedTuple):
    """A chunk's audio with the pauses before it; after the last chunk, the pauses that follow."""

    pcm: NDArray[np.int16]
    """Shape (n,)."""
    words: tuple[WordTiming, ...]
    """Those that are complete now; none unless there is a timeline."""
    num_tokens: int = 0
    """Phoneme tokens that were spoken in it."""
    num_silent: int = 0
    """Samples of the pauses, which come first."""
    char_start: int = 0
    """``input[char_start:char_end]`` is what is spoken in it."""
    char_end: int = 0
    voice: VoiceMix = ()
    """Who speaks; nobody after the last chunk."""


class Assembly:
    """One request's. ``lines`` goes to synthesis, what comes of it to ``add`` in the same order, then ``end``."""

    def __init__(
        self,
        parts: AsyncGenerator[Passage | Pause, None],
        *,
        speed: float,
        volume: float,
        gaps: Gaps,
        timeline: Timeline | None,
    ) -> None:
        self._parts = parts
        self._speed = speed
        self._volume = volume
        self._gaps = gaps
        self._timeline = timeline
        self._pauses: list[Pause] = []
        self._expected: deque[tuple[tuple[Pause, ...], Passage]] = deque()

    async def lines(self) -> AsyncGenerator[Line, None]:
        """What is to be spoken, in order."""
        async with contextlib.aclosing(self._parts) as parts:
            async for part in parts:
                if isinstance(part, Pause):
                    self._pauses.append(part)
                    continue
                self._expected.append((tuple(self._pauses), part))
                self._pauses.clear()
                yield Line(part.chunk.token_ids, part.style.voice, self._speed * part.style.rate)

    def add(self, spoken: SpokenChunk) -> Stretch:
        """The chunk that was expected next."""
        pauses, (chunk, style) = self._expected.popleft()
        pcm = np.frombuffer(spoken.pcm, dtype="<i2").astype(np.int16, copy=False)
        speed = self._speed * style.rate
        kept = self._gaps.keep(pcm, SAMPLE_RATE, chunk.phonemes, speed) if chunk.is_trimmed else whole(pcm)
        heard = fade_edges(pcm[kept.first : kept.end], SAMPLE_RATE)
        words = self._pass(pauses)
        if self._timeline is not None:
            words += self._timeline.add(chunk, spoken.durations, pcm, kept)
        joined = _joined(pauses, scale_volume(heard, self._volume * style.volume))
        num_silent = len(joined) - len(heard)
        return Stretch(
            joined, tuple(words), len(chunk.token_ids), num_silent, chunk.char_start, chunk.char_end, style.voice
        )

    def end(self) -> Stretch:
        """What follows the last chunk."""
        words = self._pass(self._pauses)
        if self._timeline is not None:
            words += self._timeline.finish()
        pcm = _joined(self._pauses, np.zeros(0, np.int16))
        return Stretch(pcm, tuple(words), num_silent=len(pcm))

    def _pass(self, pauses: Sequence[Pause]) -> list[WordTiming]:
        """The words that ``pauses`` complete."""
        if self._timeline is None:
            return []
        return [word for pause in pauses for word in self._timeline.pause(pause.seconds)]


async def timed_texts(
    parts: AsyncGenerator[Passage | Pause, None], telemetry: Telemetry
) -> AsyncGenerator[Passage | Pause, None]:
    """``parts``, with note taken of how long each chunk was waited for."""
    num_chunks = 0
    async with contextlib.aclosing(parts):
        while True:
            span, started = telemetry.span("text", num_chunks), time.perf_counter()
            try:
                part = await anext(parts)
            except StopAsyncIteration:
                return
            if isinstance(part, Passage):
                telemetry.metrics.texted(time.perf_counter() - started)
                span.end()
                num_chunks += 1
            yield part


def _joined(pauses: Sequence[Pause], pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    if not pauses:
        return pcm
    return np.concatenate([*(silence(pause.seconds, SAMPLE_RATE) for pause in pauses), pcm])
