"""Downloads over HTTPS: bounded waits, progress, a hash, and no half files."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from worker.model.files import written_whole
from worker.model.progress import Progress

USER_AGENT = "kokoro-fleet"
BLOCK_BYTES = 1 << 20


class OriginUnavailable(Exception):
    """One origin of the model could not give what it was asked for; another may."""


def require_reachable(url: str, timeout_s: float) -> None:
    """Raise OriginUnavailable unless the server accepts a connection within ``timeout_s`` seconds, name lookup
    included.

    ``urlopen`` alone would try every address of a host for the full timeout each, which behind a firewall that drops
    packets is minutes. Behind a proxy only the proxy can tell, so nothing is tried.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    failures: list[OSError] = []
    connected = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=timeout_s).close()
            connected.set()
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=connect, daemon=True)  # a name lookup has no timeout of its own
    thread.start()
    thread.join(timeout_s)
    if not connected.is_set():
        reason = str(failures[0]) if failures else f"no answer within {timeout_s:g} s"
        raise OriginUnavailable(f"{host} cannot be reached: {reason}")


def download(url: str, target: Path, progress: Progress, *, timeout_s: float, sha256: str | None = None) -> None:
    """Fetch a URL into a file that appears only when it is complete and, where ``sha256`` is given, of that hash.

    timeout_s: the longest silence to bear, in seconds. Raises OriginUnavailable when the server cannot be reached,
    answers with an error, stalls, stops short, or sends something else.
    """
    request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT})  # noqa: S310 - our own origins
    try:
        with (
            urllib.request.urlopen(request, timeout=timeout_s) as response,  # noqa: S310
            written_whole(target) as stream,
        ):
            _copy(response, stream, progress, target.name, sha256)
    except urllib.error.HTTPError as error:
        raise OriginUnavailable(f"{url} answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise OriginUnavailable(f"{url} cannot be reached: {error.reason}") from error
    except TimeoutError as error:
        raise OriginUnavailable(f"{url} sent nothing for {timeout_s:g} s") from error
    except (http.client.HTTPException, ConnectionError) as error:
        raise OriginUnavailable(f"{url} broke off: {error}") from error


def _copy(
    response: http.client.HTTPResponse, stream: BinaryIO, progress: Progress, label: str, sha256: str | None
) -> None:
    announced = response.headers.get("Content-Length")
    total = int(announced) if announced else None
    digest, done = hashlib.sha256(), 0
    progress.step(label, 0, total)
    while block := response.read1(BLOCK_BYTES):
        digest.update(block)
        stream.write(block)
        done += len(block)
        progress.step(label, done, total)
    if total is not None and done != total:
        raise OriginUnavailable(f"{response.url} broke off after {done} of {total} bytes")
    if sha256 is not None and digest.hexdigest() != sha256:
        raise OriginUnavailable(f"{response.url} is not the file expected: its SHA-256 is {digest.hexdigest()}")
