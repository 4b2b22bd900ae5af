"""The pool's processes as the operating system sees them: what they load, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import wait_until

HOLDS_A_POOL = """
import asyncio, signal
from gateway.text.aligned import AlignedText
from gateway.text.chunker import ChunkLimits
from gateway.text.frontend import TextFrontend
from gateway.text.languages import Language
from gateway.text.reading import Reading
from gateway.text.segments import Script, Speech, Style

async def main():
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with TextFrontend(ChunkLimits(), processes=2) as frontend:
        style = Style((("af_heart", 1.0),), Language.EN_US)
        async for part in frontend.parts(Script((Speech(AlignedText.of("Ready. " * 200), style),)), Reading()):
            pass
        print("ready", flush=True)
        await stop.wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """A process of its own group that holds a pool, and closes it when it is told to stop, as the gateway does."""
    script = tmp_path / "holds_a_pool.py"
    script.write_text(HOLDS_A_POOL)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_killed_gateway_leaves_no_process(holder: subprocess.Popen[str]) -> None:
    family = psutil.Process(holder.pid).children(recursive=True)
    assert len(family) >= 3  # the fork server and two processes

    holder.kill()
    holder.communicate()

    wait_until(lambda: not any(_lives(process) for process in family), "all processes of the pool are gone")


@pytest.mark.parametrize("to_group", [signal.SIGINT, signal.SIGTERM])
def test_signal_to_the_whole_group_ends_all_without_tracebacks(
    holder: subprocess.Popen[str], to_group: signal.Signals
) -> None:
    """Ctrl-C in a terminal, or a container that is stopped."""
    family = psutil.Process(holder.pid).children(recursive=True)

    os.killpg(holder.pid, to_group)
    _, errors = holder.communicate(timeout=20)

    assert errors == ""
    wait_until(lambda: not any(_lives(process) for process in family), "all processes of the pool are gone")


def test_g2p_never_loads_a_model_library() -> None:
    code = (
        "import sys, gateway.text.preloaded\n"
        "forbidden = ('torch', 'transformers', 'onnxruntime', 'onnx', 'tensorflow', 'huggingface_hub')\n"
        "print([name for name in forbidden if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert output.stdout.strip() == "[]"


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
