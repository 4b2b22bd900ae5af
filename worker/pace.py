"""How long a job takes on this worker, as two numbers fitted to what was measured, and a rehearsal that measures first.

A job that makes ``a`` seconds of audio takes ``fixed_cost_s + a / realtime_factor``: the text stage and the calls cost
about the same for one word as for ten, the decoder goes by the length of the audio.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.vocabulary import token_ids
from worker.engine.base import SAMPLE_RATE, Engine, EngineError, EngineJob
from worker.voices import StyleSource, VoicePackError

FORGETTING = 0.9
"""Weight of all earlier jobs against the newest: the last ten or so decide."""

MAX_SURPRISE = 3.0
"""A job that took so many times as long as expected, or so many times less, counts as if it had been just that."""

PRIOR_WEIGHT = 0.01
"""Holds the fixed cost where it is while jobs are all of one length and cannot tell it from the rest. In units of the
spread of 1 / audio_s: a short job and a long one together have 0.1."""

REHEARSED = (
    token_ids("ðə fˈɛɹi lˈivz."),
    token_ids("ðə fˈɛɹi lˈivz ðə hˈɑɹbəɹ æt sˈɛvən, lˈɔŋ bəfˈɔɹ ðə fˈɑɡ hæz lˈɪftəd."),
)
"""A short job and one of a sentence; real speech, since random ids make audio of odd lengths."""

REHEARSAL_JOBS = 6
REHEARSAL_S = 3.0
"""After so long no further job is begun, but one of each length is always measured."""


class Pace:
    """The running estimate. ``realtime_factor`` is 0 until a job has been measured."""

    def __init__(self) -> None:
        self.realtime_factor = 0.0
        self.fixed_cost_s = 0.0
        self._weight = self._sum_u = self._sum_v = self._sum_uu = self._sum_uv = 0.0

    def expected_s(self, audio_s: float) -> float:
        """Seconds that a job of so much audio takes; needs a measured job."""
        return self.fixed_cost_s + audio_s / self.realtime_factor

    def add(self, audio_s: float, took_s: float) -> None:
        """Take in a job, or a batch by its longest job: ``audio_s`` > 0 seconds of audio made in ``took_s``.

        A weighted least-squares line through v = took / audio over u = 1 / audio, so that short jobs and long ones
        count alike: its slope is the fixed cost, its height at u = 0 one over the realtime factor.
        """
        if self.realtime_factor:
            expected_s = self.expected_s(audio_s)
            took_s = min(max(took_s, expected_s / MAX_SURPRISE), expected_s * MAX_SURPRISE)
        u, v = 1 / audio_s, max(took_s, 1e-6) / audio_s
        self._weight = FORGETTING * self._weight + 1
        self._sum_u = FORGETTING * self._sum_u + u
        self._sum_v = FORGETTING * self._sum_v + v
        self._sum_uu = FORGETTING * self._sum_uu + u * u
        self._sum_uv = FORGETTING * self._sum_uv + u * v
        self._fit()

    def _fit(self) -> None:
        mean_u, mean_v = self._sum_u / self._weight, self._sum_v / self._weight
        spread = self._sum_uu - self._sum_u * mean_u
        together = self._sum_uv - self._sum_u * mean_v
        slope = (together + PRIOR_WEIGHT * self.fixed_cost_s) / (spread + PRIOR_WEIGHT)
        # Noise may make either number negative: at most nine tenths of the mean is fixed, and never less than nothing.
        self.fixed_cost_s = min(max(slope, 0.0), 0.9 * mean_v / mean_u)
        self.realtime_factor = 1 / (mean_v - self.fixed_cost_s * mean_u)


def rehearse(engine: Engine, packs: StyleSource, stopped: Callable[[], bool]) -> Pace:
    """Speak a few jobs of typical length and measure them; blocks for REHEARSAL_S and the job begun by then.

    Raises VoicePackError or EngineError if they cannot be spoken.
    """
    pace = Pace()
    ends = time.perf_counter() + REHEARSAL_S
    _timed(engine, packs, REHEARSED[0])  # the first run at a length still pays for memory
    for number in range(REHEARSAL_JOBS):
        if stopped() or (number >= len(REHEARSED) and time.perf_counter() > ends):
            break
        pace.add(*_timed(engine, packs, REHEARSED[(number + 1) % len(REHEARSED)]))
    return pace


def _timed(engine: Engine, packs: StyleSource, ids: tuple[int, ...]) -> tuple[float, float]:
    """Seconds of audio in a job, and seconds it took."""
    names = packs.names()
    if not names:
        raise VoicePackError("there are no voices")
    job = EngineJob(ids, packs.style([(names[0], 1.0)], len(ids)), speed=1.0, seed=0)
    started = time.perf_counter()
    [spoken] = engine.synthesise([job])
    took_s = time.perf_counter() - started
    if isinstance(spoken, EngineError):
        raise spoken
    return len(spoken.pcm) / SAMPLE_RATE, took_s
