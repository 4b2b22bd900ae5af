"""Batch runners go, in the middle of their work, with and without a word: every line comes to one result."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai.types import Batch
from openai.types.webhooks import BatchCompletedWebhookEvent

from tests.batch_service import BatchService, line, running_batch_service
from tests.conftest import wait_until
from tests.webhooks.receiver import SECRET, WEBHOOKS, Received, running_receiver

pytestmark = pytest.mark.chaos

LINES, BAD = 200, {17, 60, 101, 150, 199}
ENVIRONMENT = {"FAKE_SPEED_FACTOR": "60", "BATCH_CONCURRENCY": "4", "HEARTBEAT_S": "1", **WEBHOOKS}


@pytest.fixture
def batches(tmp_path: Path) -> Iterator[BatchService]:
    with running_batch_service(tmp_path, ENVIRONMENT, runners=2) as running:
        yield running


def text(number: int) -> str:
    return f"This is line number {number} of a file that two runners share, until one of them is gone."


def num_done(batch: Batch) -> int:
    assert batch.request_counts is not None
    return batch.request_counts.completed


def test_a_runner_is_killed_in_the_middle_of_200_lines_of_which_5_are_bad(batches: BatchService) -> None:
    lines = [line(str(number), text(number), voice="nobody" if number in BAD else "af_sky") for number in range(LINES)]
    with running_receiver() as receiver:
        begun = batches.begin(lines, extra_body={"webhook_url": receiver.url})
        batches.wait(begun.id, lambda batch: num_done(batch) >= LINES // 4)
        batches.runners[0].kill()
        killed = time.monotonic()
        ended = batches.wait(begun.id, timeout_s=120)
        wait_until(lambda: bool(receiver.received), "the webhook", 30)
    check_webhook(batches, begun.id, receiver.received)
    counts = ended.request_counts
    assert counts is not None
    assert (ended.status, counts.total, counts.completed, counts.failed) == ("completed", 200, 195, 5)
    done, failed = batches.lines_of(ended.output_file_id), batches.lines_of(ended.error_file_id)
    good = [str(number) for number in range(LINES) if number not in BAD]
    assert [each["custom_id"] for each in done] == good
    assert [each["custom_id"] for each in failed] == [str(number) for number in sorted(BAD)]
    assert {each["response"]["body"]["error"]["code"] for each in failed} == {"voice_not_found"}
    check_audio(batches, [each["response"]["body"]["file_id"] for each in done], good)
    spoken = batches.service.counters()["jobs_done"]
    print(f"\n195 files, 5 errors; ended {time.monotonic() - killed:.1f} s after the kill; {spoken:.0f} chunks spoken")


def check_webhook(batches: BatchService, batch_id: str, received: list[Received]) -> None:
    """It came once, and OpenAI's own code finds it to be genuine."""
    [got] = received
    event = batches.client.webhooks.unwrap(got.body, got.headers, secret=SECRET)
    assert isinstance(event, BatchCompletedWebhookEvent)
    assert event.data.id == batch_id


def check_audio(batches: BatchService, file_ids: list[str], custom_ids: list[str]) -> None:
    """Each line has a file of its own that is what it says, and there are no others."""
    known = Counter(file.id for file in batches.client.files.list(purpose="batch_output"))
    assert set(known.values()) == {1}
    assert len(known) == len(set(file_ids)) + 2
    assert set(file_ids) <= set(known)
    for file_id, custom_id in list(zip(file_ids, custom_ids, strict=True))[::20]:
        expected = batches.service.speak(text(int(custom_id)), voice="af_sky", stream=False)
        assert batches.client.files.content(file_id).content == expected.content
    assert all(batches.client.files.retrieve(file_id).bytes > 1000 for file_id in file_ids[::10])


def test_all_runners_die_and_the_next_one_goes_on(batches: BatchService) -> None:
    begun = batches.begin([line(str(number), text(number)) for number in range(80)])
    batches.wait(begun.id, lambda batch: num_done(batch) >= 20)
    for runner in batches.runners:
        runner.kill()
    done = num_done(batches.client.batches.retrieve(begun.id))
    assert 20 <= done < 80
    batches.start_runner()
    wait_until(lambda: num_done(batches.client.batches.retrieve(begun.id)) > done, "the next one to go on", 15)
    ended = batches.wait(begun.id, timeout_s=60)
    assert (ended.status, num_done(ended)) == ("completed", 80)


def test_a_runner_that_is_told_to_go_gives_back_what_it_has(batches: BatchService) -> None:
    leaver = batches.start_runner(BATCH_DRAIN_TIMEOUT_S="0.1")
    begun = batches.begin([line(str(number), text(number) * 10) for number in range(40)])
    batches.wait(begun.id, lambda batch: num_done(batch) >= 5)
    assert leaver.terminate() == 0
    ended = batches.wait(begun.id, timeout_s=120)
    assert (ended.status, num_done(ended)) == ("completed", 40)
