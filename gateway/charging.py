"""What an utterance takes: tokens and samples, and, charged to its tenant, characters and audio, each to its voice."""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from gateway.assembly import SAMPLE_RATE, Stretch
from gateway.metering import Tally
from gateway.text.segments import Script, Speech
from gateway.timings import UNITS_PER_S
from shared.voices import mix_name


@dataclass(slots=True)
class Usage:
    """What a request has taken so far."""

    input_tokens: int = 0
    """Phoneme tokens that were spoken."""
    num_samples: int = 0
    """Of audio, pauses included."""
    num_cached: int = 0
    """Chunks that came from the cache."""
    num_missed: int = 0
    """Chunks that did not, though the cache was asked."""

    @property
    def cache(self) -> str | None:
        """What the cache had of the audio so far: hit, partial or miss; None where it was not asked."""
        if not self.num_cached:
            return "miss" if self.num_missed else None
        return "partial" if self.num_missed else "hit"

    @property
    def output_tokens(self) -> int:
        """The audio in the model's own unit of 25 ms, begun ones included."""
        return math.ceil(self.num_samples * UNITS_PER_S / SAMPLE_RATE)

    def add(self, stretch: Stretch) -> None:
        self.input_tokens += stretch.num_tokens
        self.num_samples += len(stretch.pcm)


def characters_by_voice(text: str, script: Script) -> dict[str, int]:
    """The characters of ``text``, markup included, as those of its voices speak it; in order, the first voice first.

    Add up to ``len(text)``: what no voice speaks, such as markup, is divided like what they do.
    """
    spoken: dict[str, int] = defaultdict(int)
    for segment in script.segments:
        if isinstance(segment, Speech):
            spoken[mix_name(segment.style.voice)] += len(segment.text.text)
    first, total = next(iter(spoken), ""), sum(spoken.values())
    shares = {voice: len(text) * length // total if total else 0 for voice, length in spoken.items()}
    return shares | {first: shares.get(first, 0) + len(text) - sum(shares.values())}


async def charged(tally: Tally, stretches: AsyncGenerator[Stretch, None]) -> AsyncGenerator[Stretch, None]:
    """``stretches``, with their audio added to ``tally``."""
    async with contextlib.aclosing(stretches):
        voice = ""
        async for stretch in stretches:
            voice = mix_name(stretch.voice) if stretch.voice else voice  # the last pauses are of the last voice
            tally.add(voice, len(stretch.pcm) / SAMPLE_RATE)
            yield stretch
