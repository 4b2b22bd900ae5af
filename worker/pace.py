"""How long a job takes on this worker, as two numbers fitted to what was measured, and a rehearsal that measures first.

A job that makes ``a`` seconds of audio takes ``fixed_cost_s + a / realtime_factor``: the text stage and the calls cost
about the same for one word as for ten, the decoder goes by the length of the audio.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from shared.vocabulary import token_ids
from worker.engine.base import SAMPLE_RATE, Engine, EngineError, EngineJob
from worker.voices import StyleSource, VoicePackError

SMOOTHING = 0.2
"""Weight of the newest job."""

MAX_SURPRISE = 3.0
"""A job that took so many times as long as expected, or so many times less, counts as if it had been just that."""

REHEARSED = (
    token_ids("ðə fˈɛɹi lˈivz."),
    token_ids("ðə fˈɛɹi lˈivz ðə hˈɑɹbəɹ æt sˈɛvən, lˈɔŋ bəfˈɔɹ ðə fˈɑɡ hæz lˈɪftəd."),
)
"""A short job and one of a sentence; real speech, since random ids make audio of odd lengths."""

REHEARSAL_JOBS = 6
REHEARSAL_S = 3.0
"""After so long no further job is begun, but one of each length is always measured."""


class Job(NamedTuple):
    """A job as it was measured; both above 0."""

    audio_s: float
    took_s: float


class Pace:
    """The running estimate. ``realtime_factor`` is 0 until a job has been measured."""

    def __init__(self, realtime_factor: float = 0.0, fixed_cost_s: float = 0.0) -> None:
        self.realtime_factor = realtime_factor
        self.fixed_cost_s = fixed_cost_s

    @classmethod
    def fitted(cls, jobs: Sequence[Job]) -> Pace:
        """From jobs of two lengths, each measured a few times.

        The split into the two numbers comes from the fastest job of each length, since whatever else runs on the
        machine only ever adds time; how fast the worker is comes from them all.
        """
        fastest = [min(group, key=lambda job: job.took_s) for group in _by_length(jobs)]
        short, long = fastest[0], fastest[-1]
        per_audio_s = long.took_s / long.audio_s
        if long.audio_s > short.audio_s:
            # Noise may put either number below nothing: never more than all of the short job is fixed cost, or less.
            slope = (long.took_s - short.took_s) / (long.audio_s - short.audio_s)
            per_audio_s = min(max(slope, 0.1 * per_audio_s), per_audio_s)
        pace = cls(1 / per_audio_s, max(0.0, short.took_s - short.audio_s * per_audio_s))
        pace._slow_down(statistics.median(job.took_s / pace.expected_s(job.audio_s) for job in jobs))
        return pace

    def expected_s(self, audio_s: float) -> float:
        """Seconds that a job of so much audio takes; needs a measured job."""
        return self.fixed_cost_s + audio_s / self.realtime_factor

    def add(self, job: Job) -> None:
        """Take in a job that ran alone. Both numbers move alike: a busy machine slows down all."""
        if not self.realtime_factor:
            self.realtime_factor = job.audio_s / job.took_s
            return
        surprise = job.took_s / self.expected_s(job.audio_s)
        self._slow_down(min(max(surprise, 1 / MAX_SURPRISE), MAX_SURPRISE) ** SMOOTHING)

    def _slow_down(self, times: float) -> None:
        self.fixed_cost_s *= times
        self.realtime_factor /= times


def rehearse(engine: Engine, packs: StyleSource, stopped: Callable[[], bool]) -> Pace:
    """Speak a few jobs of typical length and measure them; blocks for REHEARSAL_S and the job begun by then.

    Raises VoicePackError or EngineError if they cannot be spoken.
    """
    jobs: list[Job] = []
    ends = time.perf_counter() + REHEARSAL_S
    _timed(engine, packs, REHEARSED[0])  # the first run at a length still pays for memory
    for number in range(REHEARSAL_JOBS):
        if stopped() or (number >= len(REHEARSED) and time.perf_counter() > ends):
            break
        jobs.append(_timed(engine, packs, REHEARSED[(number + 1) % len(REHEARSED)]))
    return Pace.fitted(jobs) if jobs else Pace()


def _by_length(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs in groups of equal length, shortest first."""
    ordered = sorted(jobs, key=lambda job: job.audio_s)
    return [list(group) for _, group in itertools.groupby(ordered, key=lambda job: job.audio_s)]


def _timed(engine: Engine, packs: StyleSource, ids: tuple[int, ...]) -> Job:
    names = packs.names()
    if not names:
        raise VoicePackError("there are no voices")
    job = EngineJob(ids, packs.style([(names[0], 1.0)], len(ids)), speed=1.0, seed=0)
    started = time.perf_counter()
    [spoken] = engine.synthesise([job])
    took_s = time.perf_counter() - started
    if isinstance(spoken, EngineError):
        raise spoken
    return Job(len(spoken.pcm) / SAMPLE_RATE, took_s)
