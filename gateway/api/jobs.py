"""Audio jobs: a book, or many texts, spoken when there is room, into files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from gateway.api.audio_response import unbuffered
from gateway.api.body import answered, documented, read_json
from gateway.api.errors import error_body
from gateway.api.files import files_of, listed, sent
from gateway.api.job_schemas import JobItem, JobRequest
from gateway.api.models import require_model
from gateway.api.sse import EVENT_STREAM
from gateway.api.tenancy import tenant_of
from gateway.api.utterances import Desk
from gateway.api.webhook_urls import require_webhook
from gateway.audio.choice import choose_format
from gateway.batch.errors import UnknownBatch
from gateway.batch.files import JOB_INPUT, FileCard
from gateway.batch.records import new_batch
from gateway.books.source import encoded
from shared.errors import FleetError, InputTooLarge, UnspeakableText
from shared.streams.batches import OVER, TIMES, BatchRecord, BatchStore
from shared.streams.files import FileRecord
from shared.streams.pages import Page

router = APIRouter(prefix="/v1/audio/jobs", tags=["jobs"])

KIND = "audio_job"
DAY_S = 86_400
WINDOW_S = 7 * DAY_S
"""A book of 500 pages is a day's work for one CPU, when there is nothing else to do."""
MAX_LISTED = 100
MAX_OPTIONS_BYTES = 256_000
"""Of all that a job says beside its texts; it is kept in Redis."""
LOOK_S = 0.5
"""How often the progress is looked at for those who follow it."""
KEEP_ALIVE_S = 15.0


@router.post("", status_code=202, openapi_extra=documented(JobRequest))
async def create_job(request: Request) -> JSONResponse:
    """Have a book, or several texts, spoken when there is room."""
    desk = Desk.of(request)
    body = await read_json(request, JobRequest, desk.settings.max_job_body_bytes)
    speech = body.speech()
    _require_size(desk, body, speech)
    await desk.resolved(lambda: _require_known(desk, body, speech))
    await require_webhook(request, body.webhook_url)
    source = await files_of(request).write(_source_card(desk), _source(body))
    batch = _job(desk, body, speech, source)
    try:
        await files_of(request).enter(source)
        await _store(request).create(batch)
    except FleetError:
        await files_of(request).delete(source)
        raise
    return JSONResponse(_card(request, batch), 202, {"location": _path(request, batch.id)})


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
        with contextlib.suppress(FleetError):  # its time may be over
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
    file_id = next((told["file_id"] for told in batch.outcome.get("files", ()) if told["name"] == name), name)
    return await sent(request, await files_of(request).get(file_id, batch.tenant_id))


def _require_size(desk: Desk, body: JobRequest, speech: dict[str, Any]) -> None:
    """Raises InputTooLarge, UnspeakableText."""
    texts = [body.input] if body.input is not None else [item.input for item in body.items or ()]
    param = "items" if body.input is None else "input"
    characters, limit = sum(map(len, texts)), desk.settings.max_job_input_length
    if characters > limit:
        raise InputTooLarge(f"The {param} has {characters} characters; at most {limit} are allowed.", param=param)
    if body.items and len(body.items) > desk.settings.max_job_items:
        raise InputTooLarge(f"A job has at most {desk.settings.max_job_items} items.", param="items")
    for place, text in enumerate(texts):
        if body.items:
            desk.require_length(len(text), f"items[{place}]")
        if not text.strip():
            raise UnspeakableText("There is nothing to be spoken.", param=f"items[{place}]" if body.items else "input")
    if len(json.dumps(speech)) > MAX_OPTIONS_BYTES:
        raise InputTooLarge(f"All options together may have {MAX_OPTIONS_BYTES} bytes.", param="lexicon")


async def _require_known(desk: Desk, body: JobRequest, speech: dict[str, Any]) -> None:
    """Raises FleetError where a voice, a language, a model or a rate is named that there is not."""
    require_model(body.model)
    for place, item in enumerate(body.items or [JobItem.model_validate({**speech, "input": ""})]):
        said = JobItem.model_validate(body.speech(item)) if body.items else item
        try:
            desk.style(said.voice, said.lang_code, said.voice_aliases)
            choose_format(said.response_format, said.sample_rate, said.bitrate, desk.settings.sample_rate)
        except FleetError as error:
            if body.items:
                error.param = f"items[{place}]"
            raise


def _source_card(desk: Desk) -> FileCard:
    # A day longer than the job has: then it is bound, or nobody will.
    return FileCard(desk.tenant.id, JOB_INPUT, "input", "application/octet-stream", WINDOW_S + DAY_S)


async def _source(body: JobRequest) -> AsyncGenerator[bytes, None]:
    if body.input is not None:
        async for piece in encoded(body.input):
            yield piece
    for item in body.items or ():
        yield json.dumps(body.speech(item)).encode() + b"\n"


def _job(desk: Desk, body: JobRequest, speech: dict[str, Any], source: FileRecord) -> BatchRecord:
    chapters = body.chapters if isinstance(body.chapters, str) else [[each.title, each.start] for each in body.chapters]
    fields = {
        "source_file_id": source.id,
        "speech": speech,
        "is_book": body.input is not None,
        "is_concatenated": body.is_concatenated,
        "chapters": chapters,
        "chapter_pause": body.chapter_pause,
        "subtitles": body.subtitles,
        "title": body.title,
        "author": body.author,
        "metadata": body.metadata,
        "webhook_url": body.webhook_url,
    }
    batch = new_batch(KIND, desk.tenant, fields, window_s=WINDOW_S, kept_s=desk.settings.file_ttl_s)
    return replace(batch, id=f"job_{secrets.token_urlsafe(18)}")


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
        "files": [{**told, "url": f"{folder}/{told['name']}"} for told in outcome.get("files", ())],
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
