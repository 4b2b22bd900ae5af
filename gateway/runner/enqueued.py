"""Speech that another service has asked for through arq: ``enqueue_job("synthesize_speech", {...})``.

It becomes an audio job like any other, whose id comes of arq's; so nothing is done twice however often arq runs it, and
no place in arq's line is taken while it is being worked on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from arq import Retry
from pydantic import ValidationError
from pydantic_core import to_json

from gateway.api.errors import invalid_body, may_pass
from gateway.api.job_intake import Intake
from gateway.api.job_schemas import JobRequest
from gateway.api.utterances import Desk
from gateway.books.parts import PART_CHARS
from gateway.parts import Parts
from gateway.settings import GatewaySettings
from shared.errors import FleetError, InvalidValue, UnknownTenant
from shared.observe import logger
from shared.streams.batches import OVER, BatchRecord, BatchStore
from shared.streams.files import object_key
from shared.streams.tenants import TenantStore
from shared.tenants import EVERYBODY, Tenant

log = logger(__name__)

FIRST_LOOK_S, MAX_LOOK_S, GROWTH, SLOWEST = 0.3, 5.0, 1.1, 30
"""How soon arq looks whether it is done, at first and at last."""

_OF_BOOKS = frozenset({"items", "output", "chapters", "chapter_pause", "subtitles", "title", "author"})
"""Fields that only a job has; a short text without them is spoken in one go."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What requests from the queue need."""

    settings: GatewaySettings
    parts: Parts
    store: BatchStore
    tenants: TenantStore
    intake: Intake

    async def begin(self, job_id: str, request: dict[str, Any]) -> BatchRecord:
        """The job that ``request`` asks for: that which is there, where it was asked for before. Raises FleetError."""
        if found := await self.store.get(job_id):
            return found
        said = dict(request)
        tenant = await self._tenant(said.pop("tenant", None))
        desk = Desk(self.settings, self.parts.fleet, self.parts.voices, tenant)
        made = await self.intake.take(desk, _read(said), job_id=job_id)
        return made.batch

    async def _tenant(self, tenant_id: object) -> Tenant:
        """Whoever reaches this Redis is trusted to say whose work it is. Raises UnknownTenant."""
        if not tenant_id:
            return EVERYBODY
        try:
            return (await self.tenants.find(str(tenant_id))).tenant()
        except UnknownTenant as error:
            error.param = "tenant"
            raise


async def synthesize_speech(ctx: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """The arq job. ``request``: as the body of POST /v1/audio/jobs, and ``tenant``. The result is in docs/batch.md."""
    enqueued: Enqueued = ctx["enqueued"]
    job_id = "job_" + hashlib.sha256(str(ctx["job_id"]).encode()).hexdigest()[:24]
    try:
        batch = await enqueued.begin(job_id, request)
    except FleetError as error:
        if may_pass(error):
            log.warning("enqueued_put_off", job=job_id, code=error.code)
            raise Retry(defer=MAX_LOOK_S) from error
        fault = {"code": error.code, "message": error.message, "param": error.param}
        return {"job_id": None, "status": "failed", "files": [], "error": fault}
    if batch.status not in OVER:
        raise Retry(defer=min(FIRST_LOOK_S * GROWTH ** min(ctx["job_try"], SLOWEST), MAX_LOOK_S))
    return _result(batch)


def _read(said: dict[str, Any]) -> JobRequest:
    """Raises BadRequest."""
    text = said.get("input")
    if isinstance(text, str) and len(text) <= PART_CHARS and not _OF_BOOKS & said.keys():
        of_job: dict[str, Any] = {name: said.pop(name) for name in ("metadata", "webhook_url") if name in said}
        said = {"items": [said], **of_job}
    try:
        # As if it had come by HTTP: msgpack can say what JSON cannot.
        return JobRequest.model_validate_json(to_json(said, inf_nan_mode="constants"))
    except (ValidationError, ValueError) as error:
        raise invalid_body(error) if isinstance(error, ValidationError) else InvalidValue(str(error)) from error


def _result(batch: BatchRecord) -> dict[str, Any]:
    errors = [*batch.outcome.get("errors", ()), *batch.outcome.get("item_errors", ())]
    files = [{**told, "key": object_key(told["file_id"])} for told in batch.outcome.get("files", ())]
    status = "failed" if errors and not files else batch.status
    return {
        "job_id": batch.id,
        "status": status,
        "files": files,
        "error": {name: errors[0].get(name) for name in ("code", "message", "param")} if errors else None,
    }
