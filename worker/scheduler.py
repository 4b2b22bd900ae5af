"""Which jobs run together, and when. Pure policy: no Redis, no engine, no clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.contract import Lane
from shared.streams import Claimed, Reader
from shared.streams.lanes import audio_ms
from worker.engine.base import Capabilities

MIN_SHARES = {Lane.STANDARD: 0.25, Lane.BATCH: 0.05}
"""Of the worker's time, what a lane gets while it has work, whatever waits above it."""

MAX_BATCH_S = 0.3
"""How long a batch should take at the most: whoever is urgent waits for its end, but where it can be interrupted."""

COST_SMOOTHING = 0.1
"""Weight of the newest job in what jobs cost on average."""

TURN_AUDIO_MS = 15_000
"""A lower lane goes first once it is owed so much, about a chunk: until then the lanes above have what they want."""

MAX_INTERRUPTIONS = 3
"""A job that has been begun so often is let run to its end: what is spoken for nothing has a bound."""


@dataclass(slots=True)
class Batch:
    """Jobs to run together, and those that shall not run at all."""

    jobs: list[Claimed] = field(default_factory=list)
    cancelled: list[Claimed] = field(default_factory=list)
    expired: list[Claimed] = field(default_factory=list)
    is_owed: bool = False
    """Whether a lower lane's turn is in it, which the lanes above cannot take away."""

    @property
    def gives_way(self) -> bool:
        """Whether to interrupt it for who is urgent: nobody listens to any of it yet."""
        return not self.is_owed and all(
            item.lane is Lane.BATCH and item.interruptions < MAX_INTERRUPTIONS for item in self.jobs
        )

    @property
    def audio_s(self) -> float:
        """About how much audio it makes."""
        return sum(audio_ms(item.job) for item in self.jobs) / 1000


