"""Whose key it is, as gateways know it: against a real Valkey that may be stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis

from gateway.tenants import LOOK_EVERY_S, OPERATOR, Tenants
from shared.api_keys import ApiKey, digest
from shared.errors import FleetError, InvalidApiKey, InvalidValue, QueueUnavailable, UnknownKey, UnknownTenant
from shared.streams import connect
from shared.streams.tenants import MAX_KEYS_PER_TENANT, TenantRecord, TenantStore, TenantTable
from shared.tenants import EVERYBODY, TenantLimits
from tests.conftest import running_valkey

ACME = TenantRecord("acme", "Acme Ltd", 1_700_000_000, limits=TenantLimits(requests_per_minute=60), weight=2.0)
BEAT_S = 0.1


@asynccontextmanager
async def known(redis: Redis, **options: Any) -> AsyncIterator[Tenants]:
    tenants = Tenants(TenantStore(redis), **{"heartbeat_s": BEAT_S, "grace_s": 1.0, **options})
    await tenants.start()
    yield tenants
    await tenants.close()


async def added(redis: Redis, record: TenantRecord = ACME, **options: Any) -> str:
    store = TenantStore(redis)
    await store.add(record)
    key, _ = await store.add_key(record.id, **options)
    return key.written


async def refused(tenants: Tenants, key: str | None) -> FleetError:
    with pytest.raises((InvalidApiKey, QueueUnavailable)) as caught:
        await tenants.of_key(key)
    return caught.value


async def until_refused(tenants: Tenants, key: str) -> float:
    """Seconds until that key is refused."""
    began = time.monotonic()
    while True:
        try:
            await tenants.of_key(key)
        except InvalidApiKey:
            return time.monotonic() - began
        await asyncio.sleep(0.01)


class TestKeys:
    def test_a_key_is_read_as_it_was_written(self) -> None:
        key = ApiKey.new()
        assert ApiKey.read(key.written) == key
        assert len(key.digest) == 32

    @pytest.mark.parametrize("wrong", ["", "sk-kf-", "sk-kf-1-2", "sk-proj-abc", "sk-kf-" + "0" * 16 + "-" + "é" * 43])
    def test_what_is_none_is_none(self, wrong: str) -> None:
        assert ApiKey.read(wrong) is None

    def test_no_secret_is_seen_by_accident(self) -> None:
        key = ApiKey.new()
        assert key.secret not in repr(key)
        assert key.secret not in repr([key])


class TestStore:
    async def test_what_is_kept_comes_back(self, redis: Redis) -> None:
        store = TenantStore(redis)
        record = replace(ACME, allowed_voices=("af_bella", "am_adam"), is_disabled=True)
        await store.add(record)
        assert await store.find("acme") == record
        assert await store.tenants() == [record]

    async def test_no_secret_is_kept(self, redis: Redis) -> None:
        written = await added(redis)
        key = ApiKey.read(written)
        assert key is not None
        for name in await redis.keys():
            dump: bytes = await redis.dump(name)
            assert key.secret.encode() not in dump

    async def test_an_id_is_had_once(self, redis: Redis) -> None:
        store = TenantStore(redis)
        await store.add(ACME)
        with pytest.raises(InvalidValue, match="take another"):
            await store.add(replace(ACME, name="another"))
        assert (await store.find("acme")).name == "Acme Ltd"
        await store.remove("acme")
        with pytest.raises(InvalidValue, match="take another"):
            await store.add(ACME)

    @pytest.mark.parametrize("wrong", ["", "Acme", "a/b", "../a", "a:b", "-a", "a" * 64, "ä", "a b", "a\n"])
    async def test_ids_that_none_can_have(self, redis: Redis, wrong: str) -> None:
        with pytest.raises(InvalidValue):
            await TenantStore(redis).add(TenantRecord(wrong))

    async def test_values_that_none_can_have(self, redis: Redis) -> None:
        store = TenantStore(redis)
        wrong = [
            replace(ACME, weight=0),
            replace(ACME, weight=float("nan")),
            replace(ACME, limits=TenantLimits(concurrent_streams=0)),
            replace(ACME, allowed_voices=()),
            replace(ACME, allowed_voices=("af_bella+af_sky",)),
        ]
        for record in wrong:
            with pytest.raises(InvalidValue):
                await store.add(record)

    async def test_openais_voices_are_allowed_by_their_own_names(self, redis: Redis) -> None:
        await TenantStore(redis).add(replace(ACME, allowed_voices=("alloy", "af_bella")))
        assert (await TenantStore(redis).find("acme")).allowed_voices == ("am_adam", "af_bella")

    async def test_changes_made_at_once_are_all_made(self, redis: Redis) -> None:
        store = TenantStore(redis)
        await store.add(replace(ACME, created_s=0))
        await asyncio.gather(
            *(store.change("acme", lambda record: replace(record, created_s=record.created_s + 1)) for _ in range(20))
        )
        assert (await store.find("acme")).created_s == 20

    async def test_with_a_tenant_all_its_keys_go_and_no_others(self, redis: Redis) -> None:
        store = TenantStore(redis)
        for record in (ACME, replace(ACME, id="acme-2")):
            await store.add(record)
        keys = [await store.add_key(tenant_id) for tenant_id in ("acme", "acme", "acme-2")]
        await store.note_used({key.id: "2026-11-23" for key, _ in keys})
        await store.remove("acme")
        with pytest.raises(UnknownTenant):
            await store.keys("acme")
        assert [name async for name, _ in redis.hscan_iter("tts:tenants:keys", match="acme/*")] == []
        assert [key.id for key in await store.keys("acme-2")] == [keys[2][0].id]
        assert await store.last_used([key.id for key, _ in keys]) == {keys[2][0].id: "2026-11-23"}

    async def test_what_is_not_there_is_told(self, redis: Redis) -> None:
        store = TenantStore(redis)
        with pytest.raises(UnknownTenant):
            await store.find("acme")
        with pytest.raises(UnknownTenant):
            await store.add_key("acme")
        with pytest.raises(UnknownTenant):
            await store.remove("acme")
        await store.add(ACME)
        with pytest.raises(UnknownKey):
            await store.revoke("acme", "0" * 16)

    async def test_keys_have_a_limit(self, redis: Redis) -> None:
        store = TenantStore(redis)
        await store.add(ACME)
        for _ in range(MAX_KEYS_PER_TENANT):
            await store.add_key("acme")
        with pytest.raises(InvalidValue, match="at most"):
            await store.add_key("acme")

    async def test_nothing_is_read_again_while_nothing_changes(self, redis: Redis) -> None:
        store = TenantStore(redis)
        assert await store.newer(TenantTable()) is None
        await added(redis)
        table = await store.newer(TenantTable())
        assert table is not None
        assert await store.newer(table) is None
        await store.change("acme", lambda record: replace(record, name="Other"))
        assert await store.newer(table) is not None


class TestOpen:
    async def test_without_tenants_everybody_may_come(self, redis: Redis) -> None:
        async with known(redis) as tenants:
            assert await tenants.of_key(None) is EVERYBODY
            assert await tenants.of_key("not-needed") is EVERYBODY

    async def test_the_first_key_is_its_tenants_from_its_first_request_on(self, redis: Redis) -> None:
        async with known(redis, heartbeat_s=60) as tenants:
            assert await tenants.of_key(ApiKey.new().written) is EVERYBODY
            key = await added(redis)
            assert (await tenants.of_key(key)).id == "acme"
            assert (await refused(tenants, None)).code == "invalid_api_key"

    async def test_that_is_said_where_others_can_come(self, redis: Redis) -> None:
        with structlog.testing.capture_logs() as exposed:
            async with known(redis, is_exposed=True):
                pass
        with structlog.testing.capture_logs() as hidden:
            async with known(redis):
                pass
        assert [line["event"] for line in exposed if line["log_level"] == "warning"] == ["open_to_everyone"]
        assert hidden == []

    async def test_it_can_be_forbidden(self, redis: Redis) -> None:
        async with known(redis, is_required=True) as tenants:
            assert (await refused(tenants, None)).code == "invalid_api_key"

    async def test_the_first_tenant_ends_it_and_a_lost_memory_does_not_bring_it_back(self, redis: Redis) -> None:
        async with known(redis) as tenants:
            key = await added(redis)
            while tenants.is_open:
                await asyncio.sleep(0.01)
            assert (await tenants.of_key(key)).id == "acme"
            with pytest.raises(InvalidApiKey):
                tenants.require_still(EVERYBODY)
            await redis.flushall()
            await until_refused(tenants, key)
            assert not tenants.is_open
            assert (await refused(tenants, None)).code == "invalid_api_key"

    async def test_before_redis_was_ever_reached_nobody_knows(self) -> None:
        redis = connect("redis://127.0.0.1:1/0")
        async with known(redis) as tenants:
            for key in (None, "not-needed", ApiKey.new().written):
                assert isinstance(await refused(tenants, key), QueueUnavailable)
        await redis.aclose()


class TestOperatorsKey:
    async def test_needs_no_redis(self) -> None:
        redis = connect("redis://127.0.0.1:1/0")
        async with known(redis, operators_keys=[digest("mine"), digest("the new one")]) as tenants:
            assert await tenants.of_key("mine") is OPERATOR
            assert await tenants.of_key("the new one") is OPERATOR
            assert (await refused(tenants, "yours")).code == "invalid_api_key"
            assert (await refused(tenants, None)).code == "invalid_api_key"
        await redis.aclose()

    async def test_is_good_beside_tenants(self, redis: Redis) -> None:
        key = await added(redis)
        async with known(redis, operators_keys=[digest("mine")]) as tenants:
            assert (await tenants.of_key("mine")).id == ""
            assert (await tenants.of_key(key)).id == "acme"


class TestTenants:
    async def test_a_key_tells_the_tenant(self, redis: Redis) -> None:
        written = await added(redis)
        key = ApiKey.read(written)
        assert key is not None
        async with known(redis) as tenants:
            tenant = await tenants.of_key(written)
            assert (tenant.id, tenant.key_id, tenant.weight) == ("acme", key.id, 2.0)
            assert tenant.limits == ACME.limits

    async def test_a_wrong_secret_is_wrong(self, redis: Redis) -> None:
        key = ApiKey.read(await added(redis))
        assert key is not None
        async with known(redis) as tenants:
            for wrong in (key._replace(secret=ApiKey.new().secret), ApiKey.new()):
                error = await refused(tenants, wrong.written)
                assert error.code == "invalid_api_key"
                assert wrong.secret not in error.message

    async def test_a_new_key_is_good_at_once_everywhere(self, redis: Redis) -> None:
        async with known(redis, is_required=True, heartbeat_s=60) as tenants:
            for number in range(3):
                key = await added(redis, replace(ACME, id=f"t{number}"))
                assert (await tenants.of_key(key)).id == f"t{number}"

    async def test_a_revoked_key_is_over_within_two_heartbeats(self, redis: Redis) -> None:
        store = TenantStore(redis)
        first, second = await added(redis), (await store.add_key("acme"))[0]
        async with known(redis) as one, known(redis) as other:
            tenant = await other.of_key(second.written)
            await store.revoke("acme", second.id)
            assert max(await asyncio.gather(*(until_refused(each, second.written) for each in (one, other)))) < 1
            assert (await one.of_key(first)).id == "acme"
            with pytest.raises(InvalidApiKey):
                other.require_still(tenant)

    async def test_a_disabled_tenant_and_an_expired_key_are_told_so(self, redis: Redis) -> None:
        disabled = await added(redis, replace(ACME, is_disabled=True))
        expired = await added(redis, replace(ACME, id="other"), expires_s=int(time.time()) - 1)
        async with known(redis) as tenants:
            assert (await refused(tenants, disabled)).code == "account_deactivated"
            assert "expired" in (await refused(tenants, expired)).message

    async def test_changed_limits_are_known_within_two_heartbeats(self, redis: Redis) -> None:
        key = await added(redis)
        async with known(redis) as tenants:
            await TenantStore(redis).change("acme", lambda record: replace(record, limits=TenantLimits(7)))
            while (await tenants.of_key(key)).limits.requests_per_minute != 7:
                await asyncio.sleep(0.01)

    async def test_the_day_of_use_is_noted_once(self, redis: Redis) -> None:
        key = ApiKey.read(await added(redis))
        assert key is not None
        store = TenantStore(redis)
        async with known(redis) as tenants:
            await tenants.of_key(key.written)
            while not (used := await store.last_used([key.id])):
                await asyncio.sleep(0.01)
            assert used[key.id][:2] == "20"
            await redis.delete("tts:tenants:used")
            await tenants.of_key(key.written)
            await asyncio.sleep(3 * BEAT_S)
            assert await store.last_used([key.id]) == {}

    async def test_a_flood_of_wrong_keys_hardly_asks_redis_and_does_not_grow(self, redis: Redis) -> None:
        good = await added(redis)
        async with known(redis, heartbeat_s=60) as tenants:
            before = (await redis.info("commandstats")).get("cmdstat_get", {"calls": 0})["calls"]
            began = time.monotonic()
            errors = await asyncio.gather(*(refused(tenants, ApiKey.new().written) for _ in range(2000)))
            took_s = time.monotonic() - began
            calls = (await redis.info("commandstats"))["cmdstat_get"]["calls"] - before
            assert {error.code for error in errors} == {"invalid_api_key"}
            assert calls <= took_s / LOOK_EVERY_S + 2
            assert tenants._used == {}
            assert (await tenants.of_key(good)).id == "acme"


async def test_without_redis_known_keys_go_on_for_a_while_and_then_none() -> None:
    with running_valkey() as server:
        redis = connect(server.url)
        key = await added(redis)
        async with known(redis, grace_s=1.0) as tenants:
            server.stop()
            stopped = time.monotonic()
            assert (await tenants.of_key(key)).id == "acme"
            assert isinstance(await refused(tenants, ApiKey.new().written), QueueUnavailable)
            while True:
                try:
                    await tenants.of_key(key)
                except QueueUnavailable:
                    break
                await asyncio.sleep(0.02)
            assert 0.8 < time.monotonic() - stopped < 4
        await redis.aclose()
