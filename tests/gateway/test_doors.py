"""Each door with the wrong key: every route of the app, whoever added it, is for all, some or one, as it says here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from starlette.routing import Mount

from gateway.api.auth import Door, Doors, door_of, key_digests
from gateway.app import create_app
from gateway.settings import GatewaySettings
from gateway.tenants import Tenants
from shared.api_keys import ApiKey
from shared.streams.tenants import TenantRecord, TenantStore
from tests.conftest import bearer

ADMIN_KEY = "the-operators-own"
SETTINGS = GatewaySettings.model_validate(
    {"admin_api_key": ADMIN_KEY, "enable_debug_endpoints": True, "public_metrics": False}
)

FREE = {
    "/",
    "/livez",
    "/readyz",
    "/health",
    "/v1/test",
    "/docs",
    "/docs/oauth2-redirect",
    "/redoc",
    "/openapi.json",
    "/static-offline-docs/any.js",
    "/web/any.js",
}
OPERATORS = {
    "/metrics",
    "/admin/tenants",
    "/admin/tenants/{tenant_id}",
    "/admin/tenants/{tenant_id}/keys",
    "/admin/tenants/{tenant_id}/keys/{key_id}",
    "/admin/usage",
    "/debug/system",
    "/debug/threads",
    "/debug/storage",
    "/debug/session_pools",
    "/debug/cache",
    "/debug/queue",
}
TENANTS = {
    "/v1/audio/speech",
    "/v1/audio/speech/stream",
    "/v1/audio/dialogue",
    "/v1/audio/captioned_speech",
    "/v1/audio/subtitles",
    "/v1/audio/phonemize",
    "/v1/audio/generate_from_phonemes",
    "/dev/dialogue",
    "/dev/captioned_speech",
    "/dev/phonemize",
    "/dev/generate_from_phonemes",
    "/v1/audio/voices",
    "/v1/audio/voices/combine",
    "/v1/audio/voices/{name}",
    "/v1/models",
    "/v1/models/{name}",
    "/v1/download/{file_name}",
    "/v1/v1/download/{file_name}",
    "/v1/files",
    "/v1/files/{file_id}",
    "/v1/files/{file_id}/content",
    "/v1/batches",
    "/v1/batches/{batch_id}",
    "/v1/batches/{batch_id}/cancel",
    "/v1/audio/jobs",
    "/v1/audio/jobs/{job_id}",
    "/v1/audio/jobs/{job_id}/events",
    "/v1/audio/jobs/{job_id}/files/{name}",
    "/v1/usage",
    "/v1/webhooks/secret",
}


def fastapi_of(app: Any) -> FastAPI:
    """The app inside all that is wrapped around it."""
    while not isinstance(app, FastAPI):
        app = app._app if hasattr(app, "_app") else app.app
    return app


def routes_of(router: Any) -> Iterator[tuple[str, str]]:
    """Each path with each of its methods."""
    for route in router.routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from routes_of(included)
        elif isinstance(route, Mount):
            yield f"{route.path}/any.js", "GET"
        else:
            for method in getattr(route, "methods", None) or {"WEBSOCKET"}:
                yield route.path, method


APP = fastapi_of(create_app(SETTINGS))
ROUTES = sorted(set(routes_of(APP)))
PATHS = {path for path, _ in ROUTES}


@pytest.fixture
async def keys(redis: Redis) -> dict[str, str]:
    """The app with a tenant; a key that is right, one that is wrong, the operator's, none."""
    store = TenantStore(redis)
    await store.add(TenantRecord("acme"))
    key, _ = await store.add_key("acme")
    APP.state.tenants = await known(store)
    return {"tenant": key.written, "wrong": ApiKey.new().written, "operator": ADMIN_KEY, "none": ""}


async def known(store: TenantStore, operators_keys: Sequence[bytes] = ()) -> Tenants:
    """The tenants as they are now."""
    tenants = Tenants(store, heartbeat_s=60, grace_s=60, operators_keys=operators_keys)
    await tenants.start()
    await tenants.close()  # what it has read is enough
    return tenants


async def status(path: str, method: str, key: str, settings: GatewaySettings = SETTINGS) -> int:
    """What the doors answer; 0: they let it in."""

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body"})

    doors = Doors(APP, settings)
    doors._app = inside
    async with httpx.AsyncClient(transport=httpx.ASGITransport(doors), base_url="http://fleet") as http:
        answer = await http.request(method, path.replace("{", "").replace("}", ""), headers=bearer(key))
    return 0 if answer.status_code == 299 else answer.status_code


def test_somebody_has_thought_of_every_path() -> None:
    """Add a new one above, to those whom it is for."""
    assert sorted(PATHS - FREE - OPERATORS - TENANTS) == []
    assert not FREE & TENANTS
    assert not FREE & OPERATORS
    assert not TENANTS & OPERATORS


def test_the_doors_are_as_it_says_here() -> None:
    expected = dict.fromkeys(FREE, Door.FREE) | dict.fromkeys(OPERATORS, Door.OPERATORS)
    expected |= dict.fromkeys(TENANTS, Door.TENANTS)
    assert {path: door_of(path, SETTINGS) for path in PATHS} == {path: expected[path] for path in PATHS}


async def test_nobody_comes_in_with_the_wrong_key(keys: dict[str, str]) -> None:
    for path, method in ROUTES:
        if method == "WEBSOCKET" or path in FREE:
            continue
        refused = ("none", "wrong", "operator") if path in TENANTS else ("none", "wrong", "tenant")
        told = {name: await status(path, method, keys[name]) for name in refused}
        assert told == dict.fromkeys(refused, 401), (method, path)


async def test_whom_it_is_for_comes_in(keys: dict[str, str]) -> None:
    for path, method in ROUTES:
        if method == "WEBSOCKET":
            continue
        names = ("operator",) if path in OPERATORS else ("tenant",) if path in TENANTS else tuple(keys)
        told = {name: await status(path, method, keys[name]) for name in names}
        assert told == dict.fromkeys(names, 0), (method, path)


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/v1", "/webx", "/web/../v1/audio/speech", "/Docs", "/livez/", "//livez", "/admin", "/metrics/x"],
)
async def test_what_nobody_thought_of_is_closed(keys: dict[str, str], path: str) -> None:
    if path.startswith("/web/"):
        # Below it there are files alone, wherever the dots lead.
        assert door_of(path, SETTINGS) is Door.FREE
    else:
        assert door_of(path, SETTINGS) is Door.TENANTS


@pytest.mark.parametrize(("name", "told"), [("tenant", 403), ("operator", 0), ("wrong", 401), ("none", 401)])
async def test_without_an_admin_key_the_api_key_is_the_operators(keys: dict[str, str], name: str, told: int) -> None:
    settings = GatewaySettings.model_validate({"api_key": ADMIN_KEY, "public_metrics": False})
    APP.state.tenants = await known(APP.state.tenants.store, operators_keys=key_digests(settings.api_key))
    for path in ("/debug/queue", "/metrics"):
        assert await status(path, "GET", keys[name], settings) == told, path


def test_the_documentation_says_where_a_key_goes() -> None:
    described = APP.openapi()
    assert described["components"]["securitySchemes"]["api_key"]["scheme"] == "bearer"
    assert {} in described["security"]  # where there are no tenants none is needed


def test_without_an_admin_key_nothing_is_there_to_open() -> None:
    plain = GatewaySettings.model_validate({"admin_api_key": ""})
    assert not any(path.startswith("/admin") for path, _ in routes_of(fastapi_of(create_app(plain))))
    assert door_of("/admin/tenants", plain) is Door.FREE
