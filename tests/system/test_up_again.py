"""`kokoro-fleet up` at home: what it knows it knows again, whatever ended it, and it leaves nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.batch_service import ENDED
from tests.conftest import START_TIMEOUT_S, _free_port, bearer, wait_until
from tests.tenants import ADMIN_KEY

pytestmark = pytest.mark.timeout(180)

GONE_S = 30.0
"""In which the children of a killed `up` must have ended; that they find their queue gone takes them some seconds."""


class Home:
    """One machine's `up`, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.log = folder / "up.log"
        self.key = ""
        self.up: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        own = {"PORT": str(self.port), "HOST": "127.0.0.1", "ADMIN_API_KEY": ADMIN_KEY, "HEARTBEAT_S": "0.3"}
        own |= {"FAKE_SPEED_FACTOR": "15", "ALLOW_LOCAL_VOICE_SAVING": "true"}
        return {name: value for name, value in os.environ.items() if name != "REDIS_URL"} | own

    def start(self) -> None:
        self.log.write_bytes(b"")
        with self.log.open("ab") as out:
            command = [sys.executable, "-m", "cli", "up", "--engine", "fake"]
            self.up = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=out, stderr=out)
        wait_until(lambda: "Ready." in self.log.read_text() or self.pid == 0, "up is ready", START_TIMEOUT_S)
        assert self.pid, self.log.read_text()

    @property
    def pid(self) -> int:
        """0: it does not run."""
        return self.up.pid if self.up is not None and self.up.poll() is None else 0

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True)

    def stop(self, signum: signal.Signals) -> None:
        """And see to it that nobody is left."""
        assert self.up is not None
        family = self.family()
        assert len(family) >= 4
        self.up.send_signal(signum)
        self.up.wait(60)
        wait_until(lambda: not alive(family), "all have ended", GONE_S)

    def call(self, method: str, path: str, key: str = "", **fields: Any) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.request(method, url, headers=bearer(key or self.key), timeout=30, **fields)

    def settle_in(self) -> None:
        """A tenant, its key, a saved voice, and a job that is done."""
        assert self.call("POST", "/admin/tenants", ADMIN_KEY, json={"id": "me"}).status_code == 201
        self.key = self.call("POST", "/admin/tenants/me/keys", ADMIN_KEY, json={}).json()["key"]
        mix = {"voices": "af_bella+af_sky", "name": "mine"}
        assert self.call("POST", "/v1/audio/voices/combine", json=mix).is_success
        self.ended(self.begin(input="Hello."))

    def begin(self, **body: Any) -> str:
        answer = self.call("POST", "/v1/audio/jobs", json={"voice": "af_bella", "response_format": "wav", **body})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/v1/audio/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def ended(self, job_id: str) -> dict[str, Any]:
        wait_until(lambda: self.job(job_id)["status"] in ENDED, f"the end of {job_id}", 60)
        told = self.job(job_id)
        assert told["status"] == "completed", told
        return told

    def begin_long(self) -> str:
        """A job of twelve items that is under way."""
        text = "One sentence of a few words, and then another one that is a little longer than the first."
        job_id = self.begin(items=[{"input": text, "name": f"item-{number}"} for number in range(12)])
        wait_until(lambda: self.job(job_id)["progress"]["done"] > 0, "some of it is done", 60)
        assert self.job(job_id)["status"] == "in_progress"
        return job_id

    def knows_all(self, unfinished: str) -> None:
        """What there was before, and the job goes on to its end."""
        assert self.call("GET", "/admin/tenants/me", ADMIN_KEY).status_code == 200
        assert self.call("GET", "/v1/usage").json()["data"]
        assert "mine" in [voice["id"] for voice in self.call("GET", "/v1/audio/voices").json()["voices"]]
        jobs = self.call("GET", "/v1/audio/jobs").json()["data"]
        assert unfinished in [job["id"] for job in jobs]
        assert "completed" in [job["status"] for job in jobs]
        told = self.ended(unfinished)
        assert len(told["files"]) == 12
        for file in told["files"]:
            assert len(self.call("GET", file["url"]).content) == file["bytes"]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"))
    try:
        home.start()
        home.settle_in()
        yield home
    finally:
        if home.pid:
            home.stop(signal.SIGTERM)


@pytest.fixture
def home(settled: Home) -> Home:
    if not settled.pid:
        settled.start()
    return settled


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_or_killed_it_leaves_nobody_and_knows_all_when_it_is_back(home: Home, signum: signal.Signals) -> None:
    unfinished = home.begin_long()
    home.stop(signum)
    home.start()
    home.knows_all(unfinished)


def test_a_queue_that_is_killed_is_started_again_and_knows_all(home: Home) -> None:
    unfinished = home.begin_long()
    queue = next(each for each in home.family() if "valkey-server" in each.cmdline()[0])
    queue.kill()
    wait_until(lambda: "The queue ended with code -9; starting it again." in home.log.read_text(), "it is noticed")
    wait_until(lambda: home.call("GET", "/admin/tenants/me", ADMIN_KEY).is_success, "it serves again")
    home.knows_all(unfinished)


def test_two_do_not_share_a_folder(home: Home) -> None:
    environment = home.environment | {"PORT": str(_free_port())}
    command = [sys.executable, "-m", "cli", "up", "--engine", "fake"]
    other = subprocess.run(command, env=environment, cwd=home.folder, capture_output=True, check=False, timeout=30)
    assert other.returncode == 1
    assert f"(process {home.pid}) has its queue in {home.folder}/data/queue" in other.stderr.decode()


@pytest.mark.parametrize(("options", "environment"), [(["--ephemeral"], {}), ([], {"REDIS_URL": "redis://localhost"})])
def test_only_a_queue_that_is_kept_here_can_be_repaired(options: list[str], environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "cli", "up", "--engine", "fake", "--repair", *options]
    refused = subprocess.run(command, env=os.environ | environment, capture_output=True, check=False, timeout=30)
    assert refused.returncode == 2
    assert b"--repair mends" in refused.stderr
