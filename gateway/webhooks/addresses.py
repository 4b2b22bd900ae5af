"""Where a webhook may go. Its URL is the caller's, and this process reaches much that the caller cannot.

The URL's spelling is judged first. Then its host is resolved, once, and all that it stands for must be public: IANA's
special-purpose registries (RFC 6890), and what else leads inside a cloud. ``network`` connects to what was judged here,
so a name that stands for something else a moment later gains nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from shared.errors import BadRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Awaitable[list[Address]]]

MAX_URL_LENGTH = 2_000
RESOLVE_TIMEOUT_S = 5
WEB_PORTS = frozenset({80, 443})
ORDINARY_PORTS = range(1024, 65_536)
"""Below it are mail, shells, directories: none of them expects a webhook."""

_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""Which the URL standard takes for an IPv4 address, as do resolvers: 127.1, 0x7f.1, 2130706433, 0177.0.0.1."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address for hosts that have none themselves."""
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",  # Azure's own services, at every one of its machines
            "192.0.0.0/24",  # IETF protocol assignments; Oracle's metadata service
            "192.88.99.0/24",  # 6to4 relays, deprecated (RFC 7526)
            "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address in disguise
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
"""What ``is_global`` lets pass, in one release of Python or another."""


class WebhookRefused(BadRequest):
    """A webhook does not go there."""

    code = "webhook_refused"


def is_public(address: Address) -> bool:
    """Whether ``address`` is one of the public internet's: not private, shared, local, reserved, nor to many."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _GLOBAL_UNICAST:
            return False  # so no IPv4 address in IPv6's clothes either: ::ffff:127.0.0.1, ::127.0.0.1
    is_special = any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not is_special


async def resolve(host: str, port: int) -> list[Address]:
    """All that ``host``, a name or an address, stands for here. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(place[0]) for *_, place in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """Where webhooks may go."""

    allow_http: bool = False
    allowed_networks: tuple[Network, ...] = ()
    """Addresses that are allowed though they are not public."""
    resolver: Resolver = resolve

    async def check(self, url: str, param: str = "webhook_url") -> None:
        """Raises WebhookRefused, which names ``param``, if a webhook to ``url`` would not be sent now."""
        try:
            place = self.place(url)
            await self.addresses(place.raw_host.decode(), port_of(place))
        except WebhookRefused as error:
            error.param = param
            raise

    def place(self, url: str) -> httpx.URL:
        """``url`` read, if its spelling is one that is allowed. Raises WebhookRefused."""
        try:
            place = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise WebhookRefused(f"The webhook's URL cannot be read: {error}.") from error
        if len(url) > MAX_URL_LENGTH:
            raise WebhookRefused(f"The webhook's URL is longer than {MAX_URL_LENGTH} characters.")
        if place.scheme != "https" and not (self.allow_http and place.scheme == "http"):
            raise WebhookRefused("The webhook's URL must begin with https://.")
        if place.userinfo:
            raise WebhookRefused("The webhook's URL must have no user or password: check its signature instead.")
        _require_host(place.raw_host.decode())
        port = port_of(place)
        if port not in WEB_PORTS and port not in ORDINARY_PORTS:
            raise WebhookRefused(f"Webhooks go to ports 80, 443 and from {ORDINARY_PORTS[0]} up, not to {port}.")
        return place

    async def addresses(self, host: str, port: int) -> list[Address]:
        """What ``host`` stands for now, in the order to try. Raises WebhookRefused unless all of it is allowed."""
        try:
            async with asyncio.timeout(RESOLVE_TIMEOUT_S):
                found = await self.resolver(host, port)
        except (OSError, UnicodeError):  # a timeout is an OSError
            found = []
        if not found or not all(map(self.allows, found)):
            # One message for both, so that nobody can ask which names there are in here.
            raise WebhookRefused("The host of the webhook's URL has no public address.")
        return found

    def allows(self, address: Address) -> bool:
        """Whether a webhook may go to that address."""
        return is_public(address) or any(address in network for network in self.allowed_networks)


def port_of(place: httpx.URL) -> int:
    """The port that a URL says, or its scheme's."""
    return (443 if place.scheme == "https" else 80) if place.port is None else place.port


def _require_host(host: str) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host) or _ENDS_IN_A_NUMBER.fullmatch(host):
            raise WebhookRefused("The host of the webhook's URL is no host name and no plain IP address.") from None
    else:
        if isinstance(address, IPv6Address) and address.scope_id:
            raise WebhookRefused("The address of the webhook's URL is one of this machine's own networks.")
