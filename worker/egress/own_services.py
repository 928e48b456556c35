"""Our own Redis, gateways and collector. No command may reach them by any name or address."""

import errno
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.network import destinations, endpoints
from shared.network.endpoints import Address, Endpoint
from shared.network.redis_address import RedisAddress
from shared.redis.redis_connection import UNAVAILABLE
from shared.redis.sentinel_watch import SentinelWatch
from worker.egress.resolver import Resolver, plain

COLLECTOR_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OwnServices:
    """The places where our services listen. Names are resolved again for each question about one of the ports."""

    places: tuple[Endpoint, ...]
    resolve: Resolver
    sentinel: SentinelWatch | None = None
    """Knows the servers of Redis that Sentinel names, which may change."""

    def ports(self) -> frozenset[int]:
        """Returns the ports that are known now."""
        servers = self.sentinel.known_servers if self.sentinel is not None else ()
        return frozenset(place.port for place in (*self.places, *servers))

    async def have(self, address: Address, port: int) -> bool:
        """Returns whether one of our services may listen there.

        It may listen anywhere if its name does not resolve, or if Sentinel does not name the servers.
        """
        reached = [plain(each) for each in endpoints.spellings(address)]
        try:
            servers = await self.sentinel.servers() if self.sentinel is not None else ()
            for place in (*self.places, *servers):
                if place.port == port and _are_same(await self.resolve(place.host), reached):
                    return True
        except UNAVAILABLE:
            return True
        return False


def _are_same(known: Collection[Address], reached: Collection[Address]) -> bool:
    return any(each in known for each in reached) or (any(map(_is_here, known)) and any(map(_is_here, reached)))


def places(redis: RedisAddress, others: str) -> tuple[Endpoint, ...]:
    """Returns the places of Redis and its sentinels, and those that the setting `others` lists."""
    return (*((redis.server,) if redis.server else redis.sentinels), *destinations.parse_services(others))


def collector(url: str) -> tuple[Endpoint, ...]:
    """Returns the place of the trace collector, or nothing if the URL has no host; another module reports that."""
    try:
        parts = urlsplit(url)
        port = parts.port or COLLECTOR_PORTS.get(parts.scheme)
    except ValueError:
        return ()
    return (Endpoint(parts.hostname, port),) if parts.hostname and port else ()


def _is_here(address: Address) -> bool:
    """Returns whether this machine has the address. A service on one of its addresses may listen on all of them."""
    if address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the protocol's name
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError as error:
        return error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
    return True
