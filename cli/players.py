"""Plays audio as it comes, through whichever player this machine has."""

from __future__ import annotations

import shutil
import subprocess

import click

PCM_RATE = 24_000

_PLAYERS: tuple[tuple[str, dict[str, tuple[str, ...]]], ...] = (
    (
        "ffplay",
        {
            "pcm": ("-f", "s16le", "-ar", str(PCM_RATE), "-ch_layout", "mono", "-i", "-"),
            "*": ("-i", "-"),
        },
    ),
    (
        "aplay",
        {
            "pcm": ("-q", "-t", "raw", "-f", "S16_LE", "-r", str(PCM_RATE), "-c", "1", "-"),
            "wav": ("-q", "-"),
        },
    ),
    ("paplay", {"pcm": ("--raw", "--format=s16le", f"--rate={PCM_RATE}", "--channels=1", "/dev/stdin")}),
)
"""What each takes, by format, in the order of preference; raw telephone formats are for no one's ears."""

_QUIET = ("-nodisp", "-autoexit", "-loglevel", "error")
_UNPLAYABLE = frozenset({"mulaw", "alaw"})


def command_for(form: str) -> list[str]:
    """How to play audio of this format from standard input. Raises ClickException that says what is missing."""
    found = [(name, options) for name, options in _PLAYERS if shutil.which(name)]
    if not found:
        raise click.ClickException("There is no player here: install ffplay (of ffmpeg), aplay (ALSA) or paplay.")
    for name, options in found:
        if form not in _UNPLAYABLE and (arguments := options.get(form) or options.get("*")):
            return [name, *(_QUIET if name == "ffplay" else ()), *arguments]
    names = " and ".join(name for name, _ in found)
    raise click.ClickException(f"{names} cannot play {form}: try --format pcm, or install ffplay (of ffmpeg).")


class Player:
    """A player at work; a context manager that lets it play to the end, unless an error or Ctrl-C comes before."""

    def __init__(self, form: str) -> None:
        self._command = command_for(form)
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, packet: bytes) -> None:
        """Play this next. As slow as the player is. Raises ClickException if it has gone."""
        process = self._process or self._start()
        try:
            assert process.stdin is not None  # noqa: S101 - it was asked for
            process.stdin.write(packet)
            process.stdin.flush()
        except BrokenPipeError as error:
            raise click.ClickException(f"{self._command[0]} stopped playing.") from error

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        return self._process

    def __enter__(self) -> Player:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._process is None:
            return
        if kind is not None:
            self._process.kill()
        self._process.communicate()  # closes its input, waits for its end
