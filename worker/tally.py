"""What a worker says of itself, kept from batch to batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.streams import WorkerRecord
from worker.engine.base import SAMPLE_RATE, EngineError, Speech
from worker.pace import Job, Pace
from worker.scheduler import Scheduler

CAPACITY_SMOOTHING = 0.2
"""Weight of the newest batch in the published capacity."""


class Tally:
    """The worker's record, and its pace, of which the scheduler is told."""

    def __init__(self, record: WorkerRecord, scheduler: Scheduler) -> None:
        self.record = record
        self._scheduler = scheduler
        self._pace = Pace()

    def count(
        self,
        jobs_done: int = 0,
        jobs_cancelled: int = 0,
        jobs_expired: int = 0,
        jobs_failed: int = 0,
        jobs_interrupted: int = 0,
    ) -> None:
        """So many more."""
        self.record = replace(
            self.record,
            jobs_done=self.record.jobs_done + jobs_done,
            jobs_cancelled=self.record.jobs_cancelled + jobs_cancelled,
            jobs_expired=self.record.jobs_expired + jobs_expired,
            jobs_failed=self.record.jobs_failed + jobs_failed,
            jobs_interrupted=self.record.jobs_interrupted + jobs_interrupted,
        )

    def expected_s(self, audio_s: float) -> float | None:
        """Seconds that a job of so much audio takes this worker, or None while nothing has been measured."""
        return self._pace.expected_s(audio_s) if self._pace.realtime_factor else None

    def rehearsed(self, pace: Pace) -> None:
        """What was measured before the first job."""
        self._pace = pace
        self._record_pace(capacity=pace.realtime_factor)

    def measure(self, spoken: Sequence[Speech | EngineError], inference_ms: float) -> None:
        """Take in a batch."""
        audio_s = [len(speech.pcm) / SAMPLE_RATE for speech in spoken if isinstance(speech, Speech)]
        took_s = max(inference_ms / 1000, 1e-3)
        if not any(audio_s):
            return
        if len(audio_s) == 1:  # a batch says nothing of a job alone
            self._pace.add(Job(audio_s[0], took_s))
        newest = sum(audio_s) / took_s
        before = self.record.capacity or newest
        self._record_pace(before + CAPACITY_SMOOTHING * (newest - before))
        self.record = replace(self.record, audio_s=self.record.audio_s + sum(audio_s))

    def _record_pace(self, capacity: float) -> None:
        self._scheduler.measured(capacity)
        self.record = replace(
            self.record,
            capacity=round(capacity, 3),
            realtime_factor=round(self._pace.realtime_factor, 3),
            fixed_cost_s=round(self._pace.fixed_cost_s, 4),
        )
