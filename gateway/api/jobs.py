"""Audio jobs: a book, or many texts, spoken when there is room, into files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from gateway.api.audio_response import unbuffered
from gateway.api.body import answered, documented, read_json
from gateway.api.errors import error_body
from gateway.api.files import files_of, listed, sent
from gateway.api.idempotent import Made, Name, made_once
from gateway.api.job_intake import KIND, Intake
from gateway.api.job_schemas import JobRequest
from gateway.api.sse import EVENT_STREAM
from gateway.api.tenancy import tenant_of
from gateway.api.utterances import Desk
from gateway.batch.errors import UnknownBatch, UnknownFile
from gateway.storage import StorageUnavailable
from shared.errors import FleetError
from shared.streams.batches import OVER, TIMES, BatchRecord, BatchStore
from shared.streams.pages import Page

router = APIRouter(prefix="/v1/audio/jobs", tags=["jobs"])

MAX_LISTED = 100
LOOK_S = 0.5
"""How often the progress is looked at for those who follow it."""
KEEP_ALIVE_S = 15.0


@router.post("", status_code=202, openapi_extra=documented(JobRequest))
async def create_job(request: Request) -> JSONResponse:
    """Have a book, or several texts, spoken when there is room; once only, with an Idempotency-Key."""
    desk = Desk.of(request)
    body = await read_json(request, JobRequest, desk.settings.max_job_body_bytes)
    intake = Intake(files_of(request), _store(request), request.app.state.webhook_guard)

    async def make(name: Name) -> Made:
        return await intake.take(desk, body, name)

    made = await made_once(request, body, _store(request), make)
    headers = {"location": _path(request, made.batch.id), **made.headers}
    return JSONResponse(_card(request, made.batch), 202, headers)


@router.get("")
async def list_jobs(
    request: Request, after: str | None = None, limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 20
) -> dict[str, Any]:
    """The jobs, newest first; `after` is the id of the last one seen."""
    before = await _known(request, after) if after else None
    page = Page(limit, f"{KIND} {before.id}" if before else None)
    found, has_more = await _store(request).page(tenant_of(request).id, KIND, page)
    return listed([_card(request, batch) for batch in found], has_more)


@router.get("/{job_id}")
async def retrieve_job(request: Request, job_id: str) -> dict[str, Any]:
    """How far a job is, and at last where its files are."""
    return _card(request, await _known(request, job_id))


@router.delete("/{job_id}")
async def delete_job(request: Request, job_id: str) -> dict[str, Any]:
    """Cancel a job, which stops within a chunk; one that is over is deleted, with its files."""
    batch = await _known(request, job_id)
    if batch.status not in OVER:
        await _store(request).cancel(batch.id)
        return _card(request, await _known(request, job_id))
    for told in batch.outcome.get("files", ()):
        # Its time may be over; bytes that cannot be deleted now are with the next sweep.
        with contextlib.suppress(UnknownFile, StorageUnavailable):
            await files_of(request).delete(await files_of(request).get(told["file_id"], batch.tenant_id))
    await _store(request).forget(batch)
    return {"id": batch.id, "object": "audio.job", "deleted": True}


@router.get(
    "/{job_id}/events", response_class=Response, openapi_extra=answered("The progress, as events.", EVENT_STREAM)
)
async def follow_job(request: Request, job_id: str) -> StreamingResponse:
    """The progress as server-sent events, each with the whole job, until it is over."""
    await _known(request, job_id)
    return StreamingResponse(_events(request, job_id), headers=unbuffered(EVENT_STREAM))


@router.get("/{job_id}/files/{name}", response_class=Response)
@router.api_route("/{job_id}/files/{name}", methods=["GET", "HEAD"], include_in_schema=False)
async def retrieve_job_file(request: Request, job_id: str, name: str) -> Response:
    """One of a job's files, or with Range a part of it."""
    batch = await _known(request, job_id)
    file_id = next((told["file_id"] for told in batch.outcome.get("files", ()) if told["name"] == name), None)
    if file_id is None:
        raise UnknownFile(f"The job has no such file: {name[:80]!r}.", param="name")
    return await sent(request, await files_of(request).get(file_id, batch.tenant_id))


def _card(request: Request, batch: BatchRecord) -> dict[str, Any]:
    """A job as its owner sees it."""
    asked, outcome = batch.request, batch.outcome
    eta_s = batch.eta_s(time.time())
    folder = f"{_path(request, batch.id)}/files"
    errors = outcome.get("errors") or ()
    return {
        "id": batch.id,
        "object": "audio.job",
        "status": batch.status,
        "created_at": batch.created_at,
        "expires_at": batch.expires_at,
        **{f"{status}_at": batch.times.get(status) for status in TIMES},
        "progress": {
            "total": batch.total,
            "done": batch.done,
            "failed": batch.failed,
            "characters": batch.characters,
            "total_characters": batch.total_characters,
            "audio_seconds": round(batch.audio_s, 3),
            "eta_seconds": None if eta_s is None else round(eta_s, 1),
        },
        "output": "concatenated" if asked["is_concatenated"] else "per_item",
        "title": asked["title"],
        "author": asked["author"],
        "metadata": asked["metadata"],
        "files": [{**told, "url": f"{folder}/{quote(told['name'])}"} for told in outcome.get("files", ())],
        "chapters": [{"title": title, "start": start, "end": end} for title, start, end in outcome.get("chapters", ())],
        "error": {name: errors[0].get(name) for name in ("code", "message", "param")} if errors else None,
        "item_errors": outcome.get("item_errors", []),
    }


async def _events(request: Request, job_id: str) -> AsyncGenerator[bytes, None]:
    """An event whenever something has changed; the estimate alone is no change."""
    shown: BatchRecord | None = None
    said_at = time.monotonic()
    try:
        while True:
            batch = await _known(request, job_id)
            is_over = batch.status in OVER
            if batch != shown:
                shown, said_at = batch, time.monotonic()
                kind = batch.status if is_over else "progress"
                yield _event(f"audio.job.{kind}", job=_card(request, batch))
            elif time.monotonic() - said_at > KEEP_ALIVE_S:
                said_at = time.monotonic()
                yield b": still here\n\n"
            if is_over:
                return
            await asyncio.sleep(LOOK_S)
    except FleetError as error:
        yield _event("error", **error_body(error))


def _event(kind: str, **fields: Any) -> bytes:
    return b"data: " + json.dumps({"type": kind, **fields}).encode() + b"\n\n"


def _path(request: Request, job_id: str) -> str:
    return f"{request.scope.get('root_path', '')}{router.prefix}/{job_id}"


async def _known(request: Request, job_id: str) -> BatchRecord:
    """Raises UnknownJob."""
    batch = await _store(request).get(job_id, tenant_of(request).id)
    if batch is None or batch.kind != KIND:
        raise UnknownJob(f"No such job: {job_id[:80]!r}.", param="job_id")
    return batch


def _store(request: Request) -> BatchStore:
    store: BatchStore = request.app.state.batches
    return store


class UnknownJob(UnknownBatch):
    """No such job, not any more, or another tenant's."""

    code = "job_not_found"
