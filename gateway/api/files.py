"""OpenAI's Files API: what batches read, and what they write."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from gateway.api.downloads import UNSAFE_IN_NAMES
from gateway.api.multipart import FileForm
from gateway.api.ranges import part_of
from gateway.api.tenancy import tenant_of
from gateway.batch.files import BATCH_INPUT, LISTED, LONGEST_LIFE_S, MAX_NAME_LENGTH, FileCard, Files
from gateway.settings import GatewaySettings
from shared.errors import InvalidValue
from shared.streams.files import FileRecord
from shared.streams.pages import Page

router = APIRouter(prefix="/v1/files", tags=["files"])

MIN_LIFE_S, MAX_LIFE_S = 3600, LONGEST_LIFE_S
"""As OpenAI has it."""

MAX_FILES_LISTED = 10_000
UPLOADS = frozenset({BATCH_INPUT})
"""Purposes of what is uploaded."""

Order = Literal["asc", "desc"]


def file_card(record: FileRecord) -> dict[str, Any]:
    """OpenAI's file object."""
    return {
        "id": record.id,
        "object": "file",
        "bytes": record.num_bytes,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "filename": record.filename,
        "purpose": record.purpose,
        "status": "processed",
        "status_details": None,
    }


def listed(cards: list[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """OpenAI's page of a list."""
    ids = [card["id"] for card in cards] or [None]
    return {"object": "list", "data": cards, "first_id": ids[0], "last_id": ids[-1], "has_more": has_more}


def read_life_s(anchor: object, seconds: object, param: str, default_s: int) -> int:
    """How long a file is kept, from OpenAI's ``expires_after``. Raises InvalidValue."""
    if anchor is None and seconds is None:
        return default_s
    if anchor != "created_at":
        raise InvalidValue(f"{param}.anchor must be created_at.", param=param)
    digits = str(seconds)
    if not (digits.isascii() and digits.isdigit() and MIN_LIFE_S <= int(digits[:9]) <= MAX_LIFE_S):
        raise InvalidValue(f"{param}.seconds must be {MIN_LIFE_S} to {MAX_LIFE_S}.", param=param)
    return int(digits)


def files_of(request: Request) -> Files:
    files: Files = request.app.state.files
    return files


_FORM = {
    "type": "object",
    "required": ["file", "purpose"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "purpose": {"type": "string", "enum": sorted(UPLOADS)},
        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
        "expires_after[seconds]": {"type": "integer", "minimum": MIN_LIFE_S, "maximum": MAX_LIFE_S},
    },
}


@router.post(
    "", openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}}
)
async def create_file(request: Request) -> dict[str, Any]:
    """Upload a file of requests, one JSON object a line, for a batch to work on."""
    settings: GatewaySettings = request.app.state.settings
    files, tenant = files_of(request), tenant_of(request)
    await files.require_room(tenant)
    form = FileForm(request, "file", settings.max_file_bytes)
    card = FileCard(tenant.id, BATCH_INPUT, "", "application/jsonl", settings.file_ttl_s)
    async with contextlib.aclosing(form.file()) as pieces:
        written = await files.write(card, pieces, settings.max_file_bytes)
    record = None
    try:
        record = _named(written, form, settings.file_ttl_s)
        await files.enter(record, tenant)
    finally:
        if record is None:
            await files.discard(written)
    return file_card(record)


def _named(written: FileRecord, form: FileForm, default_life_s: int) -> FileRecord:
    """The file with what the form says of it, some of which may come after it. Raises InvalidValue."""
    purpose = form.fields.get("purpose")
    if purpose is None:
        raise InvalidValue("purpose is missing.", param="purpose", code="missing_required_parameter")
    if purpose not in UPLOADS:
        raise InvalidValue(f"purpose must be one of {', '.join(sorted(UPLOADS))}.", param="purpose")
    anchor, seconds = form.fields.get("expires_after[anchor]"), form.fields.get("expires_after[seconds]")
    life_s = read_life_s(anchor, seconds, "expires_after", default_life_s)
    name = (form.filename or "")[:MAX_NAME_LENGTH]
    return replace(written, filename=name, purpose=purpose, expires_at=written.created_at + life_s)


@router.get("")
async def list_files(
    request: Request,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_FILES_LISTED)] = MAX_FILES_LISTED,
    order: Order = "desc",
    purpose: str | None = None,
) -> dict[str, Any]:
    """The files that are there, newest first; `after` is the id of the last one seen."""
    files, tenant = files_of(request), tenant_of(request)
    before = await files.get(after, tenant.id) if after else None
    page = Page(limit, f"{before.purpose} {before.id}" if before else None, order == "asc")
    found, has_more = await files.page(tenant.id, page, frozenset({purpose}) if purpose else LISTED)
    return listed([file_card(record) for record in found], has_more)


@router.get("/{file_id}")
async def retrieve_file(request: Request, file_id: str) -> dict[str, Any]:
    """What a file is."""
    return file_card(await files_of(request).get(file_id, tenant_of(request).id))


@router.delete("/{file_id}")
async def delete_file(request: Request, file_id: str) -> dict[str, Any]:
    """Delete a file."""
    files = files_of(request)
    await files.delete(await files.get(file_id, tenant_of(request).id))
    return {"id": file_id, "object": "file", "deleted": True}


_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"*/*": {}}},
    206: {"description": "The part that Range asks for.", "content": {"*/*": {}}},
}


@router.get("/{file_id}/content", response_class=Response, responses=_CONTENT)
@router.api_route("/{file_id}/content", methods=["GET", "HEAD"], include_in_schema=False)
async def retrieve_file_content(request: Request, file_id: str) -> Response:
    """A file's content, or with Range a part of it."""
    return await sent(request, await files_of(request).get(file_id, tenant_of(request).id))


async def sent(request: Request, record: FileRecord) -> Response:
    """The answer that is a file's content, or the part of it that is asked for. Raises NoSuchPart."""
    start, end, status = part_of(request, record.num_bytes)
    headers = {
        "content-length": str(end - start),
        "content-disposition": _disposition(record),
        "accept-ranges": "bytes",
        "cache-control": "private",
        "x-content-type-options": "nosniff",
    }
    if status == 206:
        headers["content-range"] = f"bytes {start}-{end - 1}/{record.num_bytes}"
    if request.method == "HEAD" or start == end:
        return Response(status_code=status, headers=headers, media_type=record.content_type)
    content = await _begun(files_of(request).read(record, start, end))
    return StreamingResponse(content, status, headers, media_type=record.content_type)


async def _begun(pieces: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """``pieces``, the first of which is there: what is wrong with the storage is told before the status line."""
    first = await anext(pieces, b"")

    async def all_of_them() -> AsyncGenerator[bytes, None]:
        async with contextlib.aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece

    return all_of_them()


def _disposition(record: FileRecord) -> str:
    """Under the file's name, without what no file name may have."""
    name = UNSAFE_IN_NAMES.sub("_", record.filename).strip(" .") or record.id
    quoted = quote(name)
    return f'attachment; filename="{name}"' if quoted == name else f"attachment; filename*=utf-8''{quoted}"
