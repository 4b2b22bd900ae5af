"""uvicorn, but that WebSockets may come to their end: by itself it closes them at once."""

from __future__ import annotations

import math
import socket
import time

import uvicorn

from gateway.drain import Drain
from gateway.sessions import Sessions


class DrainingServer(uvicorn.Server):
    """After SIGTERM says for a while that it goes, then takes no more connections, and gives open conversations and
    streams the same time to end.
    """

    def __init__(
        self, config: uvicorn.Config, sessions: Sessions, drain_timeout_s: float, drain: Drain, drain_delay_s: float
    ) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_delay_s = drain_delay_s
        self._sessions = sessions
        self._drain_timeout_s = drain_timeout_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._drain.begin(self._drain_delay_s)
        began = time.monotonic()
        for server in self.servers:
            server.close()
        await self._sessions.drain(self._drain_timeout_s)
        left_s = self._drain_timeout_s - (time.monotonic() - began)
        self.config.timeout_graceful_shutdown = max(0, math.ceil(left_s))
        await super().shutdown(sockets)
