"""What README tells a newcomer to type, typed. Lines of curl are in ``tests/clients``, for each curl there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import av

from tests.conftest import Service, running_valkey

ROOT = Path(__file__).parents[2]
LOCAL = re.compile(r"(http://)?localhost:8880")


def block(page: str, language: str, word: str) -> str:
    """The only block of ``language`` on a page that has ``word`` in it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [inside for inside in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if word in inside]
    assert len(found) == 1, (page, word)
    return str(found[0])


def typed(command: str, folder: Path, **environment: str) -> str:
    """What it prints; ``kokoro-fleet`` is that of the environment that the tests run in."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace(".venv/bin/", "")],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def seconds(path: Path) -> float:
    with av.open(path, "r") as container:
        frames = container.decode(container.streams.audio[0])
        return sum(frame.samples / frame.sample_rate for frame in frames)


def test_python(service: Service, tmp_path: Path) -> None:
    program = LOCAL.sub(service.url, block("README.md", "python", "with_streaming_response"))
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=50, check=True)
    assert seconds(tmp_path / "mixed.opus") > 0.5


def test_say(service: Service, tmp_path: Path) -> None:
    first, _piped = block("README.md", "bash", "kokoro-fleet say").strip().splitlines()
    typed(first, tmp_path, KOKORO_FLEET_URL=service.url)
    assert seconds(tmp_path / "hello.mp3") > 0.5


def test_tenants(tmp_path: Path) -> None:
    with running_valkey() as server:
        shown = typed(block("README.md", "bash", "tenants add"), tmp_path, REDIS_URL=server.url)
    assert shown.startswith("sk-kf-")


def test_compose_and_helm_are_where_the_docs_say() -> None:
    """Every path below deploy/ and examples/ that a page names."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    path_there = re.compile(r"(?<![\w/])(?:deploy|examples)/[\w./-]+\w")
    named = {path for page in pages for path in path_there.findall(page.read_text("utf-8"))}
    assert "deploy/compose/cpu.yml" in named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
