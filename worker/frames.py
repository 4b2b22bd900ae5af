"""A chunk's sound in pieces for the wire."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from shared.contract import AudioFrame, ChunkJob, ChunkTimings
from worker.engine.base import SAMPLE_RATE, Speech

FRAME_MAX_SAMPLES = 5 * SAMPLE_RATE
"""Samples in one frame: 240 kB keeps Redis and the gateway's reads smooth."""


def frames_of(
    job: ChunkJob, speech: Speech, timings: ChunkTimings, batch_size: int, worker_id: str
) -> Iterator[AudioFrame]:
    """The frames of one run of ``job``, at least one, with the durations on the last."""
    attempt = uuid.uuid4().hex
    starts = range(0, max(1, len(speech.pcm)), FRAME_MAX_SAMPLES)
    for part, start in enumerate(starts):
        last = part == len(starts) - 1
        yield AudioFrame(
            request_id=job.request_id,
            seq=job.seq,
            attempt=attempt,
            part=part,
            last=last,
            pcm=speech.pcm[start : start + FRAME_MAX_SAMPLES].astype("<i2").tobytes(),
            sample_rate=SAMPLE_RATE,
            durations=tuple(speech.durations.tolist()) if last else (),
            timings=timings,
            batch_size=batch_size,
            worker_id=worker_id,
        )
