"""Connections to nowhere but where webhooks may go."""

from __future__ import annotations

from collections.abc import Iterable

import httpcore

from gateway.webhooks.addresses import Guard


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a host itself and connects to an address that the guard has seen. TLS and the Host header keep the name.

    So between the check and the connection there is no second look-up for anyone to answer otherwise.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """To the first of the host's addresses that answers. Raises WebhookRefused, httpcore.ConnectError."""
        failure: Exception = httpcore.ConnectError("no address")
        for address in await self._guard.addresses(host, port):
            try:
                return await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure
