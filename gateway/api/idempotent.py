"""``Idempotency-Key`` on the requests for audio."""

from __future__ import annotations

import hashlib
import re
from contextlib import AbstractAsyncContextManager

from fastapi import Request
from pydantic import BaseModel

from gateway.api.tenancy import tenant_of
from gateway.idempotency import Idempotency, Key
from gateway.pipeline import Audio
from gateway.settings import GatewaySettings
from shared.errors import InvalidValue

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


def once(
    request: Request, body: BaseModel, opening: AbstractAsyncContextManager[Audio]
) -> AbstractAsyncContextManager[Audio]:
    """``opening``; where the request has a key, only if it has not been opened before. Raises InvalidValue.

    Two bodies are the same if all that they ask for is, however it is written: order, blanks, defaults spelt out.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return opening
    if not _KEY.fullmatch(key):
        raise InvalidValue(f"{HEADER} must be 1 to 255 printable ASCII characters.", param=HEADER)
    settings: GatewaySettings = request.app.state.settings
    if not settings.idempotency_max_mb:
        return opening
    idempotency: Idempotency = request.app.state.idempotency
    digest = _hash(f"{tenant_of(request).id} {key}")
    return idempotency.once(Key(digest, _hash(f"{request.url.path} {body.model_dump_json()}")), opening)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
