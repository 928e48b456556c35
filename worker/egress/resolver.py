"""From a name to addresses, once for each connection: what was judged is what is dialled."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from shared.network import endpoints
from shared.network.endpoints import Address

Resolver = Callable[[str], Awaitable[Sequence[Address]]]
"""`OSError` where a name has no address; the best address stands first."""


async def resolve(host: str) -> Sequence[Address]:
    """The host's addresses, as the system finds them; one that is an address is its own. `OSError`."""
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
    """An IPv4 address as one: the kernel connects to it, however it is written."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
