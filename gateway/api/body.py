"""Reads a request body within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from gateway.api.errors import invalid_body
from shared.errors import InputTooLarge

T = TypeVar("T", bound=BaseModel)


def documented(schema: type[BaseModel], examples: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """What FastAPI would say of the body in the API documentation, if it read it; ``examples`` to try, by name."""
    written = schema.model_json_schema()
    media: dict[str, Any] = {"schema": _inlined(written, written.get("$defs", {}))}
    if examples:
        media["examples"] = {name: {"value": example} for name, example in examples.items()}
    return {"requestBody": {"required": True, "content": {"application/json": media}}}


def answered(description: str, *media_types: str) -> dict[str, Any]:
    """The same of an answer that is made piece by piece."""
    content = {media_type: _media(media_type) for media_type in media_types}
    return {"responses": {"200": {"description": description, "content": content}}}


def _media(media_type: str) -> dict[str, Any]:
    if media_type == "text/event-stream":
        return {}  # a schema would be that of each event, which this version of OpenAPI cannot say
    if media_type == "application/json":
        return {"schema": {"type": "object"}}
    is_text = media_type.startswith("text/") or media_type in {"application/x-subrip", "application/x-ndjson"}
    return {"schema": {"type": "string"} if is_text else {"type": "string", "format": "binary"}}


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    """The schema with its definitions where they are used: in OpenAPI, references start from the whole document."""
    if isinstance(part, list):
        return [_inlined(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(definitions[part["$ref"].removeprefix("#/$defs/")], definitions)
    return {name: _inlined(value, definitions) for name, value in part.items() if name != "$defs"}


async def read_json(request: Request, schema: type[T], max_bytes: int) -> T:
    """Read and validate a JSON body, whatever its content type says. Raises InputTooLarge or BadRequest."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > max_bytes:
            raise InputTooLarge(f"The request body is larger than {max_bytes} bytes.", code="body_too_large")
    try:
        return schema.model_validate_json(bytes(body))
    except ValidationError as error:
        raise invalid_body(error) from error
