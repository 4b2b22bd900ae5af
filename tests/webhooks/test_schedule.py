"""Deliveries through a real queue: tried again until they arrive, and then no more."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from arq.worker import Worker, func
from openai import OpenAI
from redis.asyncio import Redis

from gateway.webhooks.courier import Courier
from gateway.webhooks.events import Notice
from gateway.webhooks.schedule import (
    GROWTH,
    JITTER,
    KEPT_FOR,
    MAX_DELAY_S,
    MAX_TRIES,
    delay_s,
    deliver_webhook,
    send_webhook,
)
from gateway.webhooks.signature import Signer
from shared.arq_queue import arq_queue, packed, unpacked
from tests.webhooks.receiver import SECRET, Receiver, running_receiver
from tests.webhooks.test_courier import LOOPBACK


@contextlib.asynccontextmanager
async def working(redis: Redis, retry_s: float) -> AsyncIterator[Worker]:
    """A runner that goes home when nothing is left."""
    courier = Courier(LOOPBACK, Signer(SECRET), 5.0)
    worker = Worker(
        [func(deliver_webhook, max_tries=MAX_TRIES, keep_result=3600)],
        redis_pool=arq_queue(redis),
        burst=True,
        poll_delay=0.02,
        handle_signals=False,
        job_serializer=packed,
        job_deserializer=unpacked,
        ctx={"courier": courier, "webhook_retry_s": retry_s},
    )
    try:
        yield worker
    finally:
        await courier.close()


async def deliver(redis: Redis, *notices: Notice, retry_s: float = 0.01) -> None:
    for notice in notices:
        await send_webhook(arq_queue(redis), notice)
    async with working(redis, retry_s) as worker:
        await worker.main()


def notice_to(receiver: Receiver) -> Notice:
    return Notice.of("batch.completed", "batch_1", receiver.url)


async def test_it_is_tried_again_with_the_same_id_and_a_fresh_signature(redis: Redis) -> None:
    with running_receiver(500, 503, 200) as receiver:
        await deliver(redis, notice_to(receiver))
        assert len(receiver.received) == 3
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    with OpenAI(api_key="-", webhook_secret=SECRET) as client:
        for got in receiver.received:
            client.webhooks.unwrap(got.body, got.headers)


async def test_the_same_notice_twice_is_delivered_once(redis: Redis) -> None:
    with running_receiver() as receiver:
        await deliver(redis, notice_to(receiver), notice_to(receiver))
        await deliver(redis, notice_to(receiver))
        assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [200, 410])
async def test_who_has_it_or_wants_none_gets_no_more(redis: Redis, status: int) -> None:
    with running_receiver(status) as receiver:
        await deliver(redis, notice_to(receiver))
        assert len(receiver.received) == 1


async def test_at_last_it_is_given_up(redis: Redis) -> None:
    with running_receiver(500) as receiver:
        await deliver(redis, notice_to(receiver), retry_s=1e-6)
        assert len(receiver.received) == MAX_TRIES


def test_the_delays_grow_within_half_a_day() -> None:
    delays = [delay_s(attempt, 5.0) for attempt in range(1, MAX_TRIES)]
    planned = [min(5.0 * GROWTH**number, MAX_DELAY_S) for number in range(MAX_TRIES - 1)]
    assert all(abs(delay / plan - 1) <= JITTER for delay, plan in zip(delays, planned, strict=True))
    assert timedelta(hours=8) < timedelta(seconds=sum(planned) * (1 + JITTER)) < KEPT_FOR
    assert len({delay_s(1, 5.0) for _ in range(20)}) > 1
