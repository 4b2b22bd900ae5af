"""LiteLLM's proxy in front of the service, and OpenAI's client in front of the proxy."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from openai import APIStatusError, OpenAI

KEY = "sk-of-the-proxy"
START_TIMEOUT_S = 100


def config(url: str) -> str:
    """What an operator writes; JSON is YAML too."""
    ours = {"api_base": f"{url}/v1", "api_key": "not-needed"}
    models = [{"model_name": "speech", "litellm_params": {"model": "openai/kokoro", **ours}}]
    return json.dumps({"model_list": models, "general_settings": {"master_key": KEY}})


@contextlib.contextmanager
def running(url: str, folder: Path) -> Iterator[str]:
    (folder / "config.yaml").write_text(config(url))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("litellm")), "--config", str(folder / "config.yaml")]
    with (folder / "proxy.log").open("wb") as log:
        proxy = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/health/liveliness", proxy)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        proxy.terminate()
        proxy.wait(20)


def wait_for(url: str, proxy: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while proxy.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url, timeout=5).raise_for_status()
            return
        time.sleep(0.2)
    sys.exit("the proxy did not start: see proxy.log")


def refused(call: Callable[[], object]) -> dict[str, Any]:
    try:
        call()
    except APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "message": error.message}
    return {"class": "none"}


def say(url: str, folder: Path) -> dict[str, Any]:
    with running(url, folder) as proxy:
        client = OpenAI(base_url=proxy, api_key=KEY, max_retries=0)
        speech = client.audio.speech
        plain = speech.with_raw_response.create(model="speech", voice="alloy", input="Plain.")
        (folder / "plain.mp3").write_bytes(plain.content)
        mixed: Any = {"voice": "af_bella(2)-af_sky(1)", "response_format": "pcm", "speed": 1.25}
        speech.create(model="speech", input="Mixed.", **mixed).write_to_file(folder / "mixed.pcm")
        asked: Any = {"model": "speech", "voice": "alloy", "response_format": "pcm", "stream_format": "sse"}
        with speech.with_streaming_response.create(input="Streamed.", **asked) as answer:
            (folder / "streamed.pcm").write_bytes(b"".join(answer.iter_bytes()))
        nobody: Any = "nobody"
        return {
            "version": importlib.metadata.version("litellm"),
            "type": plain.headers["content-type"],
            "streamed_type": answer.headers["content-type"],
            "unknown_voice": refused(lambda: speech.create(model="speech", voice=nobody, input="Refused.")),
            "unknown_model": refused(lambda: speech.create(model="whisper", voice="alloy", input="Refused.")),
        }


if __name__ == "__main__":
    print(json.dumps({"say": say}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))))
