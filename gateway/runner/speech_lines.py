"""The kind of batch that is OpenAI's: a file of requests for speech, one a line."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import msgpack
from pydantic import ValidationError
from pydantic_core import to_json

from gateway.api.errors import error_body, invalid_body, status_of
from gateway.api.schemas import SpeechRequest
from gateway.api.utterances import Desk
from gateway.batch.files import BATCH_OUTPUT, FileCard, Files
from gateway.batch.lines import BatchLine, LineCheck, lines_of
from gateway.batch.records import owner_of
from gateway.parts import Parts
from gateway.pipeline import Utterance
from gateway.runner.kinds import Finished, Items
from gateway.settings import GatewaySettings
from shared.contract import Lane
from shared.errors import FleetError, InvalidValue
from shared.streams.batches import BatchRecord, BatchStore, Claim, Settled
from shared.streams.files import FileRecord
from shared.tenants import Tenant

RESULTS_AT_ONCE = 500

_NOT_DONE = {
    "expired": ("batch_expired", "This line was not done before the batch's completion window ended."),
    "cancelled": ("batch_cancelled", "The batch was cancelled before this line was done."),
}


class SpeechLines:
    """Its items are ``[start, end, custom_id]``: where the line is in the input file."""

    def __init__(self, settings: GatewaySettings, parts: Parts, store: BatchStore, files: Files) -> None:
        self._settings = settings
        self._parts = parts
        self._store = store
        self._files = files

    async def check(self, batch: BatchRecord, items: Items) -> None:
        record = await self._files.get(batch.request["input_file_id"], batch.tenant_id)
        check = LineCheck(self._settings.batch_max_lines, self._settings.max_body_bytes)
        lines = lines_of(self._files.read(record), self._settings.max_body_bytes)
        async with contextlib.aclosing(lines):
            async for line in lines:
                if said := check.read(line):
                    item: bytes = msgpack.packb([line.start, line.end, said.custom_id])
                    await items.add(item, said.num_characters)
        check.require_good()

    async def work(self, batch: BatchRecord, claim: Claim) -> Settled:
        start, end, custom_id = msgpack.unpackb(claim.item)
        source = await self._files.get(batch.request["input_file_id"], batch.tenant_id)
        content = b"".join([piece async for piece in self._files.read(source, start, end)])
        request_id = f"req_{uuid.uuid4().hex}"
        line = BatchLine.model_validate_json(content)
        utterance = replace(await self._utterance(request_id, line, owner_of(batch)), work_id=claim.work_id)
        card = FileCard(
            tenant_id=batch.tenant_id,
            purpose=BATCH_OUTPUT,
            filename=f"{custom_id}.{utterance.format.extension}",
            content_type=utterance.format.essence,
            life_s=self._life_s(batch),
        )
        async with self._parts.pipeline.file(utterance) as audio:
            record = await self._files.write(card, audio.packets)
        body = {
            "object": "audio.speech",
            "file_id": record.id,
            "bytes": record.num_bytes,
            "seconds": round(audio.seconds, 3),
            "content_type": record.content_type,
        }
        result: bytes = msgpack.packb([200, request_id, body])
        return Settled(True, result, len(utterance.text), audio.seconds, [record])

    def refused(self, batch: BatchRecord, error: FleetError) -> Settled:
        del batch  # whatever it is, its other lines are of use without this one
        result: bytes = msgpack.packb([status_of(error), None, error_body(error)])
        return Settled(False, result)

    async def finish(self, batch: BatchRecord) -> Finished:
        files: list[FileRecord] = []
        outcome: dict[str, Any] = {}
        for name, is_wanted, count in (
            ("output", True, batch.done),
            ("error", False, batch.total - batch.done),
        ):
            if count:
                record = await self._files.write(self._card(batch, name), self._written(batch, is_wanted))
                files.append(record)
                outcome[f"{name}_file_id"] = record.id
        return Finished(outcome, files)

    async def ended(self, batch: BatchRecord) -> None:
        """Nobody is told."""

    async def _utterance(self, request_id: str, line: BatchLine, tenant: Tenant) -> Utterance:
        try:
            # As if it had come by HTTP: what JSON cannot say is not said here either.
            body = SpeechRequest.model_validate_json(to_json(line.body, inf_nan_mode="constants"))
        except ValidationError as error:
            raise invalid_body(error) from error
        _require_fileable(body)
        desk = Desk(self._settings, self._parts.fleet, self._parts.voices, tenant)
        return replace(await desk.speech(request_id, body), lane=Lane.BATCH)

    async def _written(self, batch: BatchRecord, wants_done: bool) -> AsyncGenerator[bytes, None]:
        """The output file, or that of errors, in the order of the input."""
        for first in range(0, batch.total, RESULTS_AT_ONCE):
            count = min(RESULTS_AT_ONCE, batch.total - first)
            items = await self._store.items(batch.id, first, count)
            results = await self._store.results(batch.id, first, count)
            lines = [
                _line(batch, first + place, item or b"", result)
                for place, (item, result) in enumerate(zip(items, results, strict=True))
                if _is_done(result) is wants_done
            ]
            yield b"".join(lines)

    def _card(self, batch: BatchRecord, name: str) -> FileCard:
        return FileCard(
            batch.tenant_id, BATCH_OUTPUT, f"{batch.id}_{name}.jsonl", "application/jsonl", self._life_s(batch)
        )

    def _life_s(self, batch: BatchRecord) -> int:
        return int(batch.request.get("output_life_s") or self._settings.file_ttl_s)


def _require_fileable(body: SpeechRequest) -> None:
    """Raises InvalidValue for what only an HTTP answer can have."""
    if body.stream_format == "sse":
        raise InvalidValue("A batch makes files; it has no events.", param="stream_format")
    if body.return_download_link or body.return_timing:
        param = "return_download_link" if body.return_download_link else "return_timing"
        raise InvalidValue("A batch's audio is a file anyway: see the output file's file_id.", param=param)


def _is_done(result: bytes | None) -> bool:
    return result is not None and msgpack.unpackb(result)[0] == 200


def _line(batch: BatchRecord, number: int, item: bytes, result: bytes | None) -> bytes:
    custom_id = msgpack.unpackb(item)[2]
    said: dict[str, Any] = {"id": f"{batch.id}_{number}", "custom_id": custom_id, "response": None, "error": None}
    if result is None:
        code, message = _NOT_DONE[batch.ending]
        said["error"] = {"code": code, "message": message}
    else:
        status, request_id, body = msgpack.unpackb(result)
        said["response"] = {"status_code": status, "request_id": request_id or said["id"], "body": body}
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"
