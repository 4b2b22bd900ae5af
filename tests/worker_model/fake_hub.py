"""An HTTP server that serves a folder as the hub does, or misbehaves as told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class FakeHub:
    """``answers`` maps a path's end to what is done about it; what is not listed is a 404."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.stop_stalling = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append(self.path)
                for end, answer in hub.answers.items():
                    if self.path.endswith(end):
                        answer(self)
                        return
                self.send_error(404)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stalling(self, content: bytes) -> Answer:
        """Sends half, and then nothing more until the test is over."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            _begin(request, len(content))
            request.wfile.write(content[: len(content) // 2])
            request.wfile.flush()
            self.stop_stalling.wait()

        return answer

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeHub]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.stop_stalling.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def sending(content: bytes) -> Answer:
    """All of it."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        _begin(request, len(content))
        request.wfile.write(content)

    return answer


def breaking_off(content: bytes) -> Answer:
    """Announces all, sends half, hangs up."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        _begin(request, len(content))
        request.wfile.write(content[: len(content) // 2])

    return answer


def _begin(request: BaseHTTPRequestHandler, length: int) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(length))
    request.end_headers()
