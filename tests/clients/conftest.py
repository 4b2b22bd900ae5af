"""Clients as their makers ship them, each in an interpreter of its own, before a real gateway with the fake engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.clients.recorder import Recorder, Request, recording
from tests.conftest import Service, running_service, running_valkey, wait_until
from tests.system.test_leaving import LONG, SLOW, WITHIN_S, jobs_in

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DOCUMENT = ROOT / "docs" / "clients.md"
VENV_PYTHON = ROOT / os.environ.get("CLIENTS_VENV", ".venv-clients") / "bin" / "python"
RUN_TIMEOUT_S = 120

ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks GitHub for prices as it is imported
    "PIPECAT_TELEMETRY_DISABLED": "1",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.clients)
            item.add_marker(pytest.mark.timeout(2 * RUN_TIMEOUT_S))


def missing(what: str) -> NoReturn:
    """Skip, or fail where all clients have to be there."""
    told = f"{what} is not here; `make test-clients` installs it"
    if os.environ.get("CLIENTS_REQUIRED"):
        pytest.fail(told)
    pytest.skip(told)


@dataclass(frozen=True)
class Client:
    """A script in ``scripts/`` and what runs it: ``script MODE URL FOLDER`` prints JSON and leaves audio in FOLDER."""

    name: str
    script: str
    interpreter: str

    def start(self, mode: str, url: str, folder: Path) -> subprocess.Popen[str]:
        command = [self._path(), str(HERE / "scripts" / self.script), mode, url, str(folder)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        with (folder / "stderr.txt").open("w") as complaints:
            return subprocess.Popen(
                command, env=environment | ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=complaints
            )

    def result(self, process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
        try:
            printed, _ = process.communicate(timeout=RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        assert process.returncode == 0, (folder / "stderr.txt").read_text()[-4000:]
        told: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
        return told

    def run(self, mode: str, url: str, folder: Path) -> dict[str, Any]:
        return self.result(self.start(mode, url, folder), folder)

    def _path(self) -> str:
        if self.interpreter == "node":
            path = shutil.which("node")
            if path is None or not (HERE / "node_modules" / "openai").is_dir():
                missing("node, or the openai package for it,")
            return path
        path = sys.executable if self.interpreter == "ours" else str(VENV_PYTHON)
        if not Path(path).is_file():
            missing(f"The clients' environment {VENV_PYTHON.parents[1].name}")
        return path


@dataclass(frozen=True)
class Heard:
    """What a client made of a fleet: what its script told, the audio that it kept, and what it sent."""

    told: dict[str, Any]
    folder: Path
    recorder: Recorder

    def audio(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def sent(self, text: str) -> Request:
        """The one request to speak ``text``."""
        (request,) = self.recorder.asking(text)
        return request


Hear = Callable[[Client], Heard]


@pytest.fixture(scope="session")
def hear(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Hear:
    """What a client hears of a service that answers at once; each is run but once."""
    heard: dict[str, Heard] = {}

    def run(client: Client) -> Heard:
        if client.name not in heard:
            folder = tmp_path_factory.mktemp("say")
            with recording(service.url) as recorder:
                heard[client.name] = Heard(client.run("say", recorder.url, folder), folder, recorder)
        return heard[client.name]

    return run


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that takes half a minute for LONG."""
    with (
        running_valkey() as server,
        running_service(server.url, tmp_path_factory.mktemp("slow"), SLOW) as running,
    ):
        yield running


@pytest.fixture
def leave(slow: Service, tmp_path: Path) -> Callable[[Client], dict[str, Any]]:
    """Have a client leave in the middle of LONG; what it heard of it, once all work for it was dropped."""

    def run(client: Client) -> dict[str, Any]:
        (tmp_path / "long.txt").write_text(LONG)
        before = slow.counters()
        told = client.run("leave", slow.url, tmp_path)
        wait_until(lambda: not jobs_in(slow.redis_url), "the work is freed", WITHIN_S)
        after = slow.counters()
        assert after["audio_s"] - before["audio_s"] < 150
        assert after["jobs_failed"] == before["jobs_failed"]
        return told

    return run


def documented(request: Request) -> None:
    """Fail unless ``docs/clients.md`` shows this request."""
    assert request.told() in DOCUMENT.read_text(), f"docs/clients.md does not show:\n\n{request.told()}\n"
