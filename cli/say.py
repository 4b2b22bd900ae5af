"""A client: text in; an audio file, sound and subtitles out; progress while it comes."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click
import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli.players import PCM_RATE, Player

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 600
INTERRUPTED = 130
"""As shells have it: 128 and SIGINT."""
SUBTITLES = {".srt": "srt", ".vtt": "vtt"}
_ENDINGS = {"": "mp3", "ulaw": "mulaw", "ul": "mulaw", "al": "alaw", "ogg": "opus", "oga": "opus", "mp4": "m4a"}
"""Of names whose format is called otherwise."""


def format_of(path: Path) -> str:
    """What the API calls the format that a file's name ends with."""
    ending = path.suffix.removeprefix(".").lower()
    return _ENDINGS.get(ending, ending)


@dataclass(frozen=True, slots=True)
class Saying:
    """What to ask for."""

    text: str
    response_format: str
    fields: Mapping[str, Any]
    """Of the request, as the API calls them; what is None is left to the service."""

    def body(self) -> dict[str, Any]:
        said = {name: value for name, value in self.fields.items() if value is not None}
        if self.response_format == "pcm":
            said.setdefault("sample_rate", PCM_RATE)  # whoever plays it has to know
        return {"model": "kokoro", "input": self.text, "response_format": self.response_format, **said}


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where it goes; at least one of them."""

    output: Path | None
    subtitles: Path | None
    is_played: bool


@dataclass(slots=True)
class _Heard:
    """What has come so far."""

    num_bytes: int
    words: list[dict[str, Any]]
    began: float

    @property
    def audio_s(self) -> float:
        return self.words[-1]["end_time"] if self.words else 0.0

    @property
    def realtime_factor(self) -> float:
        return self.audio_s / max(time.monotonic() - self.began, 1e-3)


def say(saying: Saying, outlets: Outlets, url: str, api_key: str) -> None:
    """Have it spoken. Files appear only once they are whole. Raises ClickException, and Exit when interrupted."""
    try:
        heard = _say(saying, outlets, url, api_key)
    except KeyboardInterrupt as error:
        Console(stderr=True).print("Cancelled; nothing was written.")
        raise click.exceptions.Exit(INTERRUPTED) from error
    except httpx.RemoteProtocolError as error:
        raise click.ClickException("The server broke off in the middle of the audio; nothing was written.") from error
    except httpx.HTTPError as error:
        told = (
            f"No answer from {url}: {error or type(error).__name__}. Is it running there? `kokoro-fleet up` starts it."
        )
        raise click.ClickException(told) from error
    names = ", ".join(str(path) for path in (outlets.output, outlets.subtitles) if path)
    took_s = time.monotonic() - heard.began
    Console(stderr=True, highlight=False).print(
        f"{names or 'played'}: {heard.audio_s:.1f} s of audio, {heard.num_bytes / 1000:.0f} kB in {took_s:.1f} s"
    )


def _say(saying: Saying, outlets: Outlets, url: str, api_key: str) -> _Heard:
    heard = _Heard(0, [], time.monotonic())
    with contextlib.ExitStack() as stack:
        player = stack.enter_context(Player(saying.response_format)) if outlets.is_played else None
        file = stack.enter_context(_appearing(outlets.output)) if outlets.output else None
        shown = stack.enter_context(_appearing(outlets.subtitles)) if outlets.subtitles else None
        for packet in _packets(saying, heard, url, api_key):
            if file:
                file.write(packet)
            if player:
                player.write(packet)
        if file and saying.response_format == "wav":
            _seal_wav(file)
        if shown and outlets.subtitles:
            shown.write(_subtitles(saying.text, heard, SUBTITLES[outlets.subtitles.suffix.lower()]).encode())
    return heard


def _packets(saying: Saying, heard: _Heard, url: str, api_key: str) -> Iterator[bytes]:
    """The audio as it comes, with a bar that shows how far the text is spoken."""
    timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {api_key}"}
    endpoint = f"{url.rstrip('/')}/v1/audio/captioned_speech"
    with _bar() as bar, httpx.Client(timeout=timeout) as client:
        task = bar.add_task("waiting for the first audio", total=len(saying.text))
        with client.stream("POST", endpoint, json=saying.body(), headers=headers) as response:
            if response.is_error:
                raise click.ClickException(_reason(response))
            for line in response.iter_lines():
                part = json.loads(line)
                if "error" in part:
                    raise click.ClickException(f"The server gave up: {part['error']['message']} Nothing was written.")
                packet = base64.b64decode(part["audio"])
                heard.num_bytes += len(packet)
                heard.words += part["timestamps"] or []
                place = heard.words[-1]["char_end"] if heard.words else 0
                said = f"{heard.audio_s:.0f} s of audio, {heard.realtime_factor:.1f} x real time"
                bar.update(task, completed=place, description=said)
                yield packet


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    """A file that is there under its name once it is whole, and not at all otherwise. Raises ClickException."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w+b") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


def _seal_wav(file: BinaryIO) -> None:
    """Write the sizes that nobody knew when the stream began into its header (44 bytes, as RIFF has it)."""
    size = file.tell()
    file.seek(0)
    header = file.read(44)
    if header[:4] == b"RIFF" and header[36:40] == b"data" and size - 8 < 2**32:
        file.seek(0)
        file.write(header[:4] + struct.pack("<I", size - 8) + header[8:40] + struct.pack("<I", size - 44))


def _subtitles(text: str, heard: _Heard, form: str) -> str:
    """Subtitles as the server would make them. Needs the gateway's libraries."""
    try:
        from gateway.subtitles import SubtitleFormat, Subtitles
        from gateway.text.aligned import AlignedText
        from gateway.text.markup.brackets import ALWAYS_ON, pieces
        from gateway.timings import WordTiming
    except ModuleNotFoundError as error:
        raise click.ClickException("Subtitles need more: pip install 'kokoro-fleet[gateway]'") from error
    spoken = [piece for piece in pieces(AlignedText.of(text), ALWAYS_ON, text) if isinstance(piece, AlignedText)]
    words = [
        WordTiming(word["word"], word["start_time"], word["end_time"], word["char_start"], word["char_end"])
        for word in heard.words
    ]
    subtitles = Subtitles(spoken, SubtitleFormat(form))
    return subtitles.write(words) + subtitles.close(heard.audio_s)


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
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
    wait = response.headers.get("retry-after")
    return f"{response.status_code}: {message}" + (f" Try again in {wait} s." if wait else "")
