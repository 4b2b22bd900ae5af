"""Tenants and their API keys, as every gateway and the operator's commands see them.

Gateways hold all of it in memory and look with each heartbeat whether ``tts:tenants:version`` has changed: no request
waits for Redis to learn whom it is from, and no flood of wrong keys reaches it. A record is some 150 bytes and is
unpacked when it is asked for: 100,000 keys are 30 MB in each gateway.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final, cast

import msgpack
from redis.asyncio import Redis

from shared.api_keys import ApiKey
from shared.errors import InvalidValue, UnknownKey, UnknownTenant
from shared.streams.keys import reaching_redis, text
from shared.streams.tenant_scripts import ADD, ADD_KEY, REMOVE, REPLACE, REVOKE
from shared.tenants import Tenant, TenantLimits
from shared.voices import OPENAI_VOICES

TENANTS_KEY: Final = "tts:tenants"
KEYS_KEY: Final = "tts:tenants:keys"
USED_KEY: Final = "tts:tenants:used"
VERSION_KEY: Final = "tts:tenants:version"

MAX_KEYS_PER_TENANT = 100

MIN_WEIGHT, MAX_WEIGHT = 0.01, 100.0

_VOICE = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """A tenant as it is kept."""

    id: str
    name: str = ""
    """For people."""
    created_s: int = 0
    """Unix time."""
    is_disabled: bool = False
    weight: float = 1.0
    limits: TenantLimits = field(default_factory=TenantLimits)
    allowed_voices: tuple[str, ...] | None = None

    def tenant(self, key_id: str = "") -> Tenant:
        """As whom a request with that key comes."""
        return Tenant(self.id, key_id, self.weight, self.limits, self.allowed_voices)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it is kept: without its secret."""

    id: str
    tenant_id: str
    digest: bytes = field(repr=False)
    label: str = ""
    """For people: where the key is used."""
    created_s: int = 0
    """Unix time, as all of these."""
    expires_s: int | None = None
    """None: never."""

    def has_expired(self) -> bool:
        return self.expires_s is not None and time.time() >= self.expires_s


