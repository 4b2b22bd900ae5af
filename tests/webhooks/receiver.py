"""Somebody who is told by webhook: a real HTTP server on loopback that keeps what it got."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()

WEBHOOKS = {
    "WEBHOOK_SECRET": SECRET,
    "WEBHOOK_ALLOW_HTTP": "true",
    "WEBHOOK_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
    "WEBHOOK_RETRY_S": "1",
}
"""Settings of a service that may tell receivers here."""


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers with each of ``statuses`` in turn, then with the last of them."""

    def __init__(self, statuses: tuple[int, ...] = (200,)) -> None:
        self.received: list[Received] = []
        self.headers: dict[str, str] = {}
        """Of its answers."""
        self._statuses = statuses
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                self.send_response(receiver.status())
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:
                """Nobody is to come by this way."""
                receiver.received.append(Received(self.path, {}, b""))
                self.send_error(500)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?token=1"

    def status(self) -> int:
        return self._statuses[min(len(self.received), len(self._statuses)) - 1]

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def running_receiver(*statuses: int) -> Iterator[Receiver]:
    receiver = Receiver(statuses or (200,))
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.close()
