"""An engine without a model: a deterministic tone whose length follows the tokens.

Part of the product: for trying the service without weights, and for load tests, where ``speed_factor`` makes it as fast
or slow as the fleet that is to be simulated.
"""

from __future__ import annotations

import functools
import threading
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from worker.engine.base import (
    MAX_TOKENS,
    SAMPLE_RATE,
    SAMPLES_PER_DURATION_UNIT,
    STYLE_SIZE,
    VOCABULARY_SIZE,
    Capabilities,
    EngineError,
    EngineJob,
    Interrupted,
    Speech,
    float_to_pcm16,
)

UNITS_PER_TOKEN = 3
"""75 ms a token at speed 1: near what the model speaks on average."""

LOWEST_HZ = 110.0
AMPLITUDE = 0.3
TABLE_BITS = 12


class FakeVoicePacks:
    """Styles that need no voice files: every name has one of its own."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def names(self) -> list[str]:
        """The voices offered."""
        return self._names

    def style(self, mix: Sequence[tuple[str, float]], num_tokens: int) -> NDArray[np.float32]:
        """float32 (256,): a constant per name, blended by weight; the same for every ``num_tokens``."""
        del num_tokens
        blended = sum(weight * (zlib.crc32(name.encode()) / 2**32 - 0.5) for name, weight in mix)
        return np.full(STYLE_SIZE, blended / 64, dtype=np.float32)

    def pack(self, mix: Sequence[tuple[str, float]]) -> NDArray[np.float32]:
        """float32 (510, 256), all rows alike."""
        return np.tile(self.style(mix, 1), (MAX_TOKENS, 1))


class FakeEngine:
    """Speaks each token as a tone of a pitch of its own.

    ``speed_factor``: audio seconds per wall second to pretend; 0 answers at once. Equal jobs give equal samples, alone
    or in any batch, so that a test can tell every sample that must reach the client.
    """

    name = "fake"

    def __init__(self, speed_factor: float = 0.0, max_batch_jobs: int = 8, batches_at_once: int = 1) -> None:
        self._speed_factor = speed_factor
        self._interrupted = threading.Event()
        self.capabilities = Capabilities(
            max_batch_jobs=max_batch_jobs,
            max_batch_tokens=max_batch_jobs * 512,
            prefetch_jobs=max_batch_jobs if speed_factor else 0,
            batches_at_once=batches_at_once,
            is_interruptible=batches_at_once == 1,
        )

    def warm_up(self) -> None:
        """Nothing to warm."""

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        """Tones for every job; ``durations`` are UNITS_PER_TOKEN / speed for each token, 1 for the boundaries."""
        self._interrupted.clear()
        spoken: list[Speech | EngineError] = [_speak(job) for job in batch]
        if self._speed_factor > 0:
            samples = sum(len(speech.pcm) for speech in spoken if isinstance(speech, Speech))
            if self._interrupted.wait(samples / SAMPLE_RATE / self._speed_factor):
                raise Interrupted
        return spoken

    def interrupt(self) -> None:
        """Ends the pause that stands for the work."""
        self._interrupted.set()


def _speak(job: EngineJob) -> Speech:
    units = max(1, round(UNITS_PER_TOKEN / job.speed))
    durations = np.array([1, *[units] * len(job.token_ids), 1], dtype=np.int32)
    # Phases are 32-bit fractions of a cycle: they wrap round by themselves, and their top bits are places in the table.
    steps = _STEPS[np.array([0, *job.token_ids, 0])]
    phase = np.cumsum(np.repeat(steps, durations * SAMPLES_PER_DURATION_UNIT), dtype=np.uint32)
    # The voice must be heard in the samples, or a mixed-up voice would pass every test.
    overtone = 0.2 * float(np.tanh(job.style.astype(np.float64).sum()))
    return Speech(pcm=_cycle(overtone, job.seed % 360)[phase >> np.uint32(32 - TABLE_BITS)], durations=durations)


_STEPS: NDArray[np.uint32] = np.rint(LOWEST_HZ * 2 ** (np.arange(VOCABULARY_SIZE) / 48) / SAMPLE_RATE * 2**32).astype(
    np.uint32
)
"""uint32 (178,): by token, the part of a cycle that passes in one sample."""


@functools.lru_cache(maxsize=256)
def _cycle(overtone: float, shift_deg: int) -> NDArray[np.int16]:
    """int16 (2**TABLE_BITS,): one cycle of the tone. A table, since load tests simulate fleets on a core or two.

    shift_deg: of the overtone's phase. It comes from the seed, which must be heard too.
    """
    phase = 2 * np.pi * np.arange(2**TABLE_BITS) / 2**TABLE_BITS
    second = np.sin(2 * phase + np.deg2rad(shift_deg))
    return float_to_pcm16((AMPLITUDE * (np.sin(phase) + overtone * second)).astype(np.float32))
