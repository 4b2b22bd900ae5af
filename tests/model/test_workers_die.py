"""Real workers are killed in the middle of real speech: a Whisper hears every word all the same."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest

from bench.ears import Ears, word_errors, words
from tests.chaos.test_workers_die import works
from tests.conftest import Service, running_service, running_valkey, wait_until
from tests.model.ears import decode
from tests.model.test_round_trip import SENTENCES

pytestmark = pytest.mark.model

STREAMS = 4
WORKERS = 2
KILLS = 3
KILL_EVERY_S = 10.0
MAX_WORD_ERROR_RATE = 0.05
ENVIRONMENT = {
    "ENGINE": "onnx",
    "HEARTBEAT_S": "1",
    "ONNX_NUM_THREADS": "1",
    "MAX_QUEUE_WAIT_S": "600",
}
TEXTS = [" ".join(SENTENCES[start : start + 5]) for start in range(0, 5 * STREAMS, 5)]
REQUESTS = [(text, number % 2 == 0) for number, text in enumerate(TEXTS)]
"""What is asked for at a time, and whether as a stream."""


async def hear(url: str, text: str, *, stream: bool) -> bytes:
    body = {"input": text, "response_format": "pcm", "stream": stream}
    async with httpx.AsyncClient(timeout=300, trust_env=False) as client:
        answer = await client.post(f"{url}/v1/audio/speech", json=body)
    assert answer.status_code == 200, answer.text
    return answer.content


async def kill_one_after_the_other(service: Service) -> None:
    """Each has its successor first, so that there is always somebody."""
    for number in range(KILLS):
        began = time.monotonic()
        successor = await asyncio.to_thread(service.start_worker)
        await asyncio.to_thread(wait_until, partial(works, service, successor), "a successor", 120)
        await asyncio.sleep(max(0.0, KILL_EVERY_S - (time.monotonic() - began)))
        await asyncio.to_thread(service.workers[number].kill)


async def test_what_is_heard_of_killed_workers_is_nothing(tmp_path: Path, ears: Ears) -> None:
    with running_valkey() as server, running_service(server.url, tmp_path, ENVIRONMENT, workers=WORKERS) as running:
        killing = asyncio.create_task(kill_one_after_the_other(running))
        rounds: list[list[bytes]] = []
        while not killing.done() or not rounds:
            rounds.append(await asyncio.gather(*(hear(running.url, text, stream=stream) for text, stream in REQUESTS)))
        await killing
    errors = total = 0
    for (text, _), audio in [pair for each in rounds for pair in zip(REQUESTS, each, strict=True)]:
        heard = ears.hear(decode(audio, "pcm"))
        errors += word_errors(words(text), words(heard))
        total += len(words(text))
    print(f"\n{KILLS} kills, {len(rounds) * STREAMS} answers: word error rate {errors / total:.2%} over {total} words")
    assert errors / total <= MAX_WORD_ERROR_RATE
    # A stream is cut as the pace of the workers has it. What is not one is cut alike each time, and spoken alike by
    # whoever does it: no sample more or less.
    for each in rounds[1:]:
        for (_, stream), first, again in zip(REQUESTS, rounds[0], each, strict=True):
            if not stream:
                assert len(again) == len(first)
                assert np.abs(np.frombuffer(again, "<i2").astype(int) - np.frombuffer(first, "<i2")).max() <= 1
