"""A backup as docs/operations.md tells: taken while all goes on, it brings tenants and voices into an empty queue."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import redis as sync_redis

from tests.conftest import Valkey, running_service, wait_until
from tests.system.test_cli import cli

pytestmark = pytest.mark.deploy


def backup(server: Valkey, folder: Path, to: Path) -> None:
    with sync_redis.Redis.from_url(server.url) as client:
        client.bgsave()
        wait_until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"], "the snapshot is taken")
        assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"
    shutil.copy(folder / "dump.rdb", to)


def writes_its_file(client: sync_redis.Redis) -> bool:
    told = cast("dict[str, Any]", client.info("persistence"))
    return bool(told["aof_rewrite_scheduled"] or told["aof_rewrite_in_progress"])


def restored(folder: Path) -> Valkey:
    """A server with an append-only file made of the snapshot in ``folder``: with such a file it reads no snapshot."""
    server = Valkey(folder)
    server.start()
    with sync_redis.Redis.from_url(server.url) as client:
        client.config_set("appendonly", "yes")
        wait_until(lambda: not writes_its_file(client), "the file is written")
    server.stop()
    durable = Valkey(folder, durable=True)
    durable.start()
    return durable


def test_a_restored_queue_knows_its_tenants(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
    server = Valkey(before, durable=True)
    server.start()
    try:
        key = cli("tenants", "add", "acme", REDIS_URL=server.url).stdout.strip()
        backup(server, before, after / "dump.rdb")
    finally:
        server.stop()
    server = restored(after)
    try:
        with running_service(server.url, tmp_path, {"REQUIRE_API_KEY": "true"}) as service:
            assert service.speak_as(key, "Still known.").status_code == httpx.codes.OK
            assert service.speak_as("sk-kf-nobody", "Unknown.").status_code == httpx.codes.UNAUTHORIZED
    finally:
        server.stop()
