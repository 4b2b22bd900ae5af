"""Object storage: a folder, or anything that speaks S3. An object is whole or not there."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from shared.errors import FleetError

PART_BYTES = 5 * 1024 * 1024
"""What goes to the storage in one go: S3's least for all parts but the last."""

PARTS_AT_ONCE = 2
"""So an upload, however large, holds this many parts in memory, and one that is being filled."""

READ_BYTES = 1024 * 1024
"""What comes from the storage in one go. Each is a request of its own: none stays open for a slow reader."""

CONNECT_TIMEOUT, REQUEST_TIMEOUT = timedelta(seconds=5), timedelta(seconds=30)
"""Of S3; a request that moves READ_BYTES or PART_BYTES. Tried again within the latter, not longer: somebody waits."""

LET_GO_S = 0.2


class StorageUnavailable(FleetError):
    """It cannot be reached, or written, or has lost what was asked for."""

    code = "storage_unavailable"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a listing tells."""

    key: str
    num_bytes: int
    modified: float
    """Unix seconds."""


class Storage:
    """Objects by their keys. Raises StorageUnavailable."""

    def __init__(self, place: _Folder | _Bucket) -> None:
        self._place = place

    @classmethod
    def at(cls, url: str) -> Storage:
        """A folder, as a path or a file:// URL, or s3://bucket/prefix; nothing is reached yet. Raises FleetError."""
        parts = urlsplit(url)
        if parts.scheme == "s3" and parts.netloc:
            return cls(_Bucket(parts.netloc, parts.path.strip("/")))
        if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
            raise FleetError(f"STORAGE_URL must be a folder, file:///folder or s3://bucket/prefix; not {url!r}.")
        folder = Path(unquote(parts.path) if parts.scheme else url)
        if not folder.name:
            raise FleetError("STORAGE_URL names no folder.")
        return cls(_Folder(folder))

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        """Store an object under a key, in place of any other; returns its bytes.

        Where ``pieces`` raises, that is raised, and nothing is stored. What an S3 upload had sent by then stays with
        the bucket, unseen, until its lifecycle rule for incomplete uploads takes it.
        """
        counted = _Counted(pieces)
        with _reaching():
            try:
                await obstore.put_async(
                    self._place.open(), key, counted.parts(), chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                )
            except BaseException:
                if counted.error is not None:
                    raise counted.error from None
                raise
        return counted.num_bytes

    async def get(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Bytes ``start`` to ``end``, the latter excluded, of an object that has as many."""
        for first in range(start, end, READ_BYTES):
            with _reaching():
                last = min(first + READ_BYTES, end)
                piece = bytes(await obstore.get_range_async(self._place.open(), key, start=first, end=last))
            yield piece

    async def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        with _reaching(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._place.open(), key)

    async def close(self) -> None:
        """Call before the process ends: obstore's threads need this long to let go of Python, or it aborts."""
        await asyncio.sleep(LET_GO_S)

    async def list(self, prefix: str) -> AsyncGenerator[StoredObject, None]:
        """All objects whose keys begin with the folders of ``prefix``."""
        with _reaching():
            async for page in obstore.list(self._place.open(), prefix):
                for meta in page:
                    yield StoredObject(meta["path"], meta["size"], meta["last_modified"].timestamp())


class _Folder:
    """A folder that is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store: LocalStore | None = None

    def open(self) -> LocalStore:
        if self._store is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._store = LocalStore(self._folder.absolute())
        return self._store


class _Bucket:
    """What credentials and endpoint the environment names for it."""

    def __init__(self, bucket: str, prefix: str) -> None:
        is_plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            client_options={"allow_http": is_plain, "connect_timeout": CONNECT_TIMEOUT, "timeout": REQUEST_TIMEOUT},
            retry_config={"max_retries": 3, "retry_timeout": REQUEST_TIMEOUT},
        )

    def open(self) -> S3Store:
        return self._store


class _Counted:
    """Pieces on their way to the storage, which tells of their errors only that there were some."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.num_bytes = 0
        self.error: Exception | None = None

    async def parts(self) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in self._pieces:
                self.num_bytes += len(piece)
                yield piece
        except Exception as error:
            self.error = error
            raise


@contextlib.contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise StorageUnavailable("What was stored there is gone.", code="storage_lost") from error
    except (BaseError, OSError) as error:
        raise StorageUnavailable("The storage cannot be reached.") from error
