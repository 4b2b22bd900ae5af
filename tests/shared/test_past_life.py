"""A queue that was stopped in the middle of things and is started again."""

from __future__ import annotations

import uuid

from redis.asyncio import Redis

from shared.contract import Lane
from shared.streams.batches import BatchStore
from shared.streams.past_life import forget_requests
from shared.streams.tenants import TenantRecord, TenantStore
from shared.streams.voices import VoiceStore
from tests.conftest import Valkey, left_of_requests
from tests.shared.test_batches import begun
from tests.shared.test_streams import job, joined, opened


async def test_what_is_of_requests_goes_and_the_rest_stays(redis: Redis, valkey: Valkey) -> None:
    tenants, voices, batches = TenantStore(redis), VoiceStore(redis), BatchStore(redis, heartbeat_s=1)
    await tenants.add(TenantRecord("acme"))
    await tenants.add_key("acme")
    await voices.save("mine", (("af_bella", 1.0),), "")
    batch = await begun(batches, 3)
    kept = set(await redis.keys())
    gateway, worker = await opened(redis, "gw"), await joined(redis, "w1")
    for lane in Lane:
        for seq in range(4):
            await gateway.publish(job(seq, lane, request_id=f"req_{uuid.uuid4().hex}"))
    claimed = await worker.claim(2, 0)
    await worker.begin(claimed)
    await gateway.cancel("req_1", 10)
    assert left_of_requests(valkey.url)
    assert await forget_requests(redis) > 5
    assert left_of_requests(valkey.url) == []
    assert set(await redis.keys()) == kept
    assert await batches.get(batch.id) is not None


async def test_work_goes_on_as_in_a_new_queue(redis: Redis) -> None:
    gateway, worker = await opened(redis, "gw"), await joined(redis, "w1")
    await gateway.publish(job(0))
    await forget_requests(redis)
    later, new = await opened(redis, "gw"), await joined(redis, "w2")
    await later.publish(job(1))
    assert [each.job.seq for each in await new.claim(5, 0)] == [1]
    assert await new.reclaim(5) == []
    await gateway.leave()
    await worker.leave()
