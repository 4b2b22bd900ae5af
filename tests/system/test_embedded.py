"""The queue that `kokoro-fleet up` starts for itself."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import pytest
from redis import Redis

from cli.embedded import EmbeddedValkey, UpSettings, queue_folder, repair
from tests.conftest import wait_until

T = TypeVar("T")


def inside(folder: Path | None, act: Callable[[Redis], T]) -> T:
    """What ``act`` gives while it runs."""
    with EmbeddedValkey(folder) as valkey, Redis.from_url(valkey.url) as client:
        return act(client)


def test_it_knows_what_it_knew_and_only_its_owner_may_look(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "queue"
    inside(folder, lambda client: client.set("tts:tenants:version", "7"))
    assert inside(folder, lambda client: client.get("tts:tenants:version")) == b"7"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder.parent, folder)] == [0o700] * 2


def test_killed_it_knows_all_that_was_answered(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as valkey, Redis.from_url(valkey.url) as client:
        for number in range(100):
            client.set(f"tts:{number}", number)
        assert valkey._process is not None
        valkey._process.kill()
        valkey._process.wait()
        assert valkey.died() == -9
        valkey.start_again()
        assert valkey.died() is None
        assert size(client) == 100


def test_requests_under_way_are_forgotten_when_it_begins_anew_and_not_when_it_only_died(tmp_path: Path) -> None:
    inside(tmp_path, lambda client: client.hset("tts:worker:w", "engine", "fake"))
    with EmbeddedValkey(tmp_path) as valkey, Redis.from_url(valkey.url) as client:
        assert client.keys() == []
        client.hset("tts:worker:w", "engine", "fake")
        valkey.start_again()
        assert client.keys() == [b"tts:worker:w"]


def test_what_was_spoken_leaves_the_disk_with_the_next_start(tmp_path: Path) -> None:
    def spoken() -> bool:
        for path in (tmp_path / "appendonlydir").iterdir():
            with contextlib.suppress(FileNotFoundError):  # one that has just been replaced
                if b"a second of audio" in path.read_bytes():
                    return True
        return False

    inside(tmp_path, lambda client: client.set("tts:reply:gateway", "a second of audio", ex=60))
    assert spoken()
    with EmbeddedValkey(tmp_path):
        wait_until(lambda: not spoken(), "it is written anew")


def test_without_a_folder_it_forgets_all() -> None:
    inside(None, lambda client: client.set("tts:tenants:version", "7"))
    assert inside(None, lambda client: client.get("tts:tenants:version")) is None


def test_a_folder_is_one_ones(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path), pytest.raises(click.ClickException, match=r"Another .* \(process"):
        inside(tmp_path, lambda client: client.ping())
    assert inside(tmp_path, lambda client: client.ping())


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(click.ClickException, match=r"Set QUEUE_DIR .* --ephemeral"):
        inside(tmp_path / "file" / "queue", lambda client: client.ping())


def test_what_was_cut_off_in_the_last_write_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    def fill(client: Redis) -> None:
        for number in range(100):
            client.set(f"tts:{number}", "some words")

    inside(tmp_path, fill)
    records = newest(tmp_path)
    records.write_bytes(records.read_bytes()[:-5])
    assert inside(tmp_path, size) == 99


def test_damage_is_told_with_a_way_out_that_keeps_what_was_before_it(tmp_path: Path) -> None:
    def fill(client: Redis) -> None:
        for number in range(1000):
            client.set(f"tts:{number}", "some words")

    inside(tmp_path, fill)
    records = newest(tmp_path)
    whole = records.read_bytes()
    middle = len(whole) // 2
    records.write_bytes(whole[:middle] + b"nonsense" * 4 + whole[middle + 32 :])
    with pytest.raises(click.ClickException, match=r"Bad file format(?s:.*)up --repair") as told:
        inside(tmp_path, lambda client: client.ping())
    assert str(tmp_path) in told.value.message
    kept = repair(tmp_path)
    assert (kept / records.name).read_bytes() != whole[:middle]
    assert 400 < inside(tmp_path, size) <= 501


def test_nothing_to_repair_is_told(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="nothing to repair"):
        repair(tmp_path)


@pytest.mark.parametrize(
    ("queue_dir", "storage_url", "expected"),
    [
        (None, "data", "data/queue"),
        (None, "/srv/kokoro", "/srv/kokoro/queue"),
        (None, "file:///srv/kokoro%20fleet", "/srv/kokoro fleet/queue"),
        (None, "s3://bucket/prefix", "data/queue"),
        (Path("/var/lib/queue"), "data", "/var/lib/queue"),
    ],
)
def test_it_is_beside_the_files_that_it_knows_of(queue_dir: Path | None, storage_url: str, expected: str) -> None:
    settings = UpSettings(queue_dir=queue_dir)
    assert queue_folder(settings, storage_url) == Path(expected).absolute()


def size(client: Redis) -> int:
    """Of its database, in keys."""
    counted: Any = client.dbsize()
    return int(counted)


def newest(folder: Path) -> Path:
    return max((folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_size)