@dataclass(frozen=True, slots=True)
class TenantTable:
    """All tenants and keys at one moment."""

    version: bytes | None = None
    """None: there has never been a tenant."""
    tenants: Mapping[bytes, bytes] = field(default_factory=dict)
    keys: Mapping[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    """By key id; the tenant's id, and the packed record."""

    def tenant(self, tenant_id: str) -> TenantRecord | None:
        packed = self.tenants.get(tenant_id.encode())
        return None if packed is None else _tenant(tenant_id, packed)

    def key(self, key_id: str) -> KeyRecord | None:
        found = self.keys.get(key_id.encode())
        return None if found is None else _key(key_id, text(found[0]), found[1])


class TenantStore:
    """Reads and changes them. Raises QueueUnavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = {
            name: redis.register_script(script)
            for name, script in (
                ("add", ADD),
                ("replace", REPLACE),
                ("remove", REMOVE),
                ("add_key", ADD_KEY),
                ("revoke", REVOKE),
            )
        }

    async def newer(self, known: TenantTable) -> TenantTable | None:
        """All of it, unless it still is as ``known``."""
        async with reaching_redis():
            if await self._redis.get(VERSION_KEY) == known.version:
                return None
            async with self._redis.pipeline() as pipe:
                pipe.get(VERSION_KEY)
                pipe.hgetall(TENANTS_KEY)
                pipe.hgetall(KEYS_KEY)
                version, tenants, packed = await pipe.execute()
        return TenantTable(version, tenants, dict(_by_key_id(packed)))

    async def tenants(self) -> list[TenantRecord]:
        """All, by their ids."""
        async with reaching_redis():
            packed = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(TENANTS_KEY))
        return [_tenant(text(tenant_id), record) for tenant_id, record in sorted(packed.items())]

    async def find(self, tenant_id: str) -> TenantRecord:
        """Raises UnknownTenant."""
        return _tenant(tenant_id, await self._packed(tenant_id))

    async def add(self, record: TenantRecord) -> None:
        """Raises InvalidValue for an id that is taken or once was, and for what no tenant can have."""
        if not await self._run("add", record.id, _packed_tenant(_checked(record))):
            raise InvalidValue(f"There is, or was, a tenant {record.id!r}: take another id.", param="id")

    async def change(self, tenant_id: str, changed: Callable[[TenantRecord], TenantRecord]) -> TenantRecord:
        """Put what ``changed`` makes of a tenant in its place; nobody's change is lost.

        Raises UnknownTenant; InvalidValue for what no tenant can have.
        """
        while True:
            before = await self._packed(tenant_id)
            record = _checked(changed(_tenant(tenant_id, before)))
            if await self._run("replace", tenant_id, before, _packed_tenant(record)):
                return record

    async def remove(self, tenant_id: str) -> None:
        """Take a tenant, its keys and its saved voices away. Raises UnknownTenant."""
        if not await self._run("remove", tenant_id):
            raise _no_tenant(tenant_id)

    async def keys(self, tenant_id: str) -> list[KeyRecord]:
        """A tenant's keys, the oldest first. Raises UnknownTenant."""
        await self._packed(tenant_id)
        keys = []
        async with reaching_redis():
            async for name, packed in self._redis.hscan_iter(KEYS_KEY, match=f"{tenant_id}/*", count=1000):
                keys.append(_key(text(name).partition("/")[2], tenant_id, packed))
        return sorted(keys, key=lambda key: (key.created_s, key.id))

    async def add_key(self, tenant_id: str, label: str = "", expires_s: int | None = None) -> tuple[ApiKey, KeyRecord]:
        """Make a key for a tenant; this is the only time that its secret is seen.

        Raises UnknownTenant; InvalidValue where the tenant has too many.
        """
        if len(await self.keys(tenant_id)) >= MAX_KEYS_PER_TENANT:
            raise InvalidValue(f"A tenant has at most {MAX_KEYS_PER_TENANT} keys; revoke one that is not used.")
        key = ApiKey.new()
        record = KeyRecord(key.id, tenant_id, key.digest, label, int(time.time()), expires_s)
        if not await self._run("add_key", tenant_id, key.id, _packed_key(record)):
            raise _no_tenant(tenant_id)
        return key, record

    async def revoke(self, tenant_id: str, key_id: str) -> None:
        """Take a key away. Raises UnknownKey."""
        if not await self._run("revoke", tenant_id, key_id):
            raise UnknownKey(f"The tenant {tenant_id[:80]!r} has no key {key_id[:80]!r}.", param="key_id")

    async def note_used(self, days: Mapping[str, str]) -> None:
        """On which day, such as 2026-11-23, keys were last used."""
        async with reaching_redis():
            await cast("Awaitable[int]", self._redis.hset(USED_KEY, mapping=dict(days)))

    async def last_used(self, key_ids: list[str]) -> dict[str, str]:
        """The day on which each was last used, of those that ever were."""
        if not key_ids:
            return {}
        async with reaching_redis():
            days = await cast("Awaitable[list[bytes | None]]", self._redis.hmget(USED_KEY, key_ids))
        return {key_id: text(day) for key_id, day in zip(key_ids, days, strict=True) if day is not None}

    async def _packed(self, tenant_id: str) -> bytes:
        async with reaching_redis():
            packed = await cast("Awaitable[bytes | None]", self._redis.hget(TENANTS_KEY, tenant_id))
        if packed is None:
            raise _no_tenant(tenant_id)
        return packed

    async def _run(self, name: str, tenant_id: str, *arguments: str | bytes) -> bool:
        # A version that nobody has had before: counted up, it could be had twice where a failover forgets the last.
        version = uuid.uuid4().hex
        async with reaching_redis():
            return bool(await self._scripts[name](args=[tenant_id, version, *arguments]))


def _checked(record: TenantRecord) -> TenantRecord:
    """With the voices by their own names. Raises InvalidValue."""
    if not _TENANT_ID.fullmatch(record.id):
        raise InvalidValue(
            "A tenant's id is 1 to 63 of the letters a to z, digits, - and _, and begins with a letter or digit.",
            param="id",
        )
    if not MIN_WEIGHT <= record.weight <= MAX_WEIGHT:
        raise InvalidValue(f"A tenant's weight is {MIN_WEIGHT:g} to {MAX_WEIGHT:g}.", param="weight")
    for name, limit in asdict(record.limits).items():
        if limit is not None and limit < 1:
            raise InvalidValue(f"{name} must be 1 or more; a tenant that shall have nothing is disabled.", param=name)
    if record.allowed_voices is None:
        return record
    voices = [voice.strip() for voice in record.allowed_voices]
    if not voices or not all(_VOICE.fullmatch(voice) for voice in voices):
        raise InvalidValue("allowed_voices are names of voices, one or more; no mixes.", param="allowed_voices")
    return replace(record, allowed_voices=tuple(OPENAI_VOICES.get(voice.lower(), voice) for voice in voices))


def _by_key_id(packed: Mapping[bytes, bytes]) -> Iterator[tuple[bytes, tuple[bytes, bytes]]]:
    for name, record in packed.items():
        tenant_id, _, key_id = name.partition(b"/")
        yield key_id, (tenant_id, record)


def _no_tenant(tenant_id: str) -> UnknownTenant:
    return UnknownTenant(f"There is no tenant {tenant_id[:80]!r}.", param="id")


def _packed_tenant(record: TenantRecord) -> bytes:
    fields = asdict(record)
    del fields["id"]
    packed: bytes = msgpack.packb(fields)
    return packed


def _tenant(tenant_id: str, packed: bytes) -> TenantRecord:
    """What an older or newer release has kept is read as far as this one knows it."""
    said = msgpack.unpackb(packed)
    limits = said.get("limits", {})
    voices = said.get("allowed_voices")
    return TenantRecord(
        id=tenant_id,
        name=said.get("name", ""),
        created_s=said.get("created_s", 0),
        is_disabled=said.get("is_disabled", False),
        weight=said.get("weight", 1.0),
        limits=TenantLimits(**{name: limits.get(name) for name in TenantLimits.__dataclass_fields__}),
        allowed_voices=None if voices is None else tuple(voices),
    )


def _packed_key(record: KeyRecord) -> bytes:
    fields = {name: getattr(record, name) for name in ("digest", "label", "created_s", "expires_s")}
    packed: bytes = msgpack.packb(fields)
    return packed


def _key(key_id: str, tenant_id: str, packed: bytes) -> KeyRecord:
    said = msgpack.unpackb(packed)
    return KeyRecord(
        id=key_id,
        tenant_id=tenant_id,
        digest=said["digest"],
        label=said.get("label", ""),
        created_s=said.get("created_s", 0),
        expires_s=said.get("expires_s"),
    )
