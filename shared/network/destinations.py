"""Where commands may connect to, as an operator writes it down: networks, addresses and names."""

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
        """Whether the host, as it was asked for, is named."""
        return host in self.names or host.endswith(self.suffixes)

    def has_address(self, address: Address) -> bool:
        """Whether the address, or an IPv4 address that it stands for, lies in one of the networks."""
        return any(each in network for each in endpoints.spellings(address) for network in self.networks)


def parse(text: str) -> Destinations:
    """`10.0.0.0/8, 192.0.2.7, registry.example, *.example.com`. `ValueError` says which entry is none of these."""
    networks, names, suffixes = [], set(), []
    for number, entry in enumerate(items(text), 1):
        network = _network(entry)
        if network is not None:
            networks.append(network)
        elif not NAME.fullmatch(entry) or endpoints.ENDS_IN_NUMBER.search(entry):
            raise ValueError(f"has an entry {number} that is no network, no address and no name")
        elif entry.startswith(ANY_BELOW):
            suffixes.append(entry[1:])
        else:
            names.add(entry)
    return Destinations(tuple(networks), frozenset(names), tuple(suffixes))


def parse_services(text: str) -> tuple[Endpoint, ...]:
    """`gateway:9096, [fd12::1]:6379`. `ValueError` says which entry is none of these."""
    return tuple(_service(number, entry) for number, entry in enumerate(items(text), 1))


def items(text: str) -> list[str]:
    """Entries between commas, in lower case and without the dot at a name's end."""
    return [entry.strip().lower().rstrip(".") for entry in text.split(",") if entry.strip()]


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None


def _service(number: int, entry: str) -> Endpoint:
    endpoint = None if "/" in entry else endpoints.parse(f"https://{entry}")
    if endpoint is None or not entry.endswith(f":{endpoint.port}"):
        raise ValueError(f"has an entry {number} that is no host with a port")
    return endpoint
