"""Audio kept for download, in a folder that any number of gateways may share.

A file is written beside its place, under a name that nobody is given, and gets its own once it is whole and on the
disk: so what can be fetched is whole, whichever gateway is asked and whenever one dies. Age, number and size bound
what the folder holds, and whoever has most in it gives way first; other files in it are left alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from gateway.assembly import Stretch
from gateway.audio.formats import AudioFormat
from gateway.keepsakes import Keepsake
from gateway.threads import run_to_end
from shared.errors import FleetError
from shared.observe import logger

log = logger(__name__)

T = TypeVar("T")

_TOKEN_BYTES = 16
_OWNER = r"([a-z0-9_-]+~)?"
_LINKED = re.compile(r"[A-Za-z0-9_-]{22}\.[a-z0-9]{2,5}")
_NAME = re.compile(_OWNER + _LINKED.pattern)
_PART = re.compile(rf"\.{_NAME.pattern}\.part")


class UnknownDownload(FleetError):
    """No such file, or not any more."""

    code = "download_not_found"


class DownloadNotReady(FleetError):
    """Its audio is still being made."""

    code = "download_not_ready"
    retry_after_s: float = 1


class DownloadsUnavailable(FleetError):
    """The folder cannot be written."""

    code = "downloads_unavailable"


@dataclass(frozen=True, slots=True)
class Download:
    """What a request wants to be kept; the names cannot be guessed."""

    format: AudioFormat | None
    """Of the audio; None: no audio is kept."""
    with_timing: bool
    token: str
    tenant_id: str = ""

    @classmethod
    def new(cls, form: AudioFormat | None, *, with_timing: bool, tenant_id: str = "") -> Download:
        return cls(form, with_timing, secrets.token_urlsafe(_TOKEN_BYTES), tenant_id)

    @property
    def audio_name(self) -> str | None:
        return f"{self.token}.{self.format.extension}" if self.format else None

    @property
    def timing_name(self) -> str | None:
        return f"{self.token}.json" if self.with_timing else None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of what is kept. The newest file is kept whatever its size."""

    max_age_s: float
    max_count: int
    """Downloads; audio and its timing count as one."""
    max_bytes: int
    part_life_s: float
    """A file that is being made and was not written to for so long is nobody's any more."""


class Kept(NamedTuple):
    """How much there is."""

    num_downloads: int
    num_bytes: int
    num_being_made: int


class _Stored(NamedTuple):
    """The files of one download."""

    owner: str
    paths: list[Path]
    modified: float
    size: int


class DownloadStore:
    """The folder. Its methods touch the disk: call them in a thread; only ``kept`` does so itself."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self.folder = folder
        self._bounds = bounds

    async def kept(
        self, stretches: AsyncGenerator[Stretch, None], download: Download, text: str
    ) -> AsyncGenerator[Stretch, None]:
        """``stretches`` as they are, kept as ``download`` once the last was taken. Raises DownloadsUnavailable."""
        async with contextlib.aclosing(stretches):
            keepsake = await self._trying(partial(self._begin, download, text))
            try:
                async for stretch in stretches:
                    await self._trying(partial(keepsake.add, stretch))
                    yield stretch
                await self._trying(partial(self._keep, keepsake, download))
            finally:
                await run_to_end(keepsake.discard)

    def find(self, name: str, tenant_id: str = "") -> Path:
        """The file behind a link to that name, for its tenant alone. Raises UnknownDownload, DownloadNotReady."""
        if _LINKED.fullmatch(name):
            path = self._path(name, tenant_id)
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime <= self._bounds.max_age_s:
                    return path
            if _part(path).exists():
                raise DownloadNotReady("The audio is still being made; the file will be there once it is whole.")
        raise UnknownDownload("There is no such download, or not any more.")

    def sweep(self) -> None:
        """Delete what is beyond the bounds, and what gateways that died left unfinished."""
        for each in _beyond(self._bounds, list(self._stored())):
            _unlink(each.paths)
        dead = time.time() - self._bounds.part_life_s
        _unlink([path for path, stat in self._files(_PART) if stat.st_mtime < dead])

    def count(self) -> Kept:
        """What there is now."""
        stored = list(self._stored())
        return Kept(len(stored), sum(each.size for each in stored), len(list(self._files(_PART))))

    def _begin(self, download: Download, text: str) -> Keepsake:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        audio, timing = (
            _part(self._path(name, download.tenant_id)) if name else None
            for name in (download.audio_name, download.timing_name)
        )
        return Keepsake(download.format, audio, timing, text)

    def _keep(self, keepsake: Keepsake, download: Download) -> None:
        keepsake.finish()
        for name in (download.timing_name, download.audio_name):
            if name:
                _publish(self._path(name, download.tenant_id))
        self.sweep()

    def _path(self, name: str, tenant_id: str) -> Path:
        """Where what is linked to as ``name`` is: whose it is, is part of its name on the disk."""
        return self.folder / (f"{tenant_id}~{name}" if tenant_id else name)

    def _stored(self) -> Iterator[_Stored]:
        found: dict[str, list[tuple[Path, os.stat_result]]] = defaultdict(list)
        for path, stat in self._files(_NAME):
            found[path.stem].append((path, stat))
        for stem, files in found.items():
            stats = [stat for _, stat in files]
            newest, size = max(stat.st_mtime for stat in stats), sum(stat.st_size for stat in stats)
            yield _Stored(stem.rpartition("~")[0], [path for path, _ in files], newest, size)

    def _files(self, pattern: re.Pattern[str]) -> Iterator[tuple[Path, os.stat_result]]:
        """Files of such names; those that another gateway deletes meanwhile are passed over."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                if pattern.fullmatch(entry.name):
                    with contextlib.suppress(FileNotFoundError):
                        yield Path(entry.path), entry.stat(follow_symlinks=False)

    async def _trying(self, work: Callable[[], T]) -> T:
        try:
            return await run_to_end(work)
        except OSError as error:
            log.exception("download_not_kept", folder=str(self.folder))
            raise DownloadsUnavailable("The file for download cannot be written; ask for no link.") from error


def _beyond(bounds: Bounds, stored: list[_Stored]) -> Iterator[_Stored]:
    """What has to go: the old, then the oldest of whoever has most, until number and size are within their bounds."""
    stored.sort(key=lambda each: each.modified)
    oldest = time.time() - bounds.max_age_s
    num_old = sum(each.modified < oldest for each in stored)
    yield from stored[:num_old]
    kept = stored[num_old:]
    count, size = len(kept), sum(each.size for each in kept)
    theirs: dict[str, deque[_Stored]] = defaultdict(deque)
    counts, sizes = Counter[str](), Counter[str]()
    for each in kept[:-1]:  # the newest stays
        theirs[each.owner].append(each)
        counts[each.owner] += 1
        sizes[each.owner] += each.size
    while theirs and (count > bounds.max_count or size > bounds.max_bytes):
        most = counts if count > bounds.max_count else sizes
        owner = max(theirs, key=most.__getitem__)
        gone = theirs[owner].popleft()
        counts[owner] -= 1
        sizes[owner] -= gone.size
        if not theirs[owner]:
            del theirs[owner]
        count, size = count - 1, size - gone.size
        yield gone


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _publish(path: Path) -> None:
    _part(path).rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
