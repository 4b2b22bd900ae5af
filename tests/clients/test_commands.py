"""curl and wget, as the distribution has them, with the commands of our own documents among others."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import ROOT, documented, missing
from tests.clients.recorder import Recorder, recording
from tests.conftest import Service

JSON = "Content-Type: application/json"
BODY = json.dumps({"input": "By command.", "response_format": "pcm"})


@pytest.fixture
def recorder(service: Service) -> Iterator[Recorder]:
    with recording(service.url) as running:
        yield running


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    if shutil.which(command[0]) is None:
        missing(command[0])
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)


def commands(document: str) -> list[str]:
    """The curl commands of a document that speak."""
    text = (ROOT / document).read_text().replace("\\\n", " ")
    return re.findall(r"^curl \S*localhost:8880/v1/audio/speech .*-o \S+$", text, re.MULTILINE)


@pytest.mark.parametrize("command", [*commands("README.md"), *commands("docs/formats.md")])
def test_our_own_documents(command: str, service: Service, tmp_path: Path) -> None:
    here = command.replace("http://", "").replace("localhost:8880", service.url.removeprefix("http://"))
    assert run("bash", "-c", f"{here} --fail", folder=tmp_path).returncode == 0
    written = tmp_path / command.rsplit(maxsplit=1)[-1]
    body = json.loads(re.findall(r"-d '(.*?)'", command)[0])
    expected = service.speak(body.pop("input"), **{"response_format": "mp3"} | body).content
    assert len(written.read_bytes()) == len(expected)  # every Ogg stream has a serial number of its own


def test_our_documents_have_commands() -> None:
    assert len(commands("README.md")) >= 1
    assert len(commands("docs/formats.md")) >= 2


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-H", JSON),
        ("-H", "Expect: 100-continue"),
        ("-H", "Transfer-Encoding: chunked"),
        ("--http2",),
        ("--http1.0",),
        ("--compressed",),
    ],
    ids=["as a form", "as JSON", "asks first", "chunked", "would rather have HTTP/2", "HTTP/1.0", "compressed"],
)
def test_curl(service: Service, options: tuple[str, ...], tmp_path: Path) -> None:
    answer = run("curl", "-sS", "--fail", f"{service.url}/v1/audio/speech", "-d", BODY, *options, folder=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert answer.stdout == service.speak("By command.").content


def test_what_curl_sends(recorder: Recorder, tmp_path: Path) -> None:
    run("curl", "-sS", f"{recorder.url}/v1/audio/speech", "-H", JSON, "-A", "curl", "-d", BODY, folder=tmp_path)
    (sent,) = recorder.requests
    documented(sent)


def test_curl_fails_on_a_refusal(service: Service, tmp_path: Path) -> None:
    refused = BODY.replace("pcm", "mp7")
    answer = run("curl", "-sS", "--fail-with-body", f"{service.url}/v1/audio/speech", "-d", refused, folder=tmp_path)
    assert answer.returncode == 22
    assert json.loads(answer.stdout)["error"]["param"] == "response_format"


def test_wget(recorder: Recorder, service: Service, tmp_path: Path) -> None:
    url = f"{recorder.url}/v1/audio/speech"
    options = ("-q", "-U", "wget", "--header", JSON, "--post-data", BODY)
    assert run("wget", *options, "-O", "said.pcm", url, folder=tmp_path).returncode == 0
    assert (tmp_path / "said.pcm").read_bytes() == service.speak("By command.").content
    (sent,) = recorder.requests
    documented(sent)


def test_wget_names_the_file_as_we_say(service: Service, tmp_path: Path) -> None:
    url = f"{service.url}/v1/audio/speech"
    run("wget", "-q", "--content-disposition", "--post-data", '{"input": "Named."}', url, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["speech.mp3"]


def test_wget_fails_on_a_refusal(service: Service, tmp_path: Path) -> None:
    answer = run("wget", "-q", "--post-data", "{}", f"{service.url}/v1/audio/speech", folder=tmp_path)
    assert answer.returncode == 8  # the server's fault or ours, by its manual; nothing is saved
    assert list(tmp_path.iterdir()) == []
