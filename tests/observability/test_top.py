"""`kokoro-fleet top`, as typed, on a fleet with something to show."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from tests.conftest import wait_until
from tests.observability.conftest import Watched
from tests.system.test_cli import cli


@pytest.fixture(scope="module")
def busy(watched: Watched) -> Watched:
    assert watched.speak("Something to be counted.").is_success
    return watched


def test_once_shows_lanes_and_workers(busy: Watched) -> None:
    result = cli("top", "--once", REDIS_URL=busy.redis_url, COLUMNS="200")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("kokoro-fleet  1 workers")
    heading = next(number for number, line in enumerate(lines) if line.startswith("lane"))
    assert [line.split()[0] for line in lines[heading + 1 : heading + 4]] == ["urgent", "standard", "batch"]
    [worker] = [line.split() for line in lines if " fake " in line]
    assert int(worker[5]) >= 1, worker


def test_json_is_a_line_that_a_program_reads(busy: Watched) -> None:
    result = cli("top", "--once", "--json", REDIS_URL=busy.redis_url)
    seen = json.loads(result.stdout)
    assert seen["workers"][0]["engine"] == "fake"
    assert [lane["lane"] for lane in seen["lanes"]] == ["urgent", "standard", "batch"]
    assert seen["capacity"] > 0
    assert seen["server"]["clients"] > 0


def test_without_redis_it_says_so() -> None:
    result = cli("top", "--once", REDIS_URL="redis://127.0.0.1:1/0")
    assert result.returncode == 1
    assert "The queue cannot be reached" in result.stderr


def test_live_it_redraws_until_interrupted(busy: Watched) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "REDIS_URL": busy.redis_url, "TERM": "xterm", "COLUMNS": "150", "LINES": "40"}
    command = [sys.executable, "-m", "cli", "top", "--every", "0.2"]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, stdin=follower, env=environment)
    os.close(follower)
    drawn = bytearray()

    def has_redrawn() -> bool:
        drawn.extend(os.read(leader, 65536))
        return drawn.count(b"kokoro-fleet") >= 3

    wait_until(has_redrawn, "three frames", 30)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # as Linux tells that nobody has the other end any more
        while rest := os.read(leader, 65536):
            drawn.extend(rest)
    os.close(leader)
    assert process.wait(20) == 0
    assert b"Traceback" not in drawn
