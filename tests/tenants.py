"""Tenants and their keys for tests, made as an operator would, and a fleet of two gateways that has some."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from shared.streams import connect
from shared.streams.tenants import TenantRecord, TenantStore
from tests.conftest import Service, bearer, running_service, running_valkey, wait_until

T = TypeVar("T")

ADMIN_KEY = "the-operators-own"


def at_store(redis_url: str, act: Callable[[TenantStore], Coroutine[Any, Any, T]]) -> T:
    """What ``act`` gives, done to the tenants there."""

    async def acting() -> T:
        redis = connect(redis_url)
        try:
            return await act(TenantStore(redis))
        finally:
            await redis.aclose()

    return asyncio.run(acting())


def add_tenant(redis_url: str, record: TenantRecord) -> str:
    """Make a tenant and a key for it, which every gateway of that Redis lets in; returns the key."""

    async def added(store: TenantStore) -> str:
        await store.add(record)
        key, _ = await store.add_key(record.id)
        return key.written

    return at_store(redis_url, added)


def add_key(redis_url: str, tenant_id: str) -> str:
    """One more key."""
    return at_store(redis_url, lambda store: store.add_key(tenant_id))[0].written


@dataclass(frozen=True)
class TenantFleet:
    """Two gateways, a worker, one Redis; nobody comes in without a key."""

    one: Service
    other: Service
    redis_url: str
    keys: dict[str, str]
    """A key of each tenant, by the tenant's id."""

    def http(self, tenant_id: str, *, other: bool = False) -> httpx.Client:
        """A client of a gateway with that tenant's key; none for the id ``""``."""
        service = self.other if other else self.one
        return httpx.Client(base_url=service.url, headers=bearer(self.keys.get(tenant_id, "")), timeout=60)


@contextlib.contextmanager
def tenant_fleet(
    folder: Path, tenants: Sequence[TenantRecord], environment: dict[str, str] | None = None
) -> Iterator[TenantFleet]:
    """A fleet with these tenants; ``environment`` is of all its processes. The admin key is ADMIN_KEY."""
    places = {"TEMP_FILE_DIR": str(folder / "kept"), "STORAGE_URL": str(folder / "files")}
    shared = {"ADMIN_API_KEY": ADMIN_KEY, **places, **(environment or {})}
    folders = [folder / name for name in ("one", "other")]
    for each in folders:
        each.mkdir()
    with running_valkey() as server, contextlib.ExitStack() as stack:
        keys = {record.id: add_tenant(server.url, record) for record in tenants}
        other = Service(server.url, folders[1], shared)  # both at once: a gateway takes a while to start
        stack.callback(other.close)
        one = stack.enter_context(running_service(server.url, folders[0], shared))
        wait_until(lambda: other.status("/readyz") == 200, "the other gateway", 60)
        yield TenantFleet(one, other, server.url, keys)
