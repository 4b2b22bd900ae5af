"""``Idempotency-Key``: on requests for audio, and on those that make a job or a batch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple

from fastapi import Request
from pydantic import BaseModel

from gateway.api.tenancy import tenant_of
from gateway.idempotency import Idempotency, Key
from gateway.pipeline import Audio
from gateway.settings import GatewaySettings
from shared.errors import IdempotencyKeyReused, InvalidValue
from shared.streams.batches import BatchRecord, BatchStore

HEADER = "Idempotency-Key"
REPLAYED = {"idempotent-replayed": "true"}
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
_FINGERPRINT = "fingerprint"


def once(
    request: Request, body: BaseModel, opening: AbstractAsyncContextManager[Audio]
) -> AbstractAsyncContextManager[Audio]:
    """``opening``; where the request has a key, only if it has not been opened before. Raises InvalidValue.

    Two bodies are the same if all that they ask for is, however it is written: order, blanks, defaults spelt out.
    """
    key = _key_of(request)
    settings: GatewaySettings = request.app.state.settings
    if key is None or not settings.idempotency_max_mb:
        return opening
    idempotency: Idempotency = request.app.state.idempotency
    return idempotency.once(Key(_digest(request, key), _fingerprint(request, body)), opening)


class Made(NamedTuple):
    """A job or a batch, by this request or by one before it."""

    batch: BatchRecord
    is_new: bool

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.is_new else REPLAYED


@dataclass(frozen=True, slots=True)
class Name:
    """What a job's or a batch's maker calls it by: whoever asks again, at whichever gateway, gets the same."""

    digest: str
    fingerprint: str

    async def enter(self, store: BatchStore, batch: BatchRecord) -> Made:
        """``batch``, known from now on, or the one that another request of this name was a little earlier with."""
        entered = replace(batch, request={**batch.request, _FINGERPRINT: self.fingerprint})
        batch_id = await store.create(entered, self.digest)
        is_new = batch_id == batch.id
        return Made(entered if is_new else await store.get(batch_id) or entered, is_new)


NAMELESS = Name("", "")


async def made_once(
    request: Request, body: BaseModel, store: BatchStore, make: Callable[[Name], Awaitable[Made]]
) -> Made:
    """What ``make`` makes; where the request has a key, only if it has not been made before and is still known.

    Raises InvalidValue, IdempotencyKeyReused.
    """
    key = _key_of(request)
    if key is None:
        return await make(NAMELESS)
    fingerprint = _fingerprint(request, body)
    name = Name(_digest(request, key), fingerprint)
    before = await store.made_as(name.digest)
    made = Made(before, is_new=False) if before else await make(name)
    if made.batch.request.get(_FINGERPRINT) != fingerprint:
        raise IdempotencyKeyReused(f"This {HEADER} was used for another request; use a key for one only.")
    return made


def _key_of(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidValue(f"{HEADER} must be 1 to 255 printable ASCII characters.", param=HEADER)
    return key


def _digest(request: Request, key: str) -> str:
    return _hash(f"{tenant_of(request).id} {key}")


def _fingerprint(request: Request, body: BaseModel) -> str:
    return _hash(f"{request.url.path} {body.model_dump_json()}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
