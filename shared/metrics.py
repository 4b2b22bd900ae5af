"""Prometheus metrics of a process, and the small HTTP server that shows them where the process has no other.

Each process makes one registry at its start and hands it down; ``docs/observability.md`` lists all that is in them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, Info, ProcessCollector, disable_created_metrics, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from shared.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

METRICS_PATH = "/metrics"

MAX_TENANTS = 200
"""Tenants that get series of their own in one process; all others share one, named OTHER_TENANTS."""
OTHER_TENANTS = "(others)"


def new_registry(component: str) -> CollectorRegistry:
    """A registry with what is true of any process: CPU, memory, open files, and ``kokoro_build_info``.

    component: gateway, worker or batch.
    """
    # A second series per counter, of when it was made: Prometheus does not need it, and it doubles the page.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Info("kokoro_build", "The release that runs, and as what.", registry=registry)
    build.info({"component": component, "version": _release()})
    return registry


def _release() -> str:
    try:
        return version("kokoro-fleet")
    except PackageNotFoundError:
        return "unknown"  # run from a checkout that is not installed


class TenantNames:
    """Bounds the values of the label ``tenant``: the first MAX_TENANTS keep their names, later ones share one."""

    def __init__(self, limit: int = MAX_TENANTS) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def label(self, tenant_id: str) -> str:
        """The label's value for a tenant."""
        if tenant_id not in self._known:
            if len(self._known) >= self._limit:
                return OTHER_TENANTS
            self._known.add(tenant_id)
        return tenant_id


@dataclass(frozen=True, slots=True)
class Probes:
    """What /livez and /readyz answer by. Called from the server's threads: they must not block."""

    is_live: Callable[[], bool]
    """False: the process should be started anew."""
    is_ready: Callable[[], bool]
    """False: it should get no work yet."""


@contextmanager
def metrics_served(
    registry: CollectorRegistry,
    host: str,
    port: int,
    *,
    probes: Probes | None = None,
    before_scrape: Callable[[], None] | None = None,
) -> Iterator[int]:
    """Serve /metrics, and with ``probes`` /livez and /readyz, in threads that no event loop or engine holds up.

    Yields the port listened on, which ``port`` 0 leaves to the system. ``before_scrape`` runs in the server's thread.
    Raises FleetError if the port cannot be had.
    """
    app = _app(make_wsgi_app(registry), probes, before_scrape)
    try:
        server = _server_class(host)((host, port), _QuietHandler)
    except OSError as error:
        raise FleetError(f"METRICS_HOST={host}, METRICS_PORT={port} cannot be listened on: {error}") from error
    server.set_app(app)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _app(metrics: WSGIApplication, probes: Probes | None, before_scrape: Callable[[], None] | None) -> WSGIApplication:
    asked = {"/livez": probes.is_live, "/readyz": probes.is_ready} if probes else {}

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == METRICS_PATH:
            if before_scrape is not None:
                before_scrape()
            return metrics(environ, start_response)
        if path not in asked:
            return _answer(start_response, "404 Not Found")
        return _answer(start_response, "200 OK" if asked[path]() else "503 Service Unavailable")

    return app


def _answer(start_response: StartResponse, status: str) -> list[bytes]:
    body = status.encode() + b"\n"
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def _server_class(host: str) -> type[WSGIServer]:
    class Server(ThreadingWSGIServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        request_queue_size = 16

    return Server


class _QuietHandler(WSGIRequestHandler):
    """A scrape every few seconds is no news."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""
