"""Which jobs run together, and when. Pure policy: no Redis, no engine, no clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from shared.contract import Lane
from shared.streams import Claimed
from worker.engine.base import Capabilities


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs to run together, and those that shall not run at all."""

    jobs: list[Claimed] = field(default_factory=list)
    cancelled: list[Claimed] = field(default_factory=list)
    expired: list[Claimed] = field(default_factory=list)


class Scheduler:
    """Holds claimed jobs by lane and forms batches by padded cost: longest job times number of jobs."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self._waiting: dict[Lane, deque[Claimed]] = {lane: deque() for lane in Lane}

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._waiting.values())

    @property
    def room(self) -> int:
        """How many more jobs to claim while no batch runs."""
        return max(0, self._capabilities.max_batch_jobs - len(self))

    @property
    def prefetch_room(self) -> int:
        """How many more jobs to claim while a batch runs."""
        return max(0, self._capabilities.prefetch_jobs - len(self))

    @property
    def request_ids(self) -> set[str]:
        """Requests that have a job here."""
        return {claimed.job.request_id for queue in self._waiting.values() for claimed in queue}

    def add(self, claimed: Iterable[Claimed]) -> None:
        for item in claimed:
            self._waiting[item.lane].append(item)

    def next_batch(self, now_ms: int, cancelled: Collection[str]) -> Batch:
        """Take the next batch, highest lane first. ``cancelled`` are request ids that nobody waits for."""
        batch = Batch()
        longest = 0
        for queue in self._waiting.values():
            while queue:
                claimed = queue[0]
                if claimed.job.request_id in cancelled:
                    batch.cancelled.append(queue.popleft())
                elif claimed.job.deadline_ms <= now_ms:
                    batch.expired.append(queue.popleft())
                elif self._fits(batch, max(longest, len(claimed.job.token_ids))):
                    longest = max(longest, len(claimed.job.token_ids))
                    batch.jobs.append(queue.popleft())
                else:
                    break  # order within a lane is kept: the head goes first in the next batch
        return batch

    def _fits(self, batch: Batch, longest: int) -> bool:
        count = len(batch.jobs) + 1
        if count == 1:
            return True  # whatever its length, a job alone must be able to run
        limits = self._capabilities
        return count <= limits.max_batch_jobs and longest * count <= limits.max_batch_tokens
