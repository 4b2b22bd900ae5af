"""deploy/compose/scale.yml without containers: its commands, environment and nginx.conf, as processes on loopback."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cli.embedded import find_valkey
from tests.conftest import START_TIMEOUT_S, Process, _free_port, wait_until

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose"
GATEWAYS = ("gateway-1", "gateway-2")


def find_nginx() -> str:
    """$NGINX, or the one of this machine; without either the test is skipped."""
    found = os.environ.get("NGINX") or shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if not found:
        pytest.skip("no nginx here: apt install nginx-light, or say where it is in NGINX")
    return found


def _services() -> dict[str, dict[str, Any]]:
    text = (COMPOSE / "scale.yml").read_text(encoding="utf-8")
    defaults = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    services: dict[str, dict[str, Any]] = yaml.safe_load(defaults)["services"]
    return services


class Scale:
    """The fleet. ``settings`` are added to those of the file; the engine is the fake one."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._folder = folder
        self._services = _services()
        self._settings = {"ENGINE": "fake", "HOST": "127.0.0.1", "METRICS_HOST": "127.0.0.1", **settings}
        self._redis_port = _free_port()
        self._ports = {name: _free_port() for name in GATEWAYS}
        self._nginx_port = _free_port()
        self.url = f"http://127.0.0.1:{self._nginx_port}"
        self.gateways: dict[str, Process] = {}
        self.workers: list[Process] = []
        self.batch: Process | None = None
        self.metrics_ports: dict[str, int] = {}
        """By service; of workers that of the newest."""
        self._others: list[subprocess.Popen[bytes]] = []
        self.valkey: subprocess.Popen[bytes] | None = None

    def direct(self, name: str) -> str:
        """A gateway's own address."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def start(self, workers: int) -> None:
        self.start_valkey()
        for _ in range(workers):
            self.start_worker()
        for name in GATEWAYS:
            self.start_gateway(name)
        self._start_nginx()
        for name in GATEWAYS:
            self.wait_ready(name)
        wait_until(lambda: _status(self.url + "/readyz") == httpx.codes.OK, "nginx serves")

    def start_valkey(self) -> None:
        """Of the same memory as the one before it."""
        folder = self._folder / "valkey"
        folder.mkdir(exist_ok=True)
        options = [*self._services["valkey"]["command"][1:], "--port", str(self._redis_port), "--dir", str(folder)]
        with (self._folder / "valkey.log").open("ab") as log:
            self.valkey = subprocess.Popen([find_valkey(), "--bind", "127.0.0.1", *options], stdout=log, stderr=log)

    def start_worker(self) -> Process:
        self.workers.append(self._start("worker", "worker", f"worker-{len(self.workers)}.log"))
        return self.workers[-1]

    def start_gateway(self, name: str) -> Process:
        self.gateways[name] = self._start(name, "gateway", f"{name}.log", PORT=str(self._ports[name]))
        return self.gateways[name]

    def start_batch(self) -> Process:
        self.batch = self._start("batch", "batch", "batch.log")
        return self.batch

    def wait_ready(self, name: str) -> None:
        wait_until(lambda: _status(self.direct(name) + "/readyz") == httpx.codes.OK, f"{name} ready", START_TIMEOUT_S)

    def wait_worker(self) -> None:
        """Until the newest one is ready, which Kubernetes waits for too before it ends an old one."""
        url = f"http://127.0.0.1:{self.metrics_ports['worker']}/readyz"
        wait_until(lambda: _status(url) == httpx.codes.OK, "the new worker is ready", START_TIMEOUT_S)

    def speak(self, text: str, **fields: object) -> httpx.Response:
        body = {"input": text, "response_format": "pcm", **fields}
        return httpx.post(self.url + "/v1/audio/speech", json=body, timeout=60)

    def close(self) -> None:
        for process in [*self.gateways.values(), *self.workers, *([self.batch] if self.batch else [])]:
            if process.process.poll() is None:
                process.kill()
        for other in [*self._others, *([self.valkey] if self.valkey else [])]:
            other.terminate()
            other.wait()

    def _start(self, service: str, command: str, log: str, **more: str) -> Process:
        stated = {name: str(value) for name, value in self._services[service]["environment"].items()}
        stated["REDIS_URL"] = stated["REDIS_URL"].replace("valkey:6379", f"127.0.0.1:{self._redis_port}")
        folders = {"TEMP_FILE_DIR": str(self._folder / "downloads"), "STORAGE_URL": f"file://{self._folder}/files"}
        self.metrics_ports[service] = _free_port()
        ports = {"METRICS_PORT": str(self.metrics_ports[service])}
        return Process(command, {**stated, **folders, **ports, **self._settings, **more}, self._folder / log)

    def _start_nginx(self) -> None:
        """With the shipped file, but for the addresses, the folder, and names looked up anew, which 1.27 brought."""
        conf = (COMPOSE / "nginx.conf").read_text(encoding="utf-8")
        for name in GATEWAYS:
            assert f"server {name}:8880 max_fails=0 resolve;" in conf
            conf = conf.replace(f"{name}:8880 max_fails=0 resolve", f"127.0.0.1:{self._ports[name]} max_fails=0")
        conf = re.sub(r"\n *resolver [^\n]+", "", conf)
        conf = conf.replace("listen 8080;", f"listen 127.0.0.1:{self._nginx_port};").replace(
            " /tmp/", f" {self._folder}/"
        )
        (self._folder / "nginx.conf").write_text(conf, encoding="utf-8")
        user = "user root;" if os.geteuid() == 0 else ""
        command = [find_nginx(), "-e", "stderr", "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")]
        with (self._folder / "nginx.log").open("ab") as log:
            self._others.append(subprocess.Popen([*command, "-g", f"daemon off; {user}"], stdout=log, stderr=log))


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0


@contextlib.contextmanager
def running_scale(folder: Path, settings: dict[str, str] | None = None, *, workers: int = 3) -> Iterator[Scale]:
    find_nginx()
    fleet = Scale(folder, settings or {})
    try:
        fleet.start(workers)
        yield fleet
    finally:
        fleet.close()
