"""The queue goes away in the middle of a batch, and comes back: every line comes to one result all the same."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from openai import InternalServerError

from tests.batch_service import BatchService, line, running_batch_service

pytestmark = pytest.mark.chaos

LINES = 150
AWAY_S = 8.0
"""Longer than a lease, and than the calls to Redis wait."""

ENVIRONMENT = {"FAKE_SPEED_FACTOR": "60", "BATCH_CONCURRENCY": "4", "HEARTBEAT_S": "1"}


def test_the_queue_is_away_for_a_while(tmp_path: Path) -> None:
    with running_batch_service(tmp_path, ENVIRONMENT, durable=True) as batches:
        texts = [f"This is line number {number}, and the queue may go at any moment." for number in range(LINES)]
        begun = batches.begin([line(str(number), text) for number, text in enumerate(texts)])
        batches.wait(begun.id, lambda batch: bool(batch.request_counts and batch.request_counts.completed >= 20))
        before = memory_of(batches)
        batches.queue.stop()
        with pytest.raises(InternalServerError) as caught:
            batches.client.batches.retrieve(begun.id)
        assert caught.value.status_code == 503
        time.sleep(AWAY_S)
        batches.queue.start()
        batches.service.wait_ready()
        ended = batches.wait(begun.id, timeout_s=120)
        assert ended.request_counts is not None
        assert (ended.status, ended.request_counts.completed) == ("completed", LINES)
        written = batches.lines_of(ended.output_file_id)
        assert [each["custom_id"] for each in written] == [str(number) for number in range(LINES)]
        assert len({each["response"]["body"]["file_id"] for each in written}) == LINES
        print(f"\nthe runner's memory: {before:.0f} MB at 20 lines, {memory_of(batches):.0f} MB at {LINES}")
        assert batches.runners[0].terminate() == 0


def memory_of(batches: BatchService) -> float:
    return psutil.Process(batches.runners[0].process.pid).memory_info().rss / 1e6
