"""OpenAI's Batch API: a file of requests for speech, done when there is room."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictStr, field_validator

from gateway.api.body import documented, read_json
from gateway.api.files import files_of, listed, read_life_s
from gateway.api.idempotent import Made, Name, made_once
from gateway.api.tenancy import tenant_of
from gateway.api.webhook_urls import WebhookUrl, require_webhook
from gateway.batch.errors import UnknownBatch
from gateway.batch.files import BATCH_INPUT
from gateway.batch.lines import ENDPOINT
from gateway.batch.records import new_batch
from gateway.settings import GatewaySettings
from shared.errors import InvalidValue
from shared.streams.batches import TIMES, BatchRecord, BatchStore
from shared.streams.pages import Page

router = APIRouter(prefix="/v1/batches", tags=["batches"])

KIND = "speech_lines"
WINDOW_S = 86_400
MAX_LISTED = 100
MAX_METADATA = 16


class ExpiresAfter(BaseModel):
    """When what a batch writes goes."""

    anchor: Literal["created_at"]
    seconds: int


class BatchRequest(BaseModel):
    """Body of POST /v1/batches."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"input_file_id": "file-…", "endpoint": ENDPOINT, "completion_window": "24h"}]},
    )

    input_file_id: StrictStr = Field(description="A file of purpose `batch`.")
    endpoint: Literal["/v1/audio/speech"] = Field(description="What the lines are requests to.")
    completion_window: Literal["24h"] = Field(description="What is not done by then is not done at all.")
    metadata: dict[StrictStr, StrictStr] | None = Field(None, description="Up to 16 pairs of your own.")
    output_expires_after: ExpiresAfter | None = Field(None, description="By default as FILE_TTL_S.")
    webhook_url: WebhookUrl = None

    @field_validator("metadata")
    @classmethod
    def _small(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value and (len(value) > MAX_METADATA or any(len(key) > 64 or len(value[key]) > 512 for key in value)):
            raise ValueError("at most 16 pairs, keys of at most 64 characters and values of at most 512")
        return value


@router.post("", openapi_extra=documented(BatchRequest))
async def create_batch(request: Request, response: Response) -> dict[str, Any]:
    """Have a file of requests worked on; once only, with an Idempotency-Key."""
    settings: GatewaySettings = request.app.state.settings
    store = _store(request)
    body = await read_json(request, BatchRequest, settings.max_body_bytes)

    async def make(name: Name) -> Made:
        return await name.enter(store, await _new_batch(request, body))

    made = await made_once(request, body, store, make)
    response.headers.update(made.headers)
    return batch_card(made.batch)


async def _new_batch(request: Request, body: BatchRequest) -> BatchRecord:
    """A batch that nobody knows yet. Raises FleetError."""
    settings: GatewaySettings = request.app.state.settings
    tenant = tenant_of(request)
    source = await files_of(request).get(body.input_file_id, tenant.id)
    if source.purpose != BATCH_INPUT:
        raise InvalidValue(f"The file's purpose is {source.purpose}, not batch.", param="input_file_id")
    await files_of(request).require_room(tenant)
    await require_webhook(request.app.state.webhook_guard, body.webhook_url)
    life = body.output_expires_after
    fields: dict[str, Any] = {
        "input_file_id": source.id,
        "endpoint": body.endpoint,
        "completion_window": body.completion_window,
        "metadata": body.metadata,
        "webhook_url": body.webhook_url,
        "output_life_s": read_life_s(life.anchor, life.seconds, "output_expires_after", 0) if life else 0,
    }
    return new_batch(KIND, tenant, fields, window_s=WINDOW_S, kept_s=settings.file_ttl_s)


@router.get("")
async def list_batches(
    request: Request, after: str | None = None, limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 20
) -> dict[str, Any]:
    """The batches, newest first; `after` is the id of the last one seen."""
    tenant_id = tenant_of(request).id
    before = await _known(request, after) if after else None
    page = Page(limit, f"{before.kind} {before.id}" if before else None)
    found, has_more = await _store(request).page(tenant_id, KIND, page)
    return listed([batch_card(batch) for batch in found], has_more)


@router.get("/{batch_id}")
async def retrieve_batch(request: Request, batch_id: str) -> dict[str, Any]:
    """How far a batch is, and at last where its results are."""
    return batch_card(await _known(request, batch_id))


@router.post("/{batch_id}/cancel")
async def cancel_batch(request: Request, batch_id: str) -> dict[str, Any]:
    """Begin nothing more of it, stop what is under way, keep what is done."""
    batch = await _known(request, batch_id)
    cancelled = await _store(request).cancel(batch.id)
    batch = await _known(request, batch_id)
    if not cancelled and batch.status not in {"cancelling", "cancelled"}:
        raise InvalidValue(f"The batch is {batch.status}; it cannot be cancelled any more.", param="batch_id")
    return batch_card(batch)


def batch_card(batch: BatchRecord) -> dict[str, Any]:
    """OpenAI's batch object; ``progress`` is ours."""
    errors = batch.outcome.get("errors")
    eta_s = batch.eta_s(time.time())
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.request["endpoint"],
        "errors": {"object": "list", "data": errors} if errors else None,
        "input_file_id": batch.request["input_file_id"],
        "completion_window": batch.request["completion_window"],
        "status": batch.status,
        "output_file_id": batch.outcome.get("output_file_id"),
        "error_file_id": batch.outcome.get("error_file_id"),
        "created_at": batch.created_at,
        "expires_at": batch.expires_at,
        **{f"{status}_at": batch.times.get(status) for status in TIMES},
        "request_counts": {"total": batch.total, "completed": batch.done, "failed": batch.failed},
        "metadata": batch.request["metadata"],
        "progress": {
            "characters": batch.characters,
            "total_characters": batch.total_characters,
            "audio_seconds": round(batch.audio_s, 3),
            "eta_seconds": None if eta_s is None else round(eta_s, 1),
        },
    }


async def _known(request: Request, batch_id: str) -> BatchRecord:
    """Raises UnknownBatch."""
    batch = await _store(request).get(batch_id, tenant_of(request).id)
    if batch is None or batch.kind != KIND:
        raise UnknownBatch(f"No such batch: {batch_id[:80]!r}.", param="batch_id")
    return batch


def _store(request: Request) -> BatchStore:
    store: BatchStore = request.app.state.batches
    return store
