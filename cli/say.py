"""A client: text in, an audio file out, progress while it comes."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Saying:
    """What to ask for."""

    text: str
    voice: str | None
    response_format: str
    speed: float
    lang_code: str | None

    def body(self) -> dict[str, Any]:
        fields = {
            "model": "kokoro",
            "input": self.text,
            "voice": self.voice,
            "response_format": self.response_format,
            "speed": self.speed,
            "lang_code": self.lang_code,
        }
        return {name: value for name, value in fields.items() if value is not None}


def say_to_file(saying: Saying, output: Path, url: str, api_key: str) -> None:
    """Write the audio to ``output``; the file appears only once it is whole."""
    partial = output.with_name(output.name + ".part")
    started = time.monotonic()
    try:
        size = _receive(saying, partial, url, api_key)
        partial.replace(output)
    except httpx.RemoteProtocolError as error:
        raise click.ClickException("The server broke off in the middle of the audio; nothing was written.") from error
    except httpx.HTTPError as error:
        raise click.ClickException(f"No answer from {url}: {error or type(error).__name__}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
    Console(stderr=True).print(f"{output}: {size / 1000:.0f} kB in {time.monotonic() - started:.1f} s")


def _receive(saying: Saying, path: Path, url: str, api_key: str) -> int:
    timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {api_key}"}
    with _bar() as bar, httpx.Client(timeout=timeout) as client:
        task = bar.add_task("waiting for the first audio", total=None)
        endpoint = f"{url.rstrip('/')}/v1/audio/speech"
        with client.stream("POST", endpoint, json=saying.body(), headers=headers) as response:
            if response.is_error:
                raise click.ClickException(_reason(response))
            with path.open("wb") as file:
                for packet in response.iter_bytes():
                    file.write(packet)
                    bar.update(task, advance=len(packet), description="receiving")
    return path.stat().st_size


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _reason(response: httpx.Response) -> str:
    response.read()
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = response.text[:200]
    return f"{response.status_code}: {message}"
