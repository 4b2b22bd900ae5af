"""From a script's parts to one audio: what was sent to be spoken is remembered until its sound comes back."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.audio.joins import trim_join
from gateway.audio.shape import fade_edges, scale_volume, silence
from gateway.reorder import SpokenChunk
from gateway.synthesis import Line
from gateway.text.frontend import Passage
from gateway.text.segments import Pause

SAMPLE_RATE = 24_000
"""Of everything the workers send."""


class Stretch(NamedTuple):
    """A chunk's audio with the pauses before it; after the last chunk, the pauses that follow."""

    pcm: NDArray[np.int16]
    """Shape (n,)."""


class _Expected(NamedTuple):
    pauses: tuple[Pause, ...]
    passage: Passage


class Assembly:
    """One request's. ``lines`` goes to synthesis, what comes of it to ``add`` in the same order, then ``end``."""

    def __init__(
        self, parts: AsyncGenerator[Passage | Pause, None], *, speed: float, volume: float, are_trimmed: bool
    ) -> None:
        self._parts = parts
        self._speed = speed
        self._volume = volume
        self._are_trimmed = are_trimmed
        self._pauses: list[Pause] = []
        self._expected: deque[_Expected] = deque()
        self._broke_off = False

    async def lines(self) -> AsyncGenerator[Line, None]:
        """What is to be spoken, in order."""
        async with contextlib.aclosing(self._parts) as parts:
            async for part in parts:
                if isinstance(part, Pause):
                    self._pauses.append(part)
                    continue
                self._expected.append(_Expected(tuple(self._pauses), part))
                self._pauses.clear()
                yield Line(part.chunk.token_ids, part.style.voice, self._speed * part.style.rate)

    def add(self, spoken: SpokenChunk) -> Stretch:
        """The chunk that was expected next."""
        pauses, (chunk, style) = self._expected.popleft()
        pcm = np.frombuffer(spoken.pcm, dtype="<i2").astype(np.int16, copy=False)
        if self._are_trimmed:
            pcm = trim_join(pcm, SAMPLE_RATE, start=self._broke_off, end=chunk.breaks_off)
        self._broke_off = chunk.breaks_off
        shaped = scale_volume(fade_edges(pcm, SAMPLE_RATE), self._volume * style.volume)
        return Stretch(np.concatenate([*_silences(pauses), shaped]))

    def end(self) -> Stretch:
        """What follows the last chunk."""
        return Stretch(np.concatenate([np.zeros(0, np.int16), *_silences(self._pauses)]))


def _silences(pauses: list[Pause] | tuple[Pause, ...]) -> Iterator[NDArray[np.int16]]:
    for pause in pauses:
        yield silence(pause.seconds, SAMPLE_RATE)
