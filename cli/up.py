"""``kokoro-fleet up``: the whole service on one machine, as child processes of this one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

import click
import httpx
from rich.console import Console

from cli.embedded import EmbeddedValkey, UpSettings, end, queue_folder, repair
from cli.leash import start_command
from gateway.settings import GatewaySettings
from worker.engine.cores import usable_cores
from worker.settings import WorkerSettings

READY_TIMEOUT_S = 180
POLL_S = 0.1
RESTART_PAUSE_S = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a service manager, a closed terminal."""
LOOPBACK = {"0.0.0.0": "localhost", "::": "localhost", "127.0.0.1": "localhost"}  # noqa: S104

console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What `up` was told on the command line."""

    workers: int = 1
    engine: str | None = None
    with_batch: bool = True
    ephemeral: bool = False
    """The embedded queue forgets all when it stops."""
    repair: bool = False
    """Mend the embedded queue's records first."""


def bring_up(wishes: Wishes) -> None:
    """Start queue, workers and gateway, and then a batch runner; return when the user stops them."""
    environment = dict(os.environ)
    if wishes.engine:
        environment["ENGINE"] = os.environ["ENGINE"] = wishes.engine
    gateway_settings, worker_settings = GatewaySettings(), WorkerSettings()
    has_queue = "redis_url" not in gateway_settings.model_fields_set
    if wishes.repair and (wishes.ephemeral or not has_queue):
        raise click.UsageError(
            "--repair mends the queue that `up` keeps itself: there is none with REDIS_URL or --ephemeral."
        )
    _require_free_port(gateway_settings.host, gateway_settings.port)
    if worker_settings.chosen_engine != "fake":
        from cli.models import pull

        pull()
    with _stop_signals() as stop, contextlib.ExitStack() as stack:
        queue = None
        if has_queue:
            queue = stack.enter_context(_own_queue(wishes, gateway_settings.storage_url))
            environment["REDIS_URL"] = queue.url
        if not worker_settings.onnx_num_threads:
            environment["ONNX_NUM_THREADS"] = str(max(1, usable_cores() // wishes.workers))
        children = stack.enter_context(_Children(environment, queue))
        for number in range(wishes.workers):
            children.start(f"worker {number + 1}", "worker")
        children.start("gateway", "gateway")
        url = f"http://{LOOPBACK.get(gateway_settings.host, gateway_settings.host)}:{gateway_settings.port}"
        if _wait_until_ready(url, children, stop):
            _greet(url, wants_key=gateway_settings.api_key is not None)
            if wishes.with_batch:  # last: nobody waits for it
                children.start("batch runner", "batch")
            children.watch(stop)
        console.print("Stopping…")


def _own_queue(wishes: Wishes, storage_url: str) -> EmbeddedValkey:
    if wishes.ephemeral:
        return EmbeddedValkey(None)
    folder = queue_folder(UpSettings(), storage_url)
    if wishes.repair:
        console.print(f"Repaired. What was there before is in {repair(folder)}.", soft_wrap=True)
    return EmbeddedValkey(folder)


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


class _Children:
    """Child processes by name, in sessions of their own: Ctrl-C reaches us alone, and we stop them in order."""

    def __init__(self, environment: dict[str, str], queue: EmbeddedValkey | None = None) -> None:
        self._environment = environment
        self._queue = queue
        self._processes: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
        self._places: dict[str, int] = {}

    def __enter__(self) -> _Children:
        return self

    def __exit__(self, *exception: object) -> None:
        # The gateway first: it lets open streams end while there are still workers to feed them.
        for _, process in reversed(self._processes.values()):
            end(process)

    def start(self, name: str, command: str) -> None:
        self._processes[name] = (command, start_command(command, self._environment_of(name)))

    def _environment_of(self, name: str) -> dict[str, str]:
        """With a METRICS_PORT of its own: the gateway has the one that is set, the others have those after it."""
        first = self._environment.get("METRICS_PORT")
        if not first:
            return self._environment
        if name != "gateway" and name not in self._places:
            self._places[name] = len(self._places) + 1
        return self._environment | {"METRICS_PORT": str(int(first) + self._places.get(name, 0))}

    def keep_queue_up(self) -> None:
        """Start a queue of ours again that died."""
        if self._queue is not None and (code := self._queue.died()) is not None:
            console.print(f"[yellow]The queue ended with code {code}; starting it again.[/]")
            self._queue.start_again()

    def first_dead(self) -> tuple[str, int] | None:
        """Name and exit code of a child that ended by itself."""
        for name, (_, process) in self._processes.items():
            if process.poll() is not None:
                return name, process.returncode
        return None

    def watch(self, stop: threading.Event) -> None:
        """Until ``stop``: restart queue, workers and batch runners that die. A gateway that dies ends everything."""
        while not stop.wait(POLL_S):
            self.keep_queue_up()
            if (dead := self.first_dead()) is None:
                continue
            name, code = dead
            command, process = self._processes[name]
            if command == "gateway":
                raise click.ClickException(f"The gateway ended with code {code}.")
            console.print(f"[yellow]{name} ended with code {code}; starting it again.[/]")
            end(process)
            stop.wait(RESTART_PAUSE_S)
            self.start(name, command)


def _wait_until_ready(url: str, children: _Children, stop: threading.Event) -> bool:
    if not console.is_terminal:
        console.print("Starting worker and gateway…")
    with console.status("Starting worker and gateway…"), httpx.Client(timeout=2, trust_env=False) as client:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not stop.wait(POLL_S):
            children.keep_queue_up()
            if dead := children.first_dead():
                raise click.ClickException(f"The {dead[0]} ended with code {dead[1]} before it was ready.")
            if time.monotonic() > deadline:
                raise click.ClickException(f"Not ready after {READY_TIMEOUT_S} s.")
            with contextlib.suppress(httpx.HTTPError):
                if client.get(f"{url}/readyz").is_success:
                    return True
    return False


def _greet(url: str, *, wants_key: bool) -> None:
    body = '{"model": "kokoro", "input": "Hello world!", "voice": "af_bella"}'
    console.print(f"\n[bold green]Ready.[/] OpenAI's API at [bold]{url}/v1[/], documentation at {url}/docs. Try:\n")
    key = '-H "Authorization: Bearer $API_KEY" ' if wants_key else ""
    curl = f"curl {url}/v1/audio/speech {key}-H 'Content-Type: application/json' -d '{body}' -o hello.mp3"
    console.print(f"  {curl}\n", soft_wrap=True, highlight=False, markup=False)
    console.print("Ctrl-C stops everything.")
