"""The operator's API: tenants and their keys. Wants the ADMIN_API_KEY, without which it is not there."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.body import documented, read_json
from gateway.settings import GatewaySettings
from shared.streams.tenants import MAX_WEIGHT, MIN_WEIGHT, KeyRecord, TenantRecord, TenantStore

router = APIRouter(prefix="/admin/tenants", tags=["admin"])

T = TypeVar("T", bound=BaseModel)

_Limit = Annotated[int, Field(ge=1, le=10**15)]
"""More than anybody uses, and no more than JavaScript and Redis count exactly."""

_LAST_S = 253_402_300_799
"""The end of the year 9999."""


def _example(**body: Any) -> ConfigDict:
    """What the API documentation offers to try."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class _Body(BaseModel):
    """Nothing in it is ignored: a misspelt limit would be none."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LimitsBody(_Body):
    """What a tenant may have; null: as much as it likes. A limit that is left out stays as it is."""

    requests_per_minute: _Limit | None = None
    characters_per_minute: _Limit | None = None
    concurrent_streams: _Limit | None = Field(default=None, description="Requests for audio that are open at a time.")
    queued_characters: _Limit | None = Field(
        default=None, description="Characters of open requests and of unfinished batch work, at a time."
    )
    monthly_characters: _Limit | None = Field(default=None, description="By the calendar month, in UTC.")
    stored_bytes: _Limit | None = Field(default=None, description="Of its files that are kept at a time.")


class TenantChange(_Body):
    """Body of PATCH /admin/tenants/{tenant_id}; what is left out stays as it is."""

    model_config = _example(weight=2, limits={"requests_per_minute": 600})

    name: str = Field("", max_length=200, description="For people.")
    disabled: bool = Field(False, description="Its keys are refused; what is its own stays.")
    weight: float = Field(1.0, ge=MIN_WEIGHT, le=MAX_WEIGHT, description="Its share of a crowded lane, beside others'.")
    limits: LimitsBody = LimitsBody()
    allowed_voices: list[str] | None = Field(default=None, description="Names of voices; null: all.")


class NewTenant(TenantChange):
    """Body of POST /admin/tenants."""

    model_config = _example(id="acme", name="Acme Ltd", limits={"monthly_characters": 1_000_000})

    id: str = Field(description="1 to 63 of a to z, digits, - and _; in logs, usage and file names.")


class NewKey(_Body):
    """Body of POST /admin/tenants/{tenant_id}/keys."""

    model_config = _example(label="website")

    label: str = Field("", max_length=200, description="Where it is used, for people.")
    expires_at: int | None = Field(default=None, ge=0, le=_LAST_S, description="Unix time; null: never.")


@router.get("")
async def list_tenants(request: Request) -> dict[str, Any]:
    """All tenants, by their ids."""
    return _list([_tenant_card(record) for record in await _store(request).tenants()])


@router.post("", status_code=201, openapi_extra=documented(NewTenant))
async def create_tenant(request: Request) -> dict[str, Any]:
    """Make a tenant. With the first, whoever has no key is refused, by all gateways within a heartbeat."""
    body = await _read(request, NewTenant)
    record = changed(TenantRecord(body.id, created_s=int(time.time())), body)
    await _store(request).add(record)
    return _tenant_card(await _store(request).find(body.id))


@router.get("/{tenant_id}")
async def get_tenant(request: Request, tenant_id: str) -> dict[str, Any]:
    """One tenant."""
    return _tenant_card(await _store(request).find(tenant_id))


@router.patch("/{tenant_id}", openapi_extra=documented(TenantChange))
async def change_tenant(request: Request, tenant_id: str) -> dict[str, Any]:
    """Change what a tenant may have; holds at all gateways within a heartbeat."""
    body = await _read(request, TenantChange)
    return _tenant_card(await _store(request).change(tenant_id, lambda record: changed(record, body)))


@router.delete("/{tenant_id}")
async def delete_tenant(request: Request, tenant_id: str) -> dict[str, Any]:
    """Remove a tenant with its keys and saved voices; files and batches go when their time is over, usage stays."""
    await _store(request).remove(tenant_id)
    return {"id": tenant_id, "object": "tenant", "deleted": True}


@router.get("/{tenant_id}/keys")
async def list_keys(request: Request, tenant_id: str) -> dict[str, Any]:
    """A tenant's keys, the oldest first, without their secrets."""
    store = _store(request)
    keys = await store.keys(tenant_id)
    used = await store.last_used([key.id for key in keys])
    return _list([_key_card(key) | {"last_used_on": used.get(key.id)} for key in keys])


@router.post("/{tenant_id}/keys", status_code=201, openapi_extra=documented(NewKey))
async def create_key(request: Request, tenant_id: str) -> dict[str, Any]:
    """Make a key. `key` is shown this one time: what is kept is a hash of it."""
    body = await _read(request, NewKey)
    key, record = await _store(request).add_key(tenant_id, body.label, body.expires_at)
    return _key_card(record) | {"key": key.written}


@router.delete("/{tenant_id}/keys/{key_id}")
async def revoke_key(request: Request, tenant_id: str, key_id: str) -> dict[str, Any]:
    """Refuse a key from now on, at all gateways within a heartbeat."""
    await _store(request).revoke(tenant_id, key_id)
    return {"id": key_id, "object": "tenant.key", "deleted": True}


def changed(record: TenantRecord, body: TenantChange) -> TenantRecord:
    """``record`` with what the body says."""
    said = body.model_fields_set
    limits = {name: getattr(body.limits, name) for name in body.limits.model_fields_set}
    record = replace(record, limits=replace(record.limits, **limits))
    if "allowed_voices" in said:
        voices = body.allowed_voices
        record = replace(record, allowed_voices=None if voices is None else tuple(voices))
    if "disabled" in said:
        record = replace(record, is_disabled=body.disabled)
    return replace(record, **{name: getattr(body, name) for name in ("name", "weight") if name in said})


async def _read(request: Request, schema: type[T]) -> T:
    settings: GatewaySettings = request.app.state.settings
    return await read_json(request, schema, settings.max_body_bytes)


def _store(request: Request) -> TenantStore:
    store: TenantStore = request.app.state.tenants.store
    return store


def _list(cards: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": cards}


def _tenant_card(record: TenantRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "object": "tenant",
        "name": record.name,
        "created_at": record.created_s,
        "disabled": record.is_disabled,
        "weight": record.weight,
        "limits": asdict(record.limits),
        "allowed_voices": record.allowed_voices,
    }


def _key_card(record: KeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "object": "tenant.key",
        "label": record.label,
        "created_at": record.created_s,
        "expires_at": record.expires_s,
    }
