"""Where a receiver may be: at a public address, found once and kept to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

import httpx

from app.platform.errors import Invalid

RESOLVE_SECONDS = 3.0
PORTS = frozenset({443, 8443})

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network
type Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class ReceiverRefused(Invalid):
    """A URL that this service does not send to."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system, which also reads 127.1 and 0x7f.1."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Receivers:
    """Finds where a URL leads, and refuses what is not in public."""

    def __init__(self, allowed: Sequence[Network], resolve: Resolve = resolve) -> None:
        self.resolve = resolve
        self._allowed = allowed

    async def find(self, url: httpx.URL) -> Sequence[Address]:
        """
        Name all addresses of a receiver, each of which may be connected to.

        Whoever connects uses one of these and does not ask again: the second answer
        may be another (DNS rebinding).
        """
        if url.userinfo or url.fragment or not url.host:
            raise ReceiverRefused("A receiver's URL has no user, password or fragment.")
        odd = url.scheme != "https" or (url.port or 443) not in PORTS
        addresses = [] if odd and not self._allowed else await self._resolved(url)
        if addresses and all(self._is_allowed(each) for each in addresses):
            return addresses
        if odd:
            raise ReceiverRefused("A receiver is at https://, at port 443 or 8443.")
        if not all(self._is_allowed(each) or _is_public(each) for each in addresses):
            raise ReceiverRefused("A receiver is at a public address.")
        return addresses

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self._allowed)

    async def _resolved(self, url: httpx.URL) -> Sequence[Address]:
        # As httpx sends it: in ASCII, and an IPv6 address without its brackets.
        host = url.raw_host.decode("ascii").rstrip(".")
        default = 443 if url.scheme == "https" else 80
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await self.resolve(host, url.port or default)
            addresses = [ip_address(each) for each in found]
        except (TimeoutError, OSError, ValueError):
            addresses = []
        if not addresses:
            raise ReceiverRefused("The receiver's host has no address.")
        return addresses


def _is_public(address: Address) -> bool:
    """
    Tell whether anybody may have this address.

    None of IPv6 that stands for one of IPv4 is: they are reserved, or not global. Only
    6to4 (RFC 3056) has to be named, which Python before 3.12.4 takes for global.
    """
    if isinstance(address, IPv6Address) and (
        address.is_site_local or address.sixtofour
    ):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
