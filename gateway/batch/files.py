"""Stored files: a record in Redis, the bytes in object storage."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from gateway.batch.errors import FileTooLarge, UnknownFile
from gateway.storage import Storage
from shared.errors import QuotaExhausted
from shared.streams.files import FOLDER, DueFile, FileRecord, FileStore, object_key
from shared.streams.pages import Page
from shared.tenants import Tenant

SWEEP_AT_ONCE = 1000
MAX_NAME_LENGTH = 255

DAY_S = 86_400
LONGEST_LIFE_S = 30 * DAY_S
"""Of any file, as OpenAI has it."""

BATCH_INPUT, BATCH_OUTPUT = "batch", "batch_output"
JOB_INPUT, JOB_PART, JOB_OUTPUT = "audio_job_input", "audio_job_part", "audio_job_output"

LISTED = frozenset({BATCH_INPUT, BATCH_OUTPUT, JOB_OUTPUT})
"""Purposes of the files that are shown to who does not ask for others: those are gone when their job is over."""


@dataclass(frozen=True, slots=True)
class FileCard:
    """What a file is, before it is there."""

    tenant_id: str
    purpose: str
    filename: str
    content_type: str
    life_s: int


class Files:
    """Files by whose they are. Raises StorageUnavailable, QueueUnavailable."""

    def __init__(self, store: FileStore, storage: Storage) -> None:
        self._store = store
        self._storage = storage

    async def write(self, card: FileCard, pieces: AsyncIterator[bytes], max_bytes: int | None = None) -> FileRecord:
        """Store bytes under a new id that nobody knows yet: ``enter``, or a batch's result, makes it known.

        What cannot be written whole leaves nothing. Raises FileTooLarge, and whatever ``pieces`` raises.
        """
        file_id = f"file-{secrets.token_urlsafe(18)}"
        num_bytes = await self._storage.put(object_key(file_id), _bounded(pieces, max_bytes))
        now = int(time.time())
        return FileRecord(
            id=file_id,
            tenant_id=card.tenant_id,
            purpose=card.purpose,
            filename=card.filename[:MAX_NAME_LENGTH],
            num_bytes=num_bytes,
            content_type=card.content_type,
            created_at=now,
            expires_at=now + card.life_s,
        )

    async def enter(self, record: FileRecord, tenant: Tenant) -> None:
        """Make a file that its tenant has had written known. Raises QuotaExhausted, and it is deleted."""
        if not await self._store.enter(record, tenant.limits.stored_bytes):
            await self.discard(record)
            raise _full(tenant)

    async def require_room(self, tenant: Tenant) -> None:
        """Raise QuotaExhausted where a tenant has as much stored as it may."""
        limit = tenant.limits.stored_bytes
        if limit is not None and await self._store.stored_bytes(tenant.id) >= limit:
            raise _full(tenant)

    async def discard(self, record: FileRecord) -> None:
        """Delete the bytes of a file that was not made known."""
        await self._storage.delete(record.key)

    async def get(self, file_id: str, tenant_id: str) -> FileRecord:
        """Raises UnknownFile."""
        record = await self._store.get(file_id, tenant_id)
        if record is None:
            raise UnknownFile(f"No such file: {file_id[:80]!r}.", param="file_id")
        return record

    async def page(
        self, tenant_id: str, page: Page, purposes: frozenset[str] | None = None
    ) -> tuple[list[FileRecord], bool]:
        """A tenant's files by when they were made, and whether there are more."""
        return await self._store.page(tenant_id, page, purposes)

    def read(self, record: FileRecord, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Bytes ``start`` to ``end``, the latter excluded. Raises StorageUnavailable where they are gone."""
        return self._storage.get(record.key, start, record.num_bytes if end is None else end)

    async def delete(self, record: FileRecord) -> None:
        """Nobody finds it from here on; its bytes go now, or with the next sweep."""
        await self._store.forget(record)
        await self._remove(DueFile(record.id, record.purpose, record.tenant_id))

    async def sweep(self) -> int:
        """Delete the bytes of files whose time is over; returns of how many."""
        swept = 0
        while due := await self._store.due(time.time(), SWEEP_AT_ONCE):
            for each in due:
                await self._remove(each)
            swept += len(due)
        return swept

    async def sweep_strays(self, now: float) -> int:
        """Delete bytes older than any file may be: nobody knows of them. Returns of how many."""
        swept = 0
        async for each in self._storage.list(FOLDER):
            if each.modified < now - LONGEST_LIFE_S - DAY_S:
                await self._storage.delete(each.key)
                swept += 1
        return swept

    async def _remove(self, due: DueFile) -> None:
        await self._storage.delete(object_key(due.id))
        await self._store.strike(due)


def _full(tenant: Tenant) -> QuotaExhausted:
    return QuotaExhausted(
        f"You exceeded your current quota of {tenant.limits.stored_bytes} bytes stored. Delete files, or wait until "
        "some expire."
    )


async def _bounded(pieces: AsyncIterator[bytes], max_bytes: int | None) -> AsyncGenerator[bytes, None]:
    num_bytes = 0
    async for piece in pieces:
        num_bytes += len(piece)
        if max_bytes is not None and num_bytes > max_bytes:
            raise FileTooLarge(f"The file is larger than {max_bytes} bytes.", param="file")
        yield piece
