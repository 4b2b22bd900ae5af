"""Which web pages may call the service, and what they may read of its answers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from gateway.api.rate_limits import RATE_HEADERS

EXPOSED_HEADERS = (
    "content-disposition",
    "idempotent-replayed",
    "openai-processing-ms",
    "retry-after",
    "retry-after-ms",
    "x-cache",
    "x-client-request-id",
    "x-download-path",
    "x-request-id",
    "x-should-retry",
    "x-timing-path",
    *RATE_HEADERS,
)
"""What a page's script cannot see unless it is named here."""


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """``app``, open to pages of ``origins``; ``*`` is any. No credentials: nothing here goes by cookies."""
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=EXPOSED_HEADERS
    )
