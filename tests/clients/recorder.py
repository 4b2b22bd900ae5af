"""A pipe to the service that keeps the requests which pass through it, to the byte as the client sent them."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import h11

PIECE_BYTES = 65536

VOLATILE = frozenset({"connection", "content-length", "host"})
"""Headers that differ from call to call and mean nothing to us; so do all of openai's `x-stainless-`."""


@dataclass
class Request:
    """One request, as it was sent."""

    method: str
    target: str
    headers: dict[str, str]
    at_s: float
    """When it came, by the monotonic clock."""
    body: bytes = b""

    @property
    def fields(self) -> dict[str, Any]:
        """Its JSON; empty where it has no body."""
        return dict(json.loads(self.body)) if self.body else {}

    def told(self) -> str:
        """The request as ``docs/clients.md`` shows it, whichever Python sent it."""
        lines = [f"{self.method} {self.target}"]
        for name, value in self.headers.items():
            if name not in VOLATILE and not name.startswith("x-stainless-"):
                lines.append(f"{name}: {re.sub(r'Python/3[.][0-9]+', 'Python/3', value)}")
        if self.body:
            lines += ["", json.dumps(self.fields, ensure_ascii=False)]
        return "\n".join(lines)


@dataclass
class Recorder:
    """Listens on ``url`` and passes all on to a service, unchanged; ``requests`` are those that were made."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def asking(self, text: str) -> list[Request]:
        """The requests to speak ``text``."""
        return [request for request in self.requests if request.fields.get("input") == text]

    def paths(self) -> list[str]:
        return [f"{request.method} {request.target}" for request in self.requests]


@contextlib.contextmanager
def recording(service_url: str) -> Iterator[Recorder]:
    """A recorder in front of the service at ``service_url``."""
    parts = urlsplit(service_url)
    address = (str(parts.hostname), int(parts.port or 80))

    class Pipe(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(address) as upstream:
                answers = threading.Thread(target=_pass_on, args=(upstream, self.request))
                answers.start()
                reader = _Reader(recorder)
                for piece in _pieces(self.request):
                    reader.feed(piece)
                    upstream.sendall(piece)
                _end(upstream)
                answers.join()

    with _Server(("127.0.0.1", 0), Pipe) as server:
        recorder = Recorder(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True  # a client may keep a connection open for as long as it likes
    block_on_close = False


class _Reader:
    """Reads requests out of what comes on one connection."""

    def __init__(self, recorder: Recorder) -> None:
        self._requests = recorder.requests
        self._parser = h11.Connection(h11.SERVER)
        self._request: Request | None = None

    def feed(self, piece: bytes) -> None:
        self._parser.receive_data(piece)
        while not isinstance(event := self._parser.next_event(), type(h11.NEED_DATA) | type(h11.PAUSED)):
            match event:
                case h11.Request(method=method, target=target, headers=headers):
                    named = {name.decode(): value.decode() for name, value in headers}
                    self._request = Request(method.decode(), target.decode(), named, time.monotonic())
                case h11.Data(data=data) if self._request:
                    self._request.body += data
                case h11.EndOfMessage() if self._request:
                    self._requests.append(self._request)
                    rest, _ = self._parser.trailing_data
                    self._parser = h11.Connection(h11.SERVER)
                    if rest:  # none would mean the end
                        self._parser.receive_data(rest)


def _pieces(connection: socket.socket) -> Iterator[bytes]:
    """What comes on ``connection`` until its end, a clean one or not."""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(PIECE_BYTES):
            yield piece


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side has left
        for piece in _pieces(source):
            target.sendall(piece)
    _end(target)
    _end(source)


def _end(connection: socket.socket) -> None:
    """Say that no more comes."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
