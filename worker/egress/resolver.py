"""Resolves a name once for each connection, so that the judged addresses are the dialled ones."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from shared.network import endpoints
from shared.network.endpoints import Address

Resolver = Callable[[str], Awaitable[Sequence[Address]]]
"""Returns a host's addresses, the best one first. Raises OSError if there is no address."""


async def resolve(host: str) -> Sequence[Address]:
    """Returns the addresses that the system finds for the host, which may be an address itself. Raises OSError."""
    written = endpoints.parse_address(host)
    if written is not None:
        return (plain(written),)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is too long for the system's encoder
        raise OSError("no such name") from error
    addresses = (ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found)
    return tuple(dict.fromkeys(map(plain, addresses)))


def plain(address: Address) -> Address:
    """Converts an IPv6 form of an IPv4 address to IPv4, because the kernel connects to that IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
