"""Batching is pure policy: checked by properties."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contract import ChunkJob, Lane
from shared.streams import Claimed, Reader
from shared.streams.lanes import audio_ms
from worker.engine.base import Capabilities
from worker.scheduler import MAX_INTERRUPTIONS, MIN_SHARES, TURN_AUDIO_MS, Batch, Scheduler

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
    gone = {Reader(f"r{i}", "tts:reply:g") for i, (_, _, _, is_cancelled) in enumerate(rows) if is_cancelled}
    scheduler.add(items)
    seen: list[Claimed] = []
    while scheduler:
        batch = scheduler.next_batch(NOW_MS, gone)
        lengths = [len(item.job.token_ids) for item in batch.jobs]
        assert len(batch.jobs) <= max_jobs
        assert len(batch.jobs) <= 1 or max(lengths) * len(lengths) <= max_tokens
        assert all(item.reader in gone for item in batch.cancelled)
        assert all(item.job.deadline_ms <= NOW_MS for item in batch.expired)
        assert all(item.reader not in gone and item.job.deadline_ms > NOW_MS for item in batch.jobs)
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


def batches(scheduler: Scheduler, backlog: dict[Lane, deque[int]], rounds: int) -> Iterator[Batch]:
    """Claim and take ``rounds`` batches from lanes of jobs of these lengths, as a worker does."""
    number = 0
    for _ in range(rounds):
        room = scheduler.room
        wishes = scheduler.wishes(room)
        claimed_now: list[Claimed] = []
        for lane, most in wishes:
            for _ in range(min(most, room - len(claimed_now), len(backlog[lane]))):
                claimed_now.append(claimed(number, lane, backlog[lane].popleft()))
                number += 1
        scheduler.grant(wishes, claimed_now)
        yield scheduler.next_batch(NOW_MS, set())


def serve(scheduler: Scheduler, backlog: dict[Lane, deque[int]], rounds: int) -> list[Claimed]:
    """What runs in so many batches, in order."""
    return [item for batch in batches(scheduler, backlog, rounds) for item in batch.jobs]


def audio_of(jobs_run: list[Claimed], lane: Lane) -> int:
    return sum(audio_ms(item.job) for item in jobs_run if item.lane is lane)


LONGEST_MS = 1000 + 56 * 510
lengths = st.lists(st.integers(1, 510), min_size=1, max_size=10)


@settings(max_examples=15, deadline=None)
@given(lengths, lengths, lengths, st.integers(1, 8))
def test_lower_lanes_get_their_share_and_not_much_more(
    urgent: list[int], standard: list[int], batch: list[int], max_jobs: int
) -> None:
    # So much of everything that no lane ever runs dry.
    backlog = {lane: deque(some * 800) for lane, some in zip(Lane, (urgent, standard, batch), strict=True)}
    ran = serve(Scheduler(Capabilities(max_jobs, max_jobs * 512, 0)), backlog, rounds=100)
    total = sum(audio_of(ran, lane) for lane in Lane)
    # What is owed may reach a turn for each place in a batch before a lane has all of it, and a job over.
    slack = (max_jobs + 1) * (TURN_AUDIO_MS + LONGEST_MS)
    for lane, share in MIN_SHARES.items():
        assert audio_of(ran, lane) >= share * total - slack
        # What a lane is served without being owed it, as the lanes above have no job that still fits in, is not charged
        # to it: 0.065 of all audio at most in 1,500 random backlogs.
        assert audio_of(ran, lane) <= (share + 0.1) * total + slack


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([Lane.STANDARD, Lane.BATCH]), lengths, lengths)
def test_a_lane_that_was_idle_has_saved_nothing_up(lower: Lane, urgent: list[int], late: list[int]) -> None:
    scheduler = Scheduler(Capabilities(1, 512, 0))
    backlog: dict[Lane, deque[int]] = {lane: deque() for lane in Lane}
    backlog[Lane.URGENT] = deque(urgent * 200)
    serve(scheduler, backlog, rounds=150)
    backlog[lower] = deque(late * 200)
    ran = serve(scheduler, backlog, rounds=20)
    assert (
        audio_of(ran, lower)
        <= MIN_SHARES[lower] * sum(audio_of(ran, lane) for lane in Lane) + TURN_AUDIO_MS + LONGEST_MS
    )


@given(lengths, st.integers(1, 4))
def test_without_competition_any_lane_has_it_all_and_owes_nothing(batch: list[int], max_jobs: int) -> None:
    scheduler = Scheduler(Capabilities(max_jobs, max_jobs * 512, 0))
    backlog = {Lane.URGENT: deque[int](), Lane.STANDARD: deque[int](), Lane.BATCH: deque(batch)}
    expected = sum(audio_ms(claimed(0, Lane.BATCH, tokens).job) for tokens in batch)
    assert audio_of(serve(scheduler, backlog, rounds=len(batch)), Lane.BATCH) == expected
    backlog[Lane.URGENT].append(100)
    backlog[Lane.BATCH].append(100)
    assert serve(scheduler, backlog, rounds=1)[0].lane is Lane.URGENT


def test_what_is_preferred_goes_first_until_a_turn_is_owed() -> None:
    backlog = {Lane.URGENT: deque([100] * 50), Lane.STANDARD: deque([100] * 50), Lane.BATCH: deque[int]()}
    order = [item.lane for item in serve(Scheduler(Capabilities(1, 512, 0)), backlog, rounds=40)]
    assert order[:7] == [Lane.URGENT] * 7
    assert 6 <= order.count(Lane.STANDARD) <= 10


def test_a_batch_takes_no_longer_than_it_may_and_grows_with_the_engine() -> None:
    scheduler = Scheduler(Capabilities(8, 8 * 512, 4), max_batch_s=0.3)
    scheduler.add(claimed(number, Lane.STANDARD, 250) for number in range(40))
    sizes = []
    for capacity in (1.0, 100.0, 150.0, 10_000.0):
        scheduler.measured(capacity)
        sizes.append(len(scheduler.next_batch(NOW_MS, ()).jobs))
    assert sizes == [1, 2, 3, 8]


def test_a_worker_holds_no_more_than_its_next_batch() -> None:
    scheduler = Scheduler(Capabilities(8, 8 * 512, 4), max_batch_s=0.3)
    scheduler.add([claimed(0, Lane.STANDARD, 250)])
    scheduler.measured(150.0)
    assert (scheduler.room, scheduler.prefetch_room) == (2, 2)
    scheduler.clear()
    assert (scheduler.room, scheduler.prefetch_room) == (3, 3)


@given(st.lists(st.tuples(st.sampled_from(list(Lane)), st.integers(0, 2)), min_size=1, max_size=30))
def test_whatever_a_worker_died_over_runs_alone_and_all_else_in_batches(rows: list[tuple[Lane, int]]) -> None:
    scheduler = Scheduler(Capabilities(8, 10_000, 0))
    items = [replace(claimed(i, lane, 5), deaths=deaths) for i, (lane, deaths) in enumerate(rows)]
    scheduler.add(items)
    batches = []
    while scheduler:
        batches.append(scheduler.next_batch(NOW_MS, ()).jobs)
    assert all(len(batch) == 1 for batch in batches if any(item.deaths for item in batch))
    assert sorted(item.entry_id for batch in batches for item in batch) == sorted(item.entry_id for item in items)
    suspects = sum(deaths > 0 for _, deaths in rows)
    assert all(batch[0].deaths for batch in batches[:suspects]), "no suspect waits behind others"
    assert len(batches) == suspects + -(-(len(rows) - suspects) // 8)


def test_a_suspect_that_nobody_waits_for_makes_way() -> None:
    scheduler = Scheduler(Capabilities(8, 10_000, 0))
    gone, late = (replace(claimed(i, Lane.STANDARD, 5), deaths=1) for i in range(2))
    late = replace(late, job=replace(late.job, deadline_ms=NOW_MS))
    scheduler.add([gone, late, claimed(2, Lane.STANDARD, 5)])
    batch = scheduler.next_batch(NOW_MS, {gone.reader})
    assert (batch.cancelled, batch.expired) == ([gone], [late])
    assert [item.entry_id for item in batch.jobs] == ["2-0"]
    assert not scheduler


def test_what_is_held_ahead_leaves_room_for_what_is_urgent() -> None:
    scheduler = Scheduler(Capabilities(4, 4 * 512, 4))
    scheduler.add(claimed(number, Lane.STANDARD, 100) for number in range(4))
    assert scheduler.wishes(scheduler.room) == [(Lane.URGENT, 4), (Lane.STANDARD, 0), (Lane.BATCH, 0)]
    scheduler.add([claimed(9, Lane.URGENT, 20)])
    assert scheduler.wishes(scheduler.room)[0] == (Lane.URGENT, 3)
    assert scheduler.next_batch(NOW_MS, ()).jobs[0].lane is Lane.URGENT


def test_what_is_interrupted_goes_first_in_its_lane_and_in_the_end_runs_through() -> None:
    scheduler = Scheduler(Capabilities(1, 512, 0))
    scheduler.add([claimed(1, Lane.BATCH, 9), claimed(2, Lane.BATCH, 9)])
    for _ in range(MAX_INTERRUPTIONS):
        batch = scheduler.next_batch(NOW_MS, set())
        assert [item.entry_id for item in batch.jobs] == ["1-0"]
        assert batch.gives_way
        scheduler.put_back(batch)
    assert len(scheduler) == 2
    stubborn, fresh = (scheduler.next_batch(NOW_MS, set()) for _ in range(2))
    assert [item.entry_id for item in stubborn.jobs] == ["1-0"]
    assert not stubborn.gives_way
    assert fresh.gives_way


def test_a_batch_that_somebody_listens_to_does_not_give_way() -> None:
    scheduler = Scheduler(Capabilities(4, 512, 0))
    scheduler.add([claimed(1, Lane.BATCH, 9), claimed(2, Lane.STANDARD, 9)])
    assert not scheduler.next_batch(NOW_MS, set()).gives_way


def test_a_lane_that_takes_the_turn_it_is_owed_does_not_give_way() -> None:
    scheduler = Scheduler(Capabilities(1, 512, 0))
    backlog = {Lane.URGENT: deque([200] * 400), Lane.STANDARD: deque[int](), Lane.BATCH: deque([200] * 400)}
    turns = [batch for batch in batches(scheduler, backlog, 100) if batch.jobs[0].lane is Lane.BATCH]
    assert turns
    assert not any(turn.gives_way for turn in turns)


@given(st.lists(st.sampled_from(list(Lane)), min_size=1, max_size=30), st.integers(1, 4))
def test_interruptions_leave_the_shares_as_they_were(lanes: list[Lane], max_jobs: int) -> None:
    items = [claimed(number, lane, 200) for number, lane in enumerate(lanes)]
    smooth, interrupted = (Scheduler(Capabilities(max_jobs, 2048, 0)) for _ in range(2))
    smooth.add(items)
    interrupted.add(items)
    while smooth:
        batch = interrupted.next_batch(NOW_MS, set())
        if batch.gives_way:
            interrupted.put_back(batch)
            batch = interrupted.next_batch(NOW_MS, set())
        expected = smooth.next_batch(NOW_MS, set())
        assert [item.entry_id for item in batch.jobs] == [item.entry_id for item in expected.jobs]


def test_standard_jobs_wait_for_no_second_batch_either() -> None:
    scheduler = Scheduler(Capabilities(1, 512, 1))
    scheduler.add([claimed(1, Lane.BATCH, 9)])
    assert scheduler.room == 0
    assert scheduler.wishes(0) == [(Lane.URGENT, 1), (Lane.STANDARD, 1), (Lane.BATCH, 0)]
    scheduler.add([claimed(2, Lane.STANDARD, 9)])
    assert scheduler.wishes(0) == [(Lane.URGENT, 1), (Lane.STANDARD, 0), (Lane.BATCH, 0)]
