"""A client of ``/v1/audio/speech/stream`` over the `websockets` library, and what it has heard."""

from __future__ import annotations

import base64
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

TIMEOUT_S = 20.0


@dataclass
class Heard:
    """Of one context."""

    audio: bytes = b""
    words: list[dict[str, Any]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """Of its messages, in order; of runs of the same, one."""
    first_audio: float | None = None
    """By time.monotonic."""
    usage: dict[str, float] | None = None
    error: dict[str, Any] | None = None


class Client:
    """One connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: dict[str, Heard] = defaultdict(Heard)
        self.order: list[str] = []
        """The contexts of audio messages, as they came."""
        self.ready = self.next()

    def say(self, kind: str, context_id: str | None = None, **fields: Any) -> None:
        about = {} if context_id is None else {"context_id": context_id}
        self.connection.send(json.dumps({"type": kind, **about, **fields}))

    def next(self, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The next message; raises TimeoutError, ConnectionClosed."""
        received = self.connection.recv(timeout_s)
        if isinstance(received, bytes):
            size = received[1]
            message: dict[str, Any] = {"type": "audio", "context_id": received[2 : 2 + size].decode()}
            message |= {"version": received[0], "packet": received[2 + size :]}
        else:
            message = json.loads(received)
        self._note(message)
        return message

    def until(self, kind: str, context_id: str | None = None, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """Read on until a message of this kind comes."""
        deadline = time.monotonic() + timeout_s
        while True:
            message = self.next(max(0.0, deadline - time.monotonic()))
            if message["type"] == kind and context_id in {None, message.get("context_id")}:
                return message

    def close_code(self) -> int:
        """Read on until the server closes the connection."""
        with pytest.raises(ConnectionClosed) as closed:
            self.until("the end")
        assert closed.value.rcvd is not None, "the line was cut"
        return closed.value.rcvd.code

    def _note(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        heard = self.heard[message.get("context_id", "")]
        if heard.kinds[-1:] != [kind]:
            heard.kinds.append(kind)
        if kind == "audio":
            heard.first_audio = heard.first_audio or time.monotonic()
            heard.audio += message["packet"] if "packet" in message else base64.b64decode(message["audio"])
            self.order.append(message["context_id"])
        elif kind == "words":
            heard.words += message["words"]
        elif kind == "done":
            heard.usage = message["usage"]
        elif kind == "error":
            heard.error = message["error"]


@contextmanager
def connected(url: str, **options: Any) -> Iterator[Client]:
    """A client of the service at ``url``."""
    address = url.replace("http", "ws", 1) + "/v1/audio/speech/stream"
    with connect(address, compression=None, **options) as connection:
        yield Client(connection)
