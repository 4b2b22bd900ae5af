"""uvicorn's HTTP/1.1, but that an offer to go on in HTTP/2 is passed over, as the standard allows (RFC 9110, 7.8).

httptools takes what follows the headers of such a request for HTTP/2, and the body is lost. Java's HttpClient makes
that offer with every first request, and ``curl --http2`` does.
"""

from __future__ import annotations

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OFFER = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)


class HttpProtocol(HttpToolsProtocol):
    """Sees the offer where the headers come in one piece, as clients send them."""

    def data_received(self, data: bytes) -> None:
        is_body = self.cycle is not None and self.cycle.more_body
        super().data_received(data if is_body else _without_offer(data))


def _without_offer(data: bytes) -> bytes:
    head, end, rest = data.partition(b"\r\n\r\n")
    return _OFFER.sub(b"", head + end, count=1) + rest
