"""Judges the address in a kubeconfig by its spelling alone; nothing is resolved here.

What a name resolves to is judged where the connection is made. Here go the addresses that no cluster has, and the
spellings that hide one.
"""

import ipaddress
import re
from dataclasses import dataclass

URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<name>[a-z0-9._-]+)|\[(?P<ipv6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[a-z0-9._~/%:@!$&'()*+,;=-]*)?",
    re.IGNORECASE | re.ASCII,
)
"""RFC 3986 without userinfo, query, fragment and zone, which no server of a kubeconfig has."""
DEFAULT_PORTS = {"https": 443, "http": 80}
MAX_PORT = 65_535
MAX_URL_CHARACTERS = 2_048

LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(address) for address in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
"""Clouds whose metadata service is not link-local: Alibaba, Oracle, AWS over IPv6."""
THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
EMBEDDING_NETWORKS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
"""IPv6 addresses whose last 32 bits are an IPv4 address: NAT64 (RFC 6052) and IPv4-compatible (RFC 4291)."""
IPV4_MASK = 0xFFFFFFFF
ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")
"""Such a host is an IPv4 address to some resolver (https://url.spec.whatwg.org/#ends-in-a-number-checker)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an API server is. `host` is in lower case, without a dot at its end and without brackets."""

    host: str
    port: int


def parse(url: str) -> Endpoint | None:
    """The endpoint of an http(s) URL; None if it is none."""
    match = URL.fullmatch(url) if len(url) <= MAX_URL_CHARACTERS else None
    if match is None:
        return None
    host = (match["name"] or match["ipv6"]).lower().rstrip(".")
    port = int(match["port"] or DEFAULT_PORTS[match["scheme"].lower()])
    if not host or not 0 < port <= MAX_PORT or (match["ipv6"] and _address(host) is None):
        return None
    return Endpoint(host, port)


def refusal(endpoint: Endpoint, *, allow_loopback: bool) -> str | None:
    """Why nothing may connect there, and what to do; None if it may."""
    address = _address(endpoint.host)
    if address is None:
        return _name_refusal(endpoint.host, allow_loopback=allow_loopback)
    reached = (address, *_embedded(address))
    if any(_is_forbidden(each) for each in reached):
        return _FORBIDDEN
    if any(each.is_loopback for each in reached):
        return None if allow_loopback else _LOOPBACK
    return None


_LOOPBACK = (
    "is on loopback, which here is the worker and not your machine: use an address that the worker can reach (kind: "
    "`kind get kubeconfig --internal`, with workers in the network `kind`), or run `mcp-k8s up` on your machine, which "
    "allows loopback"
)
_FORBIDDEN = "is a link-local, metadata, multicast or unspecified address, where no such server is: name its own"
_SPELLING = "is an IPv4 address in an unusual spelling: write four decimal numbers"


def _name_refusal(host: str, *, allow_loopback: bool) -> str | None:
    if host in LOOPBACK_NAMES or host.endswith(".localhost"):
        return None if allow_loopback else _LOOPBACK
    if host in METADATA_NAMES:
        return _FORBIDDEN
    return _SPELLING if ENDS_IN_NUMBER.search(host) else None


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _embedded(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if not (address.is_loopback or address.is_unspecified) and any(
        address in network for network in EMBEDDING_NETWORKS
    ):
        found.append(ipaddress.IPv4Address(int(address) & IPV4_MASK))
    return tuple(each for each in found if each is not None)


def _is_forbidden(address: Address) -> bool:
    return (
        address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or address in METADATA_ADDRESSES
        or (isinstance(address, ipaddress.IPv4Address) and address in THIS_NETWORK)
    )
