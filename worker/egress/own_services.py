"""Our own Redis, gateways and collector: no command may reach them, by whichever name or address."""

import errno
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.network import destinations, endpoints
from shared.network.endpoints import Address, Endpoint
from worker.egress.resolver import Resolver, plain

REDIS_PORT = 6379
COLLECTOR_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OwnServices:
    """Where they listen. Names are resolved anew whenever something asks for one of the ports."""

    places: tuple[Endpoint, ...]
    resolve: Resolver

    @property
    def ports(self) -> frozenset[int]:
        return frozenset(place.port for place in self.places)

    async def have(self, address: Address, port: int) -> bool:
        """Whether one of them listens there. One whose name does not resolve may listen anywhere."""
        reached = [plain(each) for each in endpoints.spellings(address)]
        for place in self.places:
            if place.port != port:
                continue
            try:
                known = await self.resolve(place.host)
            except OSError:
                return True
            if any(each in known for each in reached) or (any(map(_is_here, known)) and any(map(_is_here, reached))):
                return True
        return False


def places(redis_url: str, others: str) -> tuple[Endpoint, ...]:
    """Redis by its URL, unless it is a unix socket, and `others` as the setting has them."""
    parts = urlsplit(redis_url)
    redis = () if parts.scheme == "unix" else (Endpoint(parts.hostname or "localhost", parts.port or REDIS_PORT),)
    return (*redis, *destinations.parse_services(others))


def collector(url: str) -> tuple[Endpoint, ...]:
    """Where traces go to; nowhere for what is no URL with a host, which is told elsewhere."""
    try:
        parts = urlsplit(url)
        port = parts.port or COLLECTOR_PORTS.get(parts.scheme)
    except ValueError:
        return ()
    return (Endpoint(parts.hostname, port),) if parts.hostname and port else ()


def _is_here(address: Address) -> bool:
    """Whether it is one of this machine's own: a service on one of them may listen on all."""
    if address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the protocol's name
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError as error:
        return error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
    return True
