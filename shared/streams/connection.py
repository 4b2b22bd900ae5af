"""One process' connections to Redis: one server, or whichever its Sentinels name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool

from shared.errors import FleetError

CONNECT_TIMEOUT_S = 2
DEFAULT_MAX_CONNECTIONS = 16
SENTINEL_PORT = 26379
SENTINEL_ANSWER_S = 1.5
"""A Sentinel that takes longer goes to the end of the line."""

# No ``socket_timeout``: on Python 3.11 redis-py then sends within ``asyncio.wait_for``, which loses a cancellation that
# comes at the wrong moment, so that a task told to stop goes on for ever. ``reaching_redis`` bounds each call instead.
_OPTIONS: dict[str, Any] = {"socket_connect_timeout": CONNECT_TIMEOUT_S, "health_check_interval": 15}


class BoundedPool(ConnectionPool):
    """At most ``size`` connections; a call that comes while all are in use waits its turn.

    redis-py's BlockingConnectionPool waits on an asyncio.Condition, which on Python 3.11 loses a wake-up if the task
    that was woken is cancelled: others then wait beside a free connection. A semaphore passes it on.
    """

    def __init__(self, *args: Any, size: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._free = asyncio.Semaphore(size)

    async def get_connection(self, *_: Any, **__: Any) -> AbstractConnection:
        await self._free.acquire()
        connection: AbstractConnection = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        self._free.release()
        await super().release(connection)


class PrimaryPool(SentinelConnectionPool):
    """Connections to the primary that the Sentinels name when each is made."""

    async def get_master_address(self) -> tuple[str, int]:
        sentinels = self.sentinel_manager.sentinels
        try:
            async with asyncio.timeout(SENTINEL_ANSWER_S * len(sentinels)):
                found: tuple[str, int] = await super().get_master_address()  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            sentinels.append(sentinels.pop(0))
            raise MasterNotFoundError("a Sentinel did not answer") from error
        return found


class BoundedPrimaryPool(BoundedPool, PrimaryPool):
    """Both."""


class QueueClient(Redis):
    """A client for all of a process' calls. ``reads`` is for those that block, with connections of their own: there are
    as many as the process has loops that wait, and none of them keeps a call waiting.
    """

    def __init__(self, pool: ConnectionPool, reads: ConnectionPool, sentinels: Sequence[Redis] = ()) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self.reads: Redis = Redis.from_pool(reads)
        self._sentinels = sentinels

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        for client in (self.reads, *self._sentinels):
            await client.aclose()


class SentinelAddress(NamedTuple):
    """What a redis+sentinel:// URL says."""

    hosts: list[tuple[str, int]]
    service: str
    primary: dict[str, Any]
    """redis-py's options for connections to the primary."""
    sentinel: dict[str, Any]
    """And to Sentinels."""


def connect(url: str, max_connections: int = DEFAULT_MAX_CONNECTIONS) -> QueueClient:
    """A client for redis://, rediss://, unix://, or Sentinel's redis+sentinel:// and rediss+sentinel://. Nothing is
    reached yet. Raises FleetError for a URL that says something else.
    """
    try:
        if urlsplit(url).scheme.endswith("+sentinel"):
            return _through_sentinel(sentinel_address(url), max_connections)
        pool = BoundedPool.from_url(url, size=max_connections, **_OPTIONS)
        return QueueClient(pool, ConnectionPool.from_url(url, **_OPTIONS))
    except ValueError as error:
        raise FleetError(f"REDIS_URL cannot be read: {error}", code="invalid_redis_url") from error


def blocking_reads(redis: Redis) -> Redis:
    """The client for calls that block."""
    return redis.reads if isinstance(redis, QueueClient) else redis


def sentinel_address(url: str) -> SentinelAddress:
    """Read redis+sentinel://[user:password@]host[:port],…/service[/db][?sentinel_username=…&sentinel_password=…].

    User and password are the primary's; other words of the query are redis-py's. Raises ValueError.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.removesuffix("+sentinel")
    userinfo, at, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    addresses = [urlsplit(f"//{host}") for host in hosts.split(",")]
    if not service or not all(address.hostname for address in addresses):
        raise ValueError("Sentinel's form is redis+sentinel://host:26379,host:26379/service/0")
    query = dict(parse_qsl(parts.query))
    words = ("username", "password")
    sentinel: dict[str, Any] = {word: query.pop(f"sentinel_{word}") for word in words if f"sentinel_{word}" in query}
    plain = urlunsplit((scheme, f"{userinfo}{at}primary", f"/{database or 0}", urlencode(query, quote_via=quote), ""))
    primary: dict[str, Any] = {**parse_url(plain)}
    for name in ("host", "port", "connection_class"):
        primary.pop(name, None)
    if scheme == "rediss":
        primary["ssl"] = sentinel["ssl"] = True
    return SentinelAddress(
        [(str(address.hostname), address.port or SENTINEL_PORT) for address in addresses],
        unquote(service),
        primary,
        sentinel,
    )


def _through_sentinel(address: SentinelAddress, max_connections: int) -> QueueClient:
    sentinel_options = {"socket_connect_timeout": CONNECT_TIMEOUT_S / 2, **address.sentinel}
    sentinel = Sentinel(address.hosts, sentinel_kwargs=sentinel_options)  # type: ignore[no-untyped-call]
    options = {**_OPTIONS, **address.primary}
    pool = BoundedPrimaryPool(address.service, sentinel, size=max_connections, **options)
    reads = PrimaryPool(address.service, sentinel, **options)  # type: ignore[no-untyped-call]
    return QueueClient(pool, reads, sentinel.sentinels)
