"""A Valkey primary, its replica and three Sentinels, on loopback, with passwords for all."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import redis

from cli.embedded import find_valkey
from tests.conftest import _free_port, wait_until

SERVICE = "fleet"
PASSWORD, SENTINEL_PASSWORD = "pr:mary", "w@tch"
DOWN_AFTER_MS = 1000
QUORUM = 2


class Failover:
    """``url`` leads to whichever of the pair is the primary."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = [_free_port() for _ in range(5)]
        self._processes: list[subprocess.Popen[bytes]] = []
        sentinels = ",".join(f"127.0.0.1:{port}" for port in self._ports[2:])
        self.url = f"redis+sentinel://:pr%3Amary@{sentinels}/{SERVICE}/0?sentinel_password=w%40tch"

    def start(self) -> None:
        primary, replica, *sentinels = self._ports
        common = f'bind 127.0.0.1\nsave ""\nrequirepass {PASSWORD}\nprimaryauth {PASSWORD}\n'
        self._run(primary, common)
        self._run(replica, f"{common}replicaof 127.0.0.1 {primary}\n")
        wait_until(lambda: self._says(primary, "connected_slaves") == 1, "the replica follows")
        for port in sentinels:
            self._run(port, _sentinel(primary), "--sentinel")
        wait_until(lambda: all(self._watches(port) for port in sentinels), "the sentinels know each other", 30)

    def kill_primary(self) -> None:
        self._processes[0].kill()
        self._processes[0].wait()

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _run(self, port: int, words: str, *options: str) -> None:
        folder = self._folder / str(port)
        folder.mkdir()
        config = folder / "valkey.conf"
        config.write_text(f"port {port}\ndir {folder}\n{words}")
        with (folder / "log").open("wb") as log:
            self._processes.append(subprocess.Popen([find_valkey(), str(config), *options], stdout=log, stderr=log))

    def _says(self, port: int, word: str) -> object:
        with redis.Redis(port=port, password=PASSWORD) as client, contextlib.suppress(redis.ConnectionError):
            return client.info("replication")[word]
        return None

    def _watches(self, port: int) -> bool:
        with redis.Redis(port=port, password=SENTINEL_PASSWORD) as client, contextlib.suppress(redis.ConnectionError):
            seen = client.sentinel_masters()[SERVICE]
            return bool(seen["num-other-sentinels"] == 2 and seen["num-slaves"] == 1)
        return False


def _sentinel(primary: int) -> str:
    return f"""bind 127.0.0.1
requirepass {SENTINEL_PASSWORD}
sentinel sentinel-pass {SENTINEL_PASSWORD}
sentinel monitor {SERVICE} 127.0.0.1 {primary} {QUORUM}
sentinel auth-pass {SERVICE} {PASSWORD}
sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}
sentinel failover-timeout {SERVICE} 5000
"""


@contextlib.contextmanager
def running_failover(folder: Path) -> Iterator[Failover]:
    pair = Failover(folder)
    try:
        pair.start()
        yield pair
    finally:
        pair.close()
