"""An operator's list of destinations for commands: networks, addresses and names."""

import ipaddress
import re
from dataclasses import dataclass

from shared.network import endpoints
from shared.network.endpoints import Address, Endpoint

NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
ANY_BELOW = "*."

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Destinations:
    """A list of hosts. Names are in lower case, suffixes begin with a dot."""

    networks: tuple[Network, ...]
    names: frozenset[str]
    suffixes: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.networks or self.names or self.suffixes)

    def has_name(self, host: str) -> bool:
        """Whether the list contains the host name."""
        return host in self.names or host.endswith(self.suffixes)

    def has_address(self, address: Address) -> bool:
        """Whether a network contains the address, or an IPv4 address that is embedded in it."""
        return any(each in network for each in endpoints.spellings(address) for network in self.networks)


def parse(text: str) -> Destinations:
    """Parses a list such as `10.0.0.0/8, 192.0.2.7, registry.example, *.example.com`.

    Raises ValueError, which gives the number of the entry that is not valid.
    """
    networks, names, suffixes = [], set(), []
    for number, entry in enumerate(items(text), 1):
        network = _network(entry)
        if network is not None:
            networks.append(network)
        elif not NAME.fullmatch(entry) or endpoints.ENDS_IN_NUMBER.search(entry):
            raise ValueError(f"has an entry {number} that is not a network, an address or a name")
        elif entry.startswith(ANY_BELOW):
            suffixes.append(entry[1:])
        else:
            names.add(entry)
    return Destinations(tuple(networks), frozenset(names), tuple(suffixes))


def parse_services(text: str) -> tuple[Endpoint, ...]:
    """Parses a list such as `gateway:9096, [fd12::1]:6379`. Raises ValueError as `parse` does."""
    return tuple(_service(number, entry) for number, entry in enumerate(items(text), 1))


def items(text: str) -> list[str]:
    """Splits a list at its commas. The entries are in lower case, without the dot at a name's end."""
    return [entry.strip().lower().rstrip(".") for entry in text.split(",") if entry.strip()]


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None


def _service(number: int, entry: str) -> Endpoint:
    endpoint = None if "/" in entry else endpoints.parse(f"https://{entry}")
    if endpoint is None or not entry.endswith(f":{endpoint.port}"):
        raise ValueError(f"has an entry {number} that is not a host with a port")
    return endpoint
