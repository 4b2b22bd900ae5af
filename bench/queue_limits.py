"""What one job and one megabyte of sound cost the queue server, and so what one core of it carries.

    python -m bench.queue_limits
    python -m bench.queue_limits --url redis://localhost:6379/9        a server of yours: an empty database of it

One process publishes jobs and reads replies as a gateway does, another claims jobs and answers them as a worker does,
with sound of several lengths and no model. From the server's own count of its CPU time (INFO) comes what a job costs
at each length; a line through them gives the cost of a job and of a megabyte apart.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cli.embedded import embedded_queue
from shared.contract import AudioFrame, ChunkJob, ChunkTimings, Lane
from shared.streams import Claimed, GatewayStreams, WorkerRecord, WorkerStreams, connect

BYTES_PER_S = 48_000
FRAME_BYTES = 5 * BYTES_PER_S
"""As workers cut them."""
UNDER_WAY = 64
CLAIMED_AT_ONCE = 8
TOKENS = tuple(range(1, 171))
"""A chunk of the usual size: about ten seconds of sound."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one length of sound."""

    audio_s: float
    jobs_per_s: float
    cpu_ms_per_job: float

    @property
    def megabytes(self) -> float:
        return self.audio_s * BYTES_PER_S / 1e6


def work(url: str, audio_s: float) -> None:
    asyncio.run(answer_for_ever(url, audio_s))


async def answer_for_ever(url: str, audio_s: float) -> None:
    """A worker whose engine takes no time."""
    streams = WorkerStreams(connect(url), "w", 20, 3)
    await streams.heartbeat(WorkerRecord("w", "fake", ("af_bella",), 1000.0))
    await streams.join()
    pcm = bytes(int(audio_s * BYTES_PER_S))
    while True:
        for claimed in await streams.claim(CLAIMED_AT_ONCE, 500):
            await streams.answer(claimed, frames(claimed, pcm))
        await streams.trim()


def frames(claimed: Claimed, pcm: bytes) -> Iterator[AudioFrame]:
    starts = range(0, max(1, len(pcm)), FRAME_BYTES)
    for part, start in enumerate(starts):
        yield AudioFrame(
            claimed.job.request_id, claimed.job.seq, "a", part, part == len(starts) - 1,
            pcm[start : start + FRAME_BYTES], 24_000, (), ChunkTimings(0, 0, 0), 1, "w",
        )  # fmt: skip


async def ask(url: str, duration_s: float) -> int:
    """A gateway that keeps UNDER_WAY jobs under way; how many were answered."""
    redis = connect(url)
    streams = GatewayStreams(redis, uuid.uuid4().hex, 20)
    await streams.heartbeat()
    ends, answered, published = time.perf_counter() + duration_s, 0, 0
    while time.perf_counter() < ends:
        while published - answered < UNDER_WAY:
            await streams.publish(job(f"r{published}", streams.reply_stream))
            published += 1
        for reply in await streams.read_replies(1000):
            answered += isinstance(reply, AudioFrame) and reply.last
    await streams.leave()
    await redis.aclose()
    return answered


def job(request_id: str, reply_stream: str) -> ChunkJob:
    deadline_ms = int(time.time() * 1000) + 600_000
    return ChunkJob(request_id, 0, reply_stream, TOKENS, (("af_bella", 1.0),), 1.0, 0, deadline_ms, Lane.STANDARD, "")


async def cpu_s(url: str) -> float:
    """CPU seconds that the server's process has taken."""
    redis = connect(url)
    said = await redis.info("cpu")
    await redis.aclose()
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])


def measure(url: str, audio_s: float, duration_s: float) -> Cost:
    worker = multiprocessing.get_context("spawn").Process(target=work, args=(url, audio_s))
    worker.start()
    try:
        asyncio.run(ask(url, 2.0))
        before, since = asyncio.run(cpu_s(url)), time.perf_counter()
        answered = asyncio.run(ask(url, duration_s))
        took_s = time.perf_counter() - since
        used_s = asyncio.run(cpu_s(url)) - before
    finally:
        worker.terminate()
        worker.join()
    return Cost(audio_s, answered / took_s, 1000 * used_s / answered)


def say(costs: list[Cost]) -> None:
    for cost in costs:
        print(
            f"{cost.audio_s:5.1f} s of sound: {cost.jobs_per_s:6.0f} jobs a second, "
            f"{cost.jobs_per_s * cost.megabytes:6.1f} MB/s, the server took {cost.cpu_ms_per_job:.3f} CPU ms a job"
        )
    per_megabyte, per_job = np.polyfit([c.megabytes for c in costs], [c.cpu_ms_per_job for c in costs], 1)
    print(f"a job costs {per_job:.3f} CPU ms, a megabyte {per_megabyte:.3f}")
    core = 1000 / (per_job + 10 * BYTES_PER_S / 1e6 * per_megabyte)
    print(f"one core: {1000 / per_job:.0f} jobs a second without sound; {core:.0f} of 10 s, {core * 10:.0f} s a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="by default a server of its own")
    parser.add_argument("--lengths", type=float, nargs="+", default=[0.0, 5.0, 10.0, 20.0], help="seconds of sound")
    parser.add_argument("--duration", type=float, default=10.0, help="seconds for each length")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        url = options.url or stack.enter_context(embedded_queue())
        say([measure(url, audio_s, options.duration) for audio_s in options.lengths])


if __name__ == "__main__":
    main()
