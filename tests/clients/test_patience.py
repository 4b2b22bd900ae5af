"""A service without workers answers 503 and when to try again; clients wait for as long, and then are served."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

from shared.errors import NoWorkers
from tests.clients.conftest import Client
from tests.clients.recorder import Recorder, recording
from tests.clients.test_litellm import LITELLM
from tests.clients.test_livekit import LIVEKIT
from tests.clients.test_openai import NODE, PYTHON, PYTHON_2
from tests.conftest import running_service, running_valkey, wait_until


@pytest.mark.parametrize("clients", [[PYTHON], [PYTHON_2, NODE, LITELLM, LIVEKIT]], ids=["ours", "all"])
def test_they_wait_as_they_are_told(clients: list[Client], tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        valkey = stack.enter_context(running_valkey())
        service = stack.enter_context(running_service(valkey.url, tmp_path, workers=0))
        recorders = {client: stack.enter_context(recording(service.url)) for client in clients}
        folders = {client: tmp_path / client.name for client in clients}
        for folder in folders.values():
            folder.mkdir()
        running = {client: client.start("wait", recorders[client].url, folders[client]) for client in clients}
        for process in running.values():
            stack.callback(stop, process)
        for client, recorder in recorders.items():
            wait_until(lambda: bool(recorder.asking("Patience.")), f"{client.name} has asked", 60)  # noqa: B023
        service.start_worker()
        for client in clients:
            told = client.result(running[client], folders[client])
            check_busy(client, told["busy"], recorders[client])
            heard = (folders[client] / "waited.pcm").read_bytes()
            assert heard.startswith(service.speak("Patience.", voice="alloy").content)


def stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()


def check_busy(client: Client, busy: dict[str, object], recorder: Recorder) -> None:
    """Refused with the client's own error where it was to ask but once; else asked again when it was told to."""
    assert busy["status"] == 503
    assert busy["class"] == ("APIStatusError" if client is LIVEKIT else "InternalServerError")
    assert len(recorder.asking("No patience.")) == 1
    first, second, *_ = recorder.asking("Patience.")
    if client is LIVEKIT:
        assert busy["retryable"]  # and then at its own pace
    else:
        assert second.at_s - first.at_s >= NoWorkers.retry_after_s - 0.1
