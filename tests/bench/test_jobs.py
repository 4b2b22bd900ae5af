"""The list of jobs: mixed as promised, and the same everywhere."""

from __future__ import annotations

import hashlib
import statistics

from hypothesis import given
from hypothesis import strategies as st

from bench.jobs import MAX_TOKENS, MIN_TOKENS, VOICES, BenchJob, batches, bench_jobs, padding_waste
from shared.contract import ChunkJob, Lane
from shared.streams import Claimed
from shared.vocabulary import SYMBOL_IDS
from worker.engine.base import Capabilities
from worker.scheduler import Scheduler


def test_the_list_never_changes() -> None:
    """Figures in the log are only comparable while this holds; a new list is a new benchmark."""
    jobs = [(job.token_ids, job.voice, job.speed, job.seed) for job in bench_jobs(512)]
    assert hashlib.sha256(repr(jobs).encode()).hexdigest()[:16] == "87dfd5ec5e017a79"


def test_a_shorter_list_is_the_beginning_of_a_longer_one() -> None:
    assert bench_jobs(24) == bench_jobs(512)[:24]
    assert bench_jobs(24, seed=1) != bench_jobs(24)


def test_lengths_voices_and_speeds_are_mixed() -> None:
    jobs = bench_jobs(512)
    lengths = [len(job.token_ids) for job in jobs]
    assert MIN_TOKENS <= min(lengths) < MIN_TOKENS + 10
    assert 400 < max(lengths) <= MAX_TOKENS
    assert 140 <= statistics.mean(lengths) <= 160
    assert {job.voice for job in jobs} == set(VOICES)
    assert len(VOICES) == 8
    assert 0.8 <= min(job.speed for job in jobs) < 0.85
    assert 1.25 < max(job.speed for job in jobs) <= 1.3


def test_every_job_is_phonemes_that_end_in_a_stop() -> None:
    jobs = bench_jobs(512)
    assert {token for job in jobs for token in job.token_ids} <= set(SYMBOL_IDS.values())
    assert {job.token_ids[-1] for job in jobs} == {SYMBOL_IDS["."]}


@given(st.lists(st.integers(1, 510), min_size=1, max_size=60), st.integers(1, 16), st.integers(64, 4096))
def test_batches_are_the_schedulers(lengths: list[int], max_jobs: int, max_tokens: int) -> None:
    limits = Capabilities(max_jobs, max_tokens, prefetch_jobs=0)
    jobs = [BenchJob((1,) * tokens, "af_heart", 1.0, number) for number, tokens in enumerate(lengths)]
    scheduler = Scheduler(limits)
    scheduler.add(_claimed(job) for job in jobs)
    for batch in batches(jobs, limits):
        assert [claimed.job.seed for claimed in scheduler.next_batch(0, ()).jobs] == [job.seed for job in batch]
    assert not scheduler


def test_padding_waste_counts_what_is_padded() -> None:
    short, long = BenchJob((1,) * 10, "af_heart", 1.0, 0), BenchJob((1,) * 30, "af_heart", 1.0, 1)
    assert padding_waste([[short], [long]]) == 1.0
    assert padding_waste([[short, long]]) == 1.5


def _claimed(job: BenchJob) -> Claimed:
    chunk = ChunkJob(
        request_id=f"r{job.seed}",
        seq=0,
        reply_stream="tts:reply:g",
        token_ids=job.token_ids,
        voice=((job.voice, 1.0),),
        speed=job.speed,
        seed=job.seed,
        deadline_ms=1,
        lane=Lane.STANDARD,
        tenant_id="",
    )
    return Claimed(f"{job.seed}-0", Lane.STANDARD, chunk)
