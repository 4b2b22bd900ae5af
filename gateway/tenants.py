"""Whose key is it? All tenants and their keys, in memory; ``start`` keeps them fresh. Read ``of_key`` first."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from shared.api_keys import ApiKey, is_digest_of
from shared.errors import InvalidApiKey, QueueUnavailable
from shared.observe import logger
from shared.streams.keys import MISSED_HEARTBEATS
from shared.streams.tenants import KeyRecord, TenantRecord, TenantStore, TenantTable
from shared.tenants import EVERYBODY, Tenant

log = logger(__name__)

LOOK_EVERY_S = 0.25
"""Redis is asked for keys that nobody knows so often at most, however many come."""

OPERATOR = Tenant(key_id="API_KEY")
"""Whose key is in the settings: what everybody had while there were no keys is theirs."""

_ELSEWHERE = "Give the key in an Authorization header, as in `Authorization: Bearer sk-kf-...`, or as `x-api-key`."


class Tenants:
    """Tenants and keys as of the last look at Redis.

    No key is asked for while there are none, neither tenants nor ``operators_keys``, unless ``is_required``. Once there
    was a tenant that is over until the next start: a Redis that loses its memory must not open the doors.
    """

    def __init__(
        self,
        store: TenantStore,
        *,
        heartbeat_s: float,
        grace_s: float,
        operators_keys: Sequence[bytes] = (),
        is_required: bool = False,
        is_exposed: bool = False,
    ) -> None:
        """``grace_s``: how long the last look counts when Redis is away. ``operators_keys``: their digests.
        ``is_exposed``: others than this machine can come.
        """
        self.store = store
        self._heartbeat_s = heartbeat_s
        self._grace_s = max(grace_s, MISSED_HEARTBEATS * heartbeat_s)  # what is seen between two beats is no absence
        self._operators_keys = tuple(operators_keys)
        self._must_have_key = is_required or bool(operators_keys)
        self._is_exposed = is_exposed
        self._table: TenantTable | None = None
        self._seen = self._began = float("-inf")
        self._error: QueueUnavailable | None = None
        self._looking = asyncio.Lock()
        self._used: dict[str, str] = {}
        self._noted: dict[str, str] = {}
        self._background: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look, with every heartbeat. Redis need not be there yet."""
        await self._look()
        self._background = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        if self._background is not None:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)

    @property
    def is_open(self) -> bool:
        """Whether everybody may come, with any key or none."""
        return not self._must_have_key and self._table is not None

    async def of_key(self, written: str | None) -> Tenant:
        """Whose key that is; None: there was none. Raises InvalidApiKey, and QueueUnavailable where nobody knows."""
        if self._table is None and not self._must_have_key:
            raise self._unknown()
        key = None if written is None else ApiKey.read(written)
        if self.is_open and key is not None:
            await self._key_of_now(key.id)  # somebody may have made it just now, and a tenant with it: the first
        if self.is_open:
            return EVERYBODY
        if written is None:
            raise InvalidApiKey(f"You didn't provide an API key. {_ELSEWHERE}")
        # All of them are tried: how long that takes does not tell which it was.
        if sum(is_digest_of(stored, written) for stored in self._operators_keys):
            return OPERATOR
        if key is None:
            raise InvalidApiKey("Incorrect API key provided: it is not of the form sk-kf-..., or was cut short.")
        record = self._key(key.id) or await self._key_of_now(key.id)
        if record is None or not is_digest_of(record.digest, key.secret):
            raise InvalidApiKey("Incorrect API key provided, or it has been revoked.")
        return self._let_in(record)

    def require_still(self, tenant: Tenant) -> Tenant:
        """``tenant``, let in some time ago, as it is now. Raises InvalidApiKey, QueueUnavailable."""
        if tenant == OPERATOR or (tenant == EVERYBODY and self.is_open):
            return tenant
        record = self._key(tenant.key_id)
        if record is None:
            raise InvalidApiKey("This API key has been revoked, or one is needed since.")
        return self._let_in(record)

    def _let_in(self, key: KeyRecord) -> Tenant:
        if key.has_expired():
            raise InvalidApiKey("This API key has expired.")
        record = self._tenant(key.tenant_id)
        if record is None or record.is_disabled:
            raise InvalidApiKey("The account of this API key is disabled.", code="account_deactivated")
        day = datetime.now(UTC).date().isoformat()
        if self._noted.get(key.id) != day:
            self._used[key.id] = day
        return record.tenant(key.id)

    def _key(self, key_id: str) -> KeyRecord | None:
        return self._current().key(key_id)

    def _tenant(self, tenant_id: str) -> TenantRecord | None:
        return self._current().tenant(tenant_id)

    def _current(self) -> TenantTable:
        if self._table is None or time.monotonic() - self._seen > self._grace_s:
            raise self._unknown()
        return self._table

    def _unknown(self) -> QueueUnavailable:
        return self._error or QueueUnavailable("The queue, where the API keys are, has not been reached yet.")

    async def _key_of_now(self, key_id: str) -> KeyRecord | None:
        """One that may have been made since the last look. Whoever asks meanwhile shares the next."""
        asked = time.monotonic()
        async with self._looking:
            if self._began < asked:
                await asyncio.sleep(self._began + LOOK_EVERY_S - time.monotonic())
                await self._look()
        if self._error is not None:
            raise self._error
        return self._key(key_id)

    async def _look(self) -> None:
        """Never raises: who needs to know finds the error."""
        self._began = time.monotonic()
        try:
            newer = await self.store.newer(self._table or TenantTable())
        except QueueUnavailable as error:
            self._error = error
            return
        self._error, self._seen = None, self._began
        is_first = self._table is None
        self._table = newer or self._table or TenantTable()
        self._must_have_key |= bool(self._table.tenants)
        if is_first and self.is_open and self._is_exposed:
            log.warning(
                "open_to_everyone",
                hint="Whoever can reach this address may use all of it: there are no API keys. Make one with "
                "`kokoro-fleet tenants add`, or set API_KEY, or HOST=127.0.0.1.",
            )

    async def _keep_fresh(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(self._heartbeat_s)
                await self._look()
                await self._note_used()

    async def _note_used(self) -> None:
        used, self._used = {key_id: day for key_id, day in self._used.items() if self._is_there(key_id)}, {}
        if not used:
            return
        try:
            await self.store.note_used(used)
        except QueueUnavailable:
            self._used = used | self._used
            return
        # Of keys that are gone nothing is remembered, so that this does not grow for ever.
        self._noted = {key_id: day for key_id, day in (self._noted | used).items() if self._is_there(key_id)}

    def _is_there(self, key_id: str) -> bool:
        return self._table is not None and key_id.encode() in self._table.keys
