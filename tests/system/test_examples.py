"""Every file in ``examples``, run as its first lines say, against a fleet."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
import srt

from tests.batch_service import BatchService, running_batch_service
from tests.system.test_quick_starts import LOCAL, block, typed

EXAMPLES = Path(__file__).parents[2] / "examples"
ANSWER_S = 3
"""The shortest that what the model writes in llm_drip.py can take."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchService]:
    with running_batch_service(tmp_path_factory.mktemp("examples")) as service:
        yield service


def run(fleet: BatchService, folder: Path, name: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KOKORO_FLEET_URL": fleet.service.url, "REDIS_URL": fleet.service.redis_url}
    command = [sys.executable, str(EXAMPLES / name), *words]
    done = subprocess.run(
        command, cwd=folder, env=environment, input=text, capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def seconds(path: Path) -> float:
    with av.open(path, "r") as container:
        frames = container.decode(container.streams.audio[0])
        return sum(frame.samples / frame.sample_rate for frame in frames)


def test_each_is_in_the_readme_and_below() -> None:
    there = {path.name for path in EXAMPLES.glob("*.py")}
    assert set(re.findall(r"^\| \[(\w+\.py)\]\(\1\)", (EXAMPLES / "README.md").read_text(), re.MULTILINE)) == there
    elsewhere = {"enqueue.py"}  # test_enqueued.py
    run_here = set(re.findall(r'"(\w+\.py)"', Path(__file__).read_text()))
    assert there - run_here == set()
    assert elsewhere <= there


def test_openai_sdk(fleet: BatchService, tmp_path: Path) -> None:
    run(fleet, tmp_path, "openai_sdk.py", "hello.opus")
    assert seconds(tmp_path / "hello.opus") > 1


def test_websocket_client(fleet: BatchService, tmp_path: Path) -> None:
    shown = run(fleet, tmp_path, "websocket_client.py", "hello.wav", text="Hello there. How are you?\n").stdout
    assert re.findall(r"^ +\d+\.\d\d  (\S+)$", shown, re.MULTILINE)[0].startswith("Hello")
    with wave.open(str(tmp_path / "hello.wav")) as file:
        assert file.getnframes() > file.getframerate()


def test_captions(fleet: BatchService, tmp_path: Path) -> None:
    shown = run(fleet, tmp_path, "captions.py", "hello.mp3").stdout
    times = [float(line.split()[0]) for line in shown.splitlines()]
    assert times == sorted(times)
    assert len(times) == 10
    assert seconds(tmp_path / "hello.mp3") > times[-1]


def test_audiobook(fleet: BatchService, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("# One\n\nIt was a cold day.\n\n# Two\n\nThe clocks struck.", encoding="utf-8")
    shown = run(fleet, tmp_path, "audiobook.py", "book.txt", "book.m4b").stdout
    assert [line.split()[1] for line in shown.splitlines()] == ["One", "Two"]
    assert seconds(tmp_path / "book.m4b") > 1
    assert len(list(srt.parse((tmp_path / "book.srt").read_text(encoding="utf-8")))) >= 2


def test_batch(fleet: BatchService, tmp_path: Path) -> None:
    run(fleet, tmp_path, "batch.py", "spoken", "First text.", "Second text.")
    assert [path.name for path in sorted((tmp_path / "spoken").iterdir())] == ["text-1.mp3", "text-2.mp3"]
    assert all(seconds(path) > 0.3 for path in (tmp_path / "spoken").iterdir())


@pytest.mark.deploy  # it speaks for half a minute
def test_llm_drip(fleet: BatchService, tmp_path: Path) -> None:
    run(fleet, tmp_path, "llm_drip.py", "sh", "-c", "cat > answer.pcm")
    assert (tmp_path / "answer.pcm").stat().st_size > 48_000 * ANSWER_S


def test_llm_drip_is_interrupted_by_enter(fleet: BatchService, tmp_path: Path) -> None:
    ours, typed = pty.openpty()
    command = [sys.executable, str(EXAMPLES / "llm_drip.py"), "tee", "answer.pcm"]
    environment = {**os.environ, "KOKORO_FLEET_URL": fleet.service.url}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=typed, stdout=subprocess.PIPE) as drip:
        assert drip.stdout is not None
        assert drip.stdout.read(4800), "the first words are heard"
        os.write(ours, b"\n")
        rest = drip.stdout.read()
        assert drip.wait(20) == 0
    os.close(ours)
    os.close(typed)
    assert len(rest) < 48_000 * ANSWER_S, "the answer goes on for half a minute"


def test_a_job_as_the_docs_tell(fleet: BatchService, tmp_path: Path) -> None:
    command = LOCAL.sub(fleet.service.url, block("docs/jobs.md", "sh", "/v1/audio/jobs"))
    assert json.loads(typed(command, tmp_path))["object"] == "audio.job"
