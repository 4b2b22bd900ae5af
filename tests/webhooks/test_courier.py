"""One delivery, to a real server: signed for OpenAI's own SDK, and led astray by nothing."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network

import pytest
from openai import InvalidWebhookSignatureError, OpenAI
from openai.types.webhooks import BatchCompletedWebhookEvent
from standardwebhooks import Webhook

from gateway.webhooks.addresses import Address, Guard
from gateway.webhooks.courier import Courier, Outcome
from gateway.webhooks.events import Notice
from gateway.webhooks.signature import Signer
from shared.errors import FleetError
from tests.webhooks.receiver import SECRET, running_receiver

LOOPBACK = Guard(allow_http=True, allowed_networks=(ip_network("127.0.0.0/8"),))


@contextlib.asynccontextmanager
async def courier(guard: Guard = LOOPBACK, secrets: str = SECRET, timeout_s: float = 5.0) -> AsyncIterator[Courier]:
    made = Courier(guard, Signer(secrets), timeout_s)
    try:
        yield made
    finally:
        await made.close()


async def test_openai_unwraps_it() -> None:
    with running_receiver() as receiver:
        async with courier() as ours:
            notice = Notice.of("batch.completed", "batch_1", receiver.url)
            assert await ours.deliver(notice) is Outcome.DELIVERED
        [got] = receiver.received
    assert got.path == "/hook?token=1"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    with OpenAI(api_key="-", webhook_secret=SECRET) as client:
        event = client.webhooks.unwrap(got.body, got.headers)
        assert isinstance(event, BatchCompletedWebhookEvent)
        assert (event.data.id, event.id) == ("batch_1", got.headers["webhook-id"])
        with pytest.raises(InvalidWebhookSignatureError):
            client.webhooks.unwrap(got.body + b" ", got.headers)
        with pytest.raises(InvalidWebhookSignatureError):
            client.webhooks.unwrap(got.body, got.headers | {"webhook-id": "evt_other"})


async def test_openai_takes_events_that_it_does_not_know() -> None:
    with running_receiver() as receiver:
        async with courier() as ours:
            await ours.deliver(Notice.of("audio.job.completed", "job_1", receiver.url))
        [got] = receiver.received
    with OpenAI(api_key="-", webhook_secret=SECRET) as client:
        assert client.webhooks.unwrap(got.body, got.headers).type == "audio.job.completed"  # type: ignore[comparison-overlap]


async def test_the_same_thing_told_twice_has_one_id_and_two_tenants_have_two() -> None:
    first, again = (Notice.of("batch.completed", "batch_1", "https://a", "acme") for _ in range(2))
    assert first.id == again.id
    others = (
        Notice.of("batch.failed", "batch_1", "https://a", "acme"),
        Notice.of("batch.completed", "batch_1", "", "x"),
    )
    assert first.id not in {other.id for other in others}


async def test_a_tenant_has_a_secret_of_its_own() -> None:
    signer = Signer(SECRET)
    assert signer.secret("") == SECRET
    assert len({signer.secret(tenant) for tenant in ("", "acme", "umbrella")}) == 3
    with running_receiver() as receiver:
        async with courier() as ours:
            await ours.deliver(Notice.of("batch.completed", "batch_1", receiver.url, "acme"))
        [got] = receiver.received
    assert json.loads(got.body)["data"] == {"id": "batch_1"}
    Webhook(signer.secret("acme")).verify(got.body.decode(), got.headers)
    with OpenAI(api_key="-", webhook_secret=SECRET) as client, pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.unwrap(got.body, got.headers)


async def test_while_secrets_are_changed_both_verify() -> None:
    new = "whsec_" + base64.b64encode(b"x" * 32).decode()
    with running_receiver() as receiver:
        async with courier(secrets=f"{new} {SECRET}") as ours:
            await ours.deliver(Notice.of("batch.completed", "batch_1", receiver.url))
        [got] = receiver.received
    for secret in (new, SECRET):
        with OpenAI(api_key="-", webhook_secret=secret) as client:
            client.webhooks.unwrap(got.body, got.headers)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "c2VjcmV0", "whsec_" + "A" * 200, "whsec_!!!"])
def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(FleetError, match="WEBHOOK_SECRET"):
        Signer(secret)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (204, Outcome.DELIVERED),
        (410, Outcome.GONE),
        (400, Outcome.FAILED),
        (401, Outcome.FAILED),
        (404, Outcome.FAILED),
        (429, Outcome.FAILED),
        (500, Outcome.FAILED),
        (503, Outcome.FAILED),
    ],
)
async def test_what_an_answer_means(status: int, outcome: Outcome) -> None:
    with running_receiver(status) as receiver:
        async with courier() as ours:
            assert await ours.deliver(Notice.of("batch.completed", "batch_1", receiver.url)) is outcome


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    with running_receiver() as inside, running_receiver(status) as receiver:
        receiver.headers["location"] = inside.url
        async with courier() as ours:
            assert await ours.deliver(Notice.of("batch.completed", "batch_1", receiver.url)) is Outcome.FAILED
        assert (len(receiver.received), inside.received) == (1, [])


async def test_a_name_that_turns_private_after_the_check_is_not_gone_to() -> None:
    """DNS rebinding: the first answer is public, all others are ours."""
    with running_receiver() as receiver:
        asked: list[str] = []

        async def rebinding(host: str, _port: int) -> list[Address]:
            asked.append(host)
            return [ip_address("93.184.215.14" if len(asked) == 1 else "127.0.0.1")]

        guard = Guard(allow_http=True, resolver=rebinding)
        url = f"http://rebound.example:{receiver.port}/"
        await guard.check(url)
        async with courier(guard) as ours:
            assert await ours.deliver(Notice.of("batch.completed", "batch_1", url)) is Outcome.FAILED
        assert receiver.received == []
        assert asked == ["rebound.example"] * 2  # once for the check, once for the connection: never in between


async def test_the_address_is_the_judged_one_and_the_name_stays_in_the_request() -> None:
    async def resolver(_host: str, _port: int) -> list[Address]:
        return [ip_address("127.0.0.1")]

    guard = Guard(allow_http=True, allowed_networks=LOOPBACK.allowed_networks, resolver=resolver)
    with running_receiver() as receiver:
        async with courier(guard) as ours:
            url = f"http://hooks.example:{receiver.port}/in"
            assert await ours.deliver(Notice.of("batch.completed", "batch_1", url)) is Outcome.DELIVERED
        assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"


async def test_tls_asks_for_the_name_and_takes_no_certificate_that_is_not_its() -> None:
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def resolver(_host: str, _port: int) -> list[Address]:
        return [ip_address("127.0.0.1")]

    async def unreached(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        names.append("reached")

    server = await asyncio.start_server(unreached, "127.0.0.1", 0, ssl=context)
    guard = Guard(allowed_networks=LOOPBACK.allowed_networks, resolver=resolver)
    async with server, courier(guard) as ours:
        url = f"https://hooks.example:{server.sockets[0].getsockname()[1]}/"
        assert await ours.deliver(Notice.of("batch.completed", "batch_1", url)) is Outcome.FAILED
    assert names == ["hooks.example"]


async def test_an_endless_answer_is_not_read() -> None:
    closed = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
                await writer.drain()
        writer.transport.abort()
        closed.set()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    async with server, courier() as ours:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await ours.deliver(Notice.of("batch.completed", "batch_1", url)) is Outcome.DELIVERED
        await asyncio.wait_for(closed.wait(), 5)


async def test_one_that_never_answers_holds_nothing_for_long() -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    began = time.monotonic()
    async with server, courier(timeout_s=0.3) as ours:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await ours.deliver(Notice.of("batch.completed", "batch_1", url)) is Outcome.FAILED
        await asyncio.wait_for(left.wait(), 5)
    assert time.monotonic() - began < 3


async def test_nobody_there() -> None:
    with running_receiver() as receiver:
        url = receiver.url
    async with courier() as ours:
        assert await ours.deliver(Notice.of("batch.completed", "batch_1", url)) is Outcome.FAILED
