"""One test over both kinds of storage: a folder, and a real S3 server on loopback."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path

import boto3
import httpx
import pytest

from gateway.storage import PART_BYTES, Storage, StorageUnavailable
from shared.errors import FleetError
from tests.conftest import _free_port, wait_until

PIECE = bytes(range(256)) * 1024


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a prefix in a bucket; the environment names its server."""
    url, log = f"http://127.0.0.1:{_free_port()}", tmp_path_factory.mktemp("s3") / "log"
    names = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    with log.open("ab") as out, pytest.MonkeyPatch.context() as environment:
        for name, value in names.items():
            environment.setenv(name, value)
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", url.rpartition(":")[2]]
        server = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ)
        try:
            wait_until(lambda: answers(url), "the S3 server", 60)
            boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="fleet")
            yield "s3://fleet/some/prefix"
        finally:
            server.kill()
            server.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(params=["folder", "s3"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    url = request.getfixturevalue("s3") if request.param == "s3" else (tmp_path / "deep" / "folder").as_uri()
    storage = Storage.at(url)
    yield storage
    await storage.close()


async def pieces(count: int, error: Exception | None = None) -> AsyncGenerator[bytes, None]:
    for _ in range(count):
        yield PIECE
    if error:
        raise error


async def read(storage: Storage, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in storage.get(key, start, end)])


async def keys(storage: Storage, prefix: str) -> list[str]:
    return sorted([each.key async for each in storage.list(prefix)])


@pytest.mark.parametrize("count", [0, 1, 50])
async def test_what_is_put_comes_back(storage: Storage, count: int) -> None:
    size = count * len(PIECE)
    assert await storage.put("a/one", pieces(count)) == size
    assert await read(storage, "a/one", 0, size) == PIECE * count
    (listed,) = [each async for each in storage.list("a")]
    assert (listed.key, listed.num_bytes) == ("a/one", size)


async def test_a_part_of_it(storage: Storage) -> None:
    await storage.put("a/one", pieces(10))
    assert await read(storage, "a/one", 1_000_000, 2_200_000) == (PIECE * 10)[1_000_000:2_200_000]


async def test_one_put_takes_anothers_place(storage: Storage) -> None:
    await storage.put("b/one", pieces(5))
    await storage.put("b/one", pieces(2))
    assert [each.num_bytes async for each in storage.list("b")] == [2 * len(PIECE)]


@pytest.mark.parametrize("count", [1, 2 * PART_BYTES // len(PIECE)])
async def test_what_fails_in_the_middle_leaves_nothing(storage: Storage, count: int) -> None:
    with pytest.raises(FleetError, match="cut off"):
        await storage.put("c/one", pieces(count, FleetError("cut off")))
    assert await keys(storage, "c") == []


async def test_what_is_cancelled_leaves_nothing(storage: Storage) -> None:
    began = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        for number in range(10_000):
            if number == 30:
                began.set()
            await asyncio.sleep(0.001)
            yield PIECE

    putting = asyncio.create_task(storage.put("d/one", endless()))
    await began.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await keys(storage, "d") == []


async def test_deleted_is_gone_and_twice_is_no_error(storage: Storage) -> None:
    await storage.put("e/one", pieces(1))
    await storage.put("e/two", pieces(1))
    for _ in range(2):
        await storage.delete("e/one")
    assert await keys(storage, "e") == ["e/two"]
    with pytest.raises(StorageUnavailable) as caught:
        await read(storage, "e/one", 0, 5)
    assert caught.value.code == "storage_lost"


async def test_memory_is_bounded(storage: Storage) -> None:
    tracemalloc.start()
    try:
        await storage.put("f/one", pieces(100))
        async for _ in storage.get("f/one", 0, 100 * len(PIECE)):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000  # of Python's; 26 MB went through


async def test_a_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{_free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    storage = Storage.at("s3://fleet")
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        await storage.put("a", pieces(1))
    await storage.close()


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable):
        await Storage.at(str(tmp_path / "file" / "folder")).put("a", pieces(1))


@pytest.mark.parametrize("url", ["ftp://host/folder", "s3://", "file://elsewhere/folder", "", "/"])
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(FleetError):
        Storage.at(url)
