"""The folder of downloads: only what is whole can be found, and what is there stays within its bounds."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from gateway.assembly import Stretch
from gateway.audio.formats import audio_format
from gateway.downloads import (
    Bounds,
    Download,
    DownloadNotReady,
    DownloadStore,
    DownloadsUnavailable,
    UnknownDownload,
)

WAV = audio_format("wav")


def store_in(
    folder: Path, *, max_age_s: float = 3600, max_count: int = 100, max_bytes: int = 10**9, part_life_s: float = 600
) -> DownloadStore:
    return DownloadStore(folder, Bounds(max_age_s, max_count, max_bytes, part_life_s))


async def stretches(count: int = 2, fails: bool = False) -> AsyncGenerator[Stretch, None]:
    for _ in range(count):
        yield Stretch(np.ones(2400, np.int16), ())
    if fails:
        raise ConnectionError


async def keep(store: DownloadStore, age_s: float = 0.0, count: int = 2, tenant_id: str = "") -> str:
    """Returns the name."""
    download = Download.new(WAV, with_timing=True, tenant_id=tenant_id)
    assert [len(one.pcm) async for one in store.kept(stretches(count), download, "")] == [2400] * count
    for name in (download.audio_name, download.timing_name):
        assert name is not None
        os.utime(store.folder / (f"{tenant_id}~{name}" if tenant_id else name), (time.time() - age_s,) * 2)
    assert download.audio_name is not None
    return download.audio_name


def names_in(store: DownloadStore) -> set[str]:
    return {path.name for path in store.folder.iterdir()}


async def test_a_file_is_there_once_it_is_whole(tmp_path: Path) -> None:
    store, download = store_in(tmp_path / "new" / "folder"), Download.new(WAV, with_timing=False)
    name = download.audio_name or ""
    kept = store.kept(stretches(), download, "")
    await anext(kept)
    with pytest.raises(DownloadNotReady):
        store.find(name)
    await anext(kept)
    assert await anext(kept, None) is None
    assert store.find(name).read_bytes()[44:] == b"\x01\x00" * 4800
    assert names_in(store) == {name}


async def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    store, download = store_in(tmp_path), Download.new(WAV, with_timing=True)
    with pytest.raises(ConnectionError):
        async for _ in store.kept(stretches(fails=True), download, ""):
            pass
    assert names_in(store) == set()


async def test_a_reader_that_leaves_leaves_nothing(tmp_path: Path) -> None:
    store, download = store_in(tmp_path), Download.new(WAV, with_timing=True)
    kept = store.kept(stretches(), download, "")
    await anext(kept)
    assert len(names_in(store)) == 2
    await kept.aclose()
    assert names_in(store) == set()


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = store_in(tmp_path / "file" / "folder")
    with pytest.raises(DownloadsUnavailable):
        await anext(store.kept(stretches(), Download.new(WAV, with_timing=False), ""))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x.wav", "a.wav", "A" * 22 + ".wav", ".AAAAAAAAAAAAAAAAAAAAAA.wav.part"]
)
async def test_names_that_were_never_given_are_unknown(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / ".AAAAAAAAAAAAAAAAAAAAAA.wav.part").touch()
    (tmp_path / ".BAAAAAAAAAAAAAAAAAAAAA.wav.part").touch()
    with pytest.raises((UnknownDownload, DownloadNotReady)) as caught:
        store_in(tmp_path).find(name)
    assert (caught.type is DownloadNotReady) == (name == "A" * 22 + ".wav")


async def test_an_old_file_is_not_found_even_before_it_is_swept(tmp_path: Path) -> None:
    store = store_in(tmp_path, max_age_s=60)
    name = await keep(store, age_s=61)
    with pytest.raises(UnknownDownload):
        store.find(name)
    store.sweep()
    assert names_in(store) == set()


async def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    store = store_in(tmp_path, max_count=3)
    kept = [await keep(store, age_s=age_s) for age_s in (50, 40, 30, 20, 10)]
    store.sweep()
    assert {name for name in names_in(store) if name.endswith("wav")} == set(kept[2:])
    assert len(names_in(store)) == 6  # each with its timing
    assert store.count().num_downloads == 3


async def test_the_oldest_go_when_they_are_too_large_and_the_newest_stays(tmp_path: Path) -> None:
    store = store_in(tmp_path, max_bytes=25_000)
    kept = [await keep(store, age_s=age_s) for age_s in (30, 20, 10)]  # some 10 kB each
    assert {name for name in names_in(store) if name.endswith("wav")} == set(kept[1:])
    large = await keep(store, count=20)
    assert {name for name in names_in(store) if name.endswith("wav")} == {large}


@pytest.mark.parametrize("bounds", [{"max_count": 4}, {"max_bytes": 45_000}])
async def test_a_tenant_that_keeps_much_takes_nothing_from_another(tmp_path: Path, bounds: dict[str, int]) -> None:
    store = store_in(tmp_path, **bounds)
    kept = [await keep(store, age_s=90, tenant_id="ada"), await keep(store, age_s=80)]
    greedy = [await keep(store, age_s=age_s, tenant_id="bob") for age_s in (70, 60, 50, 40, 30, 0)]
    assert store.find(kept[0], "ada").exists()
    assert store.find(kept[1]).exists()
    assert store.count().num_downloads == 4
    for name in greedy[-2:]:
        assert store.find(name, "bob").exists()


async def test_what_a_dead_gateway_left_goes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    store = store_in(tmp_path, part_life_s=60, max_count=1)
    ours, fresh, foreign = f".{'A' * 22}.wav.part", f".{'B' * 22}.wav.part", "holiday.wav"
    for name, age_s in ((ours, 61), (fresh, 10), (foreign, 10**6)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    store.sweep()
    assert names_in(store) == {fresh, foreign}
