"""Puts the frames of one request in order, each chunk exactly once. Pure: no Redis, no waiting."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.contract import AudioFrame, ChunkTimings


@dataclass(frozen=True, slots=True)
class SpokenChunk:
    """A whole chunk: pcm is s16le mono, durations are units of 25 ms per token with the boundary tokens."""

    seq: int
    pcm: bytes
    sample_rate: int
    durations: tuple[int, ...]
    timings: ChunkTimings
    worker_id: str
    is_cached: bool | None = None
    """Whether it came from the cache; None where the cache was not asked."""


@dataclass(slots=True)
class _Attempt:
    """The parts of one run of a job, as far as they have come."""

    parts: dict[int, AudioFrame] = field(default_factory=dict)
    last: AudioFrame | None = None

    def add(self, frame: AudioFrame) -> None:
        self.parts[frame.part] = frame
        if frame.last:
            self.last = frame

    def whole(self) -> SpokenChunk | None:
        if self.last is None or len(self.parts) != self.last.part + 1:
            return None
        last = self.last
        pcm = b"".join(self.parts[part].pcm for part in range(last.part + 1))
        return SpokenChunk(last.seq, pcm, last.sample_rate, last.durations, last.timings, last.worker_id)


class Reorder:
    """Takes frames in any order and any number of times; gives whole chunks by sequence number, once.

    A job may run more than once, when a worker dies or is taken for dead. The first run to be whole wins; parts of
    different runs never mix.
    """

    def __init__(self) -> None:
        self._next_seq = 0
        self._attempts: dict[int, dict[str, _Attempt]] = {}
        self._whole: dict[int, SpokenChunk] = {}

    def add(self, frame: AudioFrame) -> None:
        """Take a frame; one of a chunk that is whole already is dropped."""
        if frame.seq < self._next_seq or frame.seq in self._whole:
            return
        attempt = self._attempts.setdefault(frame.seq, {}).setdefault(frame.attempt, _Attempt())
        attempt.add(frame)
        if spoken := attempt.whole():
            self._whole[frame.seq] = spoken
            del self._attempts[frame.seq]

    def pop(self) -> SpokenChunk | None:
        """The next chunk in order, if it is here."""
        spoken = self._whole.pop(self._next_seq, None)
        if spoken is not None:
            self._next_seq += 1
        return spoken
