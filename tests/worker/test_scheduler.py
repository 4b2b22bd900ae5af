"""Batching is pure policy: checked by properties."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.contract import ChunkJob, Lane
from shared.streams import Claimed
from worker.engine.base import Capabilities
from worker.scheduler import Scheduler

NOW_MS = 1_000_000


def claimed(number: int, lane: Lane, tokens: int, deadline_ms: int = NOW_MS + 1) -> Claimed:
    job = ChunkJob(
        request_id=f"r{number}",
        seq=0,
        reply_stream="tts:reply:g",
        token_ids=(1,) * tokens,
        voice=(("af_bella", 1.0),),
        speed=1.0,
        seed=0,
        deadline_ms=deadline_ms,
        lane=lane,
        tenant_id="",
    )
    return Claimed(f"{number}-0", lane, job)


jobs = st.lists(st.tuples(st.sampled_from(list(Lane)), st.integers(1, 510), st.booleans(), st.booleans()), max_size=40)


@given(jobs, st.integers(1, 8), st.integers(64, 2048))
def test_every_job_leaves_once_and_no_batch_is_over_budget(
    rows: list[tuple[Lane, int, bool, bool]], max_jobs: int, max_tokens: int
) -> None:
    scheduler = Scheduler(Capabilities(max_jobs, max_tokens, 0))
    items = [
        claimed(i, lane, tokens, NOW_MS if expired else NOW_MS + 1) for i, (lane, tokens, expired, _) in enumerate(rows)
    ]
    cancelled = {f"r{i}" for i, (_, _, _, is_cancelled) in enumerate(rows) if is_cancelled}
    scheduler.add(items)
    seen: list[Claimed] = []
    while scheduler:
        batch = scheduler.next_batch(NOW_MS, cancelled)
        lengths = [len(item.job.token_ids) for item in batch.jobs]
        assert len(batch.jobs) <= max_jobs
        assert len(batch.jobs) <= 1 or max(lengths) * len(lengths) <= max_tokens
        assert all(item.job.request_id in cancelled for item in batch.cancelled)
        assert all(item.job.deadline_ms <= NOW_MS for item in batch.expired)
        assert all(item.job.request_id not in cancelled and item.job.deadline_ms > NOW_MS for item in batch.jobs)
        taken = [*batch.jobs, *batch.cancelled, *batch.expired]
        assert taken, "a step must make progress"
        seen += taken
    assert sorted(item.entry_id for item in seen) == sorted(item.entry_id for item in items)


def test_urgent_goes_first_and_a_lane_keeps_its_order() -> None:
    scheduler = Scheduler(Capabilities(2, 1024, 0))
    scheduler.add([claimed(1, Lane.BATCH, 9), claimed(2, Lane.STANDARD, 9), claimed(3, Lane.STANDARD, 9)])
    scheduler.add([claimed(4, Lane.URGENT, 9)])
    first = scheduler.next_batch(NOW_MS, set())
    second = scheduler.next_batch(NOW_MS, set())
    assert [item.entry_id for item in first.jobs] == ["4-0", "2-0"]
    assert [item.entry_id for item in second.jobs] == ["3-0", "1-0"]


def test_a_job_alone_runs_however_long() -> None:
    scheduler = Scheduler(Capabilities(4, 64, 0))
    scheduler.add([claimed(1, Lane.STANDARD, 510)])
    assert len(scheduler.next_batch(NOW_MS, set()).jobs) == 1


def test_room_counts_what_waits() -> None:
    scheduler = Scheduler(Capabilities(4, 1024, 2))
    assert (scheduler.room, scheduler.prefetch_room) == (4, 2)
    scheduler.add([claimed(1, Lane.STANDARD, 9)] * 3)
    assert (scheduler.room, scheduler.prefetch_room) == (1, 0)
