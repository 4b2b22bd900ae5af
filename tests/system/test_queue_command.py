"""`kokoro-fleet queue`, as typed, on a real Valkey: with work in every state."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from shared.contract import ChunkJob, Lane
from shared.streams import GatewayStreams, WorkerRecord, WorkerStreams
from tests.conftest import Valkey
from tests.system.test_cli import cli

BEAT_S = 0.1
JOB = ChunkJob(
    request_id="req_1",
    seq=0,
    reply_stream="tts:reply:gw",
    token_ids=(1, 2, 3),
    voice=(("af_bella", 1.0),),
    speed=1.0,
    seed=0,
    deadline_ms=0,
    lane=Lane.STANDARD,
    tenant_id="",
)


def queue(valkey: Valkey, *arguments: str) -> subprocess.CompletedProcess[str]:
    return cli("queue", *arguments, REDIS_URL=valkey.url)


async def publish(redis: Redis, lane: Lane, count: int) -> None:
    gateway = GatewayStreams(redis, "gw", heartbeat_s=6.0)
    await gateway.heartbeat()
    deadline_ms = int(time.time() * 1000) + 60_000
    for seq in range(count):
        await gateway.publish(replace(JOB, seq=seq, lane=lane, deadline_ms=deadline_ms))


async def joined(redis: Redis, name: str, max_deliveries: int = 3, heartbeat_s: float = 20.0) -> WorkerStreams:
    worker = WorkerStreams(redis, name, heartbeat_s, max_deliveries)
    await worker.heartbeat(WorkerRecord(name, "fake", ("af_bella",), 12.5, jobs_done=7))
    await worker.join()
    return worker


async def with_a_dead_job(redis: Redis) -> str:
    """A job over which a worker died, once too often; its id among the dead."""
    await publish(redis, Lane.URGENT, 1)
    dying = await joined(redis, "dying", heartbeat_s=BEAT_S)
    await dying.begin(await dying.claim(5, 10))
    while await redis.exists("tts:worker:dying"):
        pass
    undertaker = await joined(redis, "undertaker", max_deliveries=1, heartbeat_s=BEAT_S)
    assert await undertaker.reclaim(5) == []
    [(grave_id, _)] = await redis.xrange("tts:dead")
    return str(grave_id.decode())


def columns(output: str, first: str) -> list[str]:
    """The words of the line that begins with ``first``."""
    [line] = [line.split() for line in output.splitlines() if line.startswith(first)]
    return line


async def test_ls_shows_what_waits_who_has_it_and_who_works(redis: Redis, valkey: Valkey) -> None:
    await publish(redis, Lane.STANDARD, 5)
    worker = await joined(redis, "worker-1")
    assert len(await worker.claim(2, 10)) == 2
    result = queue(valkey, "ls")
    assert result.returncode == 0, result.stderr
    lane, waiting, audio_s, _, claimed, oldest_s, *rest = columns(result.stdout, "standard")
    assert (lane, waiting, claimed, rest) == ("standard", "3", "2", ["s", "worker-1", "2"])
    assert 0 < float(audio_s) < 10
    assert 0 <= float(oldest_s) < 60
    assert columns(result.stdout, "urgent") == ["urgent", "0", "0", "s", "0", "-"]
    assert columns(result.stdout, "worker-1") == ["worker-1", "fake", "12.5", "7", "0"]


async def test_ls_before_the_first_worker(redis: Redis, valkey: Valkey) -> None:
    await publish(redis, Lane.BATCH, 3)
    result = queue(valkey, "ls")
    assert result.returncode == 0, result.stderr
    assert columns(result.stdout, "batch")[:2] == ["batch", "3"]
    assert "none is running" in result.stdout


async def test_an_empty_queue_is_no_error(redis: Redis, valkey: Valkey) -> None:
    assert queue(valkey, "ls").returncode == 0
    assert queue(valkey, "dead").stdout == "No job is dead.\n"
    assert queue(valkey, "requeue", "--all").stdout == "No job is dead.\n"


async def test_dead_says_why_and_requeue_gives_another_try(redis: Redis, valkey: Valkey) -> None:
    grave_id = await with_a_dead_job(redis)
    said = queue(valkey, "dead").stdout
    assert grave_id in said
    assert "urgent  job_undeliverable  chunk 0 of req_1" in said
    assert "1 workers died over it" in said
    assert "1 dead" in queue(valkey, "ls").stdout
    assert queue(valkey, "requeue", grave_id).stdout == f"{grave_id}: back in the lane urgent\n"
    assert await redis.xlen("tts:dead") == 0
    worker = await joined(redis, "next")
    [claimed] = await worker.claim(5, 10)
    assert (claimed.job.request_id, claimed.lane) == ("req_1", Lane.URGENT)
    assert claimed.job.deadline_ms > time.time() * 1000 + 60_000  # not dead on arrival


async def test_requeue_all_leaves_what_cannot_be_read_and_says_so(redis: Redis, valkey: Valkey) -> None:
    good = await with_a_dead_job(redis)
    unreadable = await redis.xadd("tts:dead", {"job": b"?", "lane": "batch", "code": "wire_version_unsupported"})
    result = queue(valkey, "requeue", "--all")
    assert result.returncode == 1
    assert f"{good}: back in the lane urgent" in result.stdout
    assert f"{unreadable.decode()}: a worker of this release could not read it either" in result.stderr
    assert [grave_id for grave_id, _ in await redis.xrange("tts:dead")] == [unreadable]
    assert "unreadable" in queue(valkey, "dead").stdout


@pytest.mark.parametrize("wrong", ["1-1", "nonsense"])
async def test_requeue_of_nothing_is_an_error(redis: Redis, valkey: Valkey, wrong: str) -> None:
    result = queue(valkey, "requeue", wrong)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"{wrong}: no dead job has this id" in result.stderr


def test_requeue_wants_to_know_what(valkey: Valkey) -> None:
    assert queue(valkey, "requeue").returncode == 2
    assert queue(valkey, "requeue", "1-1", "--all").returncode == 2


def test_a_queue_that_cannot_be_reached_is_one_clear_line() -> None:
    result = cli("queue", "ls", REDIS_URL="redis://127.0.0.1:1/0")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: The queue cannot be reached")
