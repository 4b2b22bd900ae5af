"""Audio jobs as they are taken in, by HTTP or from another service's queue."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from gateway.api.idempotent import NAMELESS, Made, Name
from gateway.api.job_schemas import JobItem, JobRequest
from gateway.api.models import require_model
from gateway.api.utterances import Desk
from gateway.api.webhook_urls import require_webhook
from gateway.audio.choice import choose_format
from gateway.batch.files import JOB_INPUT, FileCard, Files
from gateway.batch.records import new_batch
from gateway.books.source import encoded
from gateway.webhooks.addresses import Guard
from shared.errors import FleetError, InputTooLarge, UnspeakableText
from shared.streams.batches import BatchRecord, BatchStore
from shared.streams.files import FileRecord

KIND = "audio_job"
DAY_S = 86_400
WINDOW_S = 7 * DAY_S
"""A book of 500 pages is a day's work for one CPU, when there is nothing else to do."""
MAX_OPTIONS_BYTES = 256_000
"""Of all that a job says beside its texts; it is kept in Redis."""


class Intake:
    """Where requests become jobs."""

    def __init__(self, files: Files, store: BatchStore, guard: Guard | None) -> None:
        """``guard``: None where there are no webhooks."""
        self._files = files
        self._store = store
        self._guard = guard

    async def take(self, desk: Desk, body: JobRequest, name: Name = NAMELESS, job_id: str | None = None) -> Made:
        """A job that any runner may claim from now on, or the one that is there by that name. Raises FleetError."""
        speech = body.speech()
        _require_size(desk, body, speech)
        await desk.resolved(lambda: _require_known(desk, body, speech))
        await require_webhook(self._guard, body.webhook_url)
        await self._files.require_room(desk.tenant)
        source = await self._files.write(_source_card(desk), _source(body))
        job = replace(_job(desk, body, speech, source), id=job_id or f"job_{secrets.token_urlsafe(18)}")
        try:
            await self._files.enter(source, desk.tenant)
        except FleetError:
            await self._files.delete(source)
            raise
        # If the answer is lost, the job may be there all the same: its source stays until its time is over.
        made = await name.enter(self._store, job)
        if not made.is_new:
            await self._files.delete(source)
        return made


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
    for place, item in enumerate(body.items or [JobItem.of({**speech, "input": ""})]):
        said = JobItem.of(body.speech(item)) if body.items else item
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
    return new_batch(KIND, desk.tenant, fields, window_s=WINDOW_S, kept_s=desk.settings.file_ttl_s)