class Scheduler:
    """Holds claimed jobs by lane and forms batches by padded cost: longest job times number of jobs.

    Higher lanes go first, but each lower one is credited with its share of all audio that others make (as in deficit
    round-robin). When a turn's worth has gathered it goes first itself, and if it then has no work it loses what it was
    owed: nothing is saved up while idle.

    A job that a worker died over runs alone, so that others need not die with it, nor be blamed; and before all
    else: it has waited since before that death, and would stand in the way of its lane's batches.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        min_shares: Mapping[Lane, float] | None = None,
        max_batch_s: float = MAX_BATCH_S,
    ) -> None:
        self._capabilities = capabilities
        self._min_shares = MIN_SHARES if min_shares is None else min_shares
        self._max_batch_s = max_batch_s
        self._max_jobs = capabilities.max_batch_jobs
        self._mean_cost_ms = float(TURN_AUDIO_MS)
        self._owed: dict[Lane, float] = dict.fromkeys(Lane, 0.0)
        self._waiting: dict[Lane, deque[Claimed]] = {lane: deque() for lane in Lane}
        self._suspects: deque[Claimed] = deque()

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues)

    @property
    def _queues(self) -> list[deque[Claimed]]:
        return [self._suspects, *self._waiting.values()]

    @property
    def max_jobs(self) -> int:
        """How many jobs the next batch may hold."""
        return self._max_jobs

    @property
    def room(self) -> int:
        """How many more jobs to claim while no batch runs."""
        return max(0, self._max_jobs - len(self))

    def measured(self, capacity: float) -> None:
        """Take in how many audio seconds a second the engine makes: a batch is as large as fits MAX_BATCH_S, one job at
        least. What larger batches gain in speed comes back here, so that they grow until they take so long.
        """
        fitting = int(capacity * self._max_batch_s * 1000 / self._mean_cost_ms)
        self._max_jobs = min(max(1, fitting), self._capabilities.max_batch_jobs)

    @property
    def prefetch_room(self) -> int:
        """How many more jobs to claim while a batch runs."""
        return max(0, min(self._capabilities.prefetch_jobs, self._max_jobs) - len(self))

    @property
    def readers(self) -> set[Reader]:
        """Those who wait for the jobs here."""
        return {claimed.reader for queue in self._queues for claimed in queue}

    def wishes(self, room: int) -> list[tuple[Lane, int]]:
        """Lanes in the order to claim from, each with how many jobs to take of it at the most.

        ``room`` in all, but of urgent and of standard jobs always as many as the next batch can hold: what was claimed
        ahead of it must not keep them waiting for another batch.
        """
        due: list[tuple[Lane, int]] = []
        for lane in self._due():
            # A batch of many jobs has room for many of ours: one a turn owed, so that long arrears bring more.
            if most := min(room - sum(count for _, count in due), int(self._owed[lane] // TURN_AUDIO_MS)):
                due.append((lane, most))
        urgent = self._max_jobs - len(self._waiting[Lane.URGENT])
        standard = urgent - len(self._waiting[Lane.STANDARD])
        return [*due, (Lane.URGENT, max(room, urgent)), (Lane.STANDARD, max(room, standard)), (Lane.BATCH, room)]

    def grant(self, wishes: Sequence[tuple[Lane, int]], claimed: Sequence[Claimed]) -> None:
        """Add what a claim of these ``wishes`` brought. A lane that was due and had nothing is owed nothing."""
        self.add(claimed)
        for lane, _ in wishes[: -len(Lane)]:
            if not self._waiting[lane]:
                self._owed[lane] = 0.0

    def clear(self) -> None:
        """Forget all jobs, but not what was measured."""
        for queue in self._queues:
            queue.clear()

    def add(self, claimed: Iterable[Claimed]) -> None:
        for item in claimed:
            (self._suspects if item.deaths else self._waiting[item.lane]).append(item)
            self._mean_cost_ms += COST_SMOOTHING * (audio_ms(item.job) - self._mean_cost_ms)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody who cannot wait has a job here."""
        return bool(self._waiting[Lane.URGENT])

    def put_back(self, batch: Batch) -> None:
        """Take in again what was begun and interrupted; it goes first in its lane, and the others are owed
        nothing for it."""
        for item in reversed(batch.jobs):
            queue = self._suspects if item.deaths else self._waiting[item.lane]
            queue.appendleft(replace(item, interruptions=item.interruptions + 1))
            self._credit_others(item.lane, -audio_ms(item.job))

    def next_batch(self, now_ms: int, gone: Collection[Reader]) -> Batch:
        """Take the next batch, highest lane first. ``gone`` are readers who wait no more."""
        batch = Batch()
        while self._suspects and not batch.jobs:
            self._take(self._suspects, batch, now_ms, gone)
        longest = 0
        lanes = [] if batch.jobs else list(Lane)
        while (lane := self._next_lane(lanes)) is not None:
            queue = self._waiting[lane]
            length = max(longest, len(queue[0].job.token_ids))
            if self._fits(batch, length) or not _is_live(queue[0], now_ms, gone):
                if self._take(queue, batch, now_ms, gone):
                    longest = length
            else:
                lanes.remove(lane)  # order within a lane is kept: the head goes first in the next batch
        return batch

    def _take(self, queue: deque[Claimed], batch: Batch, now_ms: int, gone: Collection[Reader]) -> bool:
        """Move the queue's head to where it belongs in the batch; whether that is among what runs."""
        claimed = queue.popleft()
        if _is_live(claimed, now_ms, gone):
            batch.jobs.append(claimed)
            batch.is_owed |= self._account(claimed.lane, audio_ms(claimed.job))
            return True
        (batch.cancelled if claimed.reader in gone else batch.expired).append(claimed)
        return False

    def _next_lane(self, lanes: Sequence[Lane]) -> Lane | None:
        return next((lane for lane in [*self._due(), *Lane] if lane in lanes and self._waiting[lane]), None)

    def _due(self) -> list[Lane]:
        """Lanes that are owed a turn, the one that is owed most first."""
        due = [lane for lane in Lane if self._owed[lane] >= TURN_AUDIO_MS]
        return sorted(due, key=lambda lane: -self._owed[lane])

    def _account(self, served: Lane, cost_ms: int) -> bool:
        """Note what was served; whether that was a turn owed."""
        was_owed = self._owed[served] >= TURN_AUDIO_MS
        if was_owed:
            self._owed[served] -= cost_ms
        self._credit_others(served, cost_ms)
        return was_owed

    def _credit_others(self, served: Lane, cost_ms: int) -> None:
        for lane, share in self._min_shares.items():
            if lane is not served:
                self._owed[lane] += cost_ms * share / (1 - share)

    def _fits(self, batch: Batch, longest: int) -> bool:
        count = len(batch.jobs) + 1
        if count == 1:
            return True  # whatever its length, a job alone must be able to run
        limits = self._capabilities
        return count <= self._max_jobs and longest * count <= limits.max_batch_tokens


def _is_live(claimed: Claimed, now_ms: int, gone: Collection[Reader]) -> bool:
    return claimed.reader not in gone and claimed.job.deadline_ms > now_ms
