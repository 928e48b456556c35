"""Checks hosts without resolving names.

It refuses addresses that no caller's server can have, and spellings that hide such an address. The addresses to which a
name resolves are checked by the same rules when the connection is made.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<name>[a-z0-9._-]+)|\[(?P<ipv6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[a-z0-9._~/%:@!$&'()*+,;=-]*)?",
    re.IGNORECASE | re.ASCII,
)
"""A URL of RFC 3986 without userinfo, query, fragment and zone, which the servers of a kubeconfig do not have."""
DEFAULT_PORTS = {"https": 443, "http": 80}
MAX_PORT = 65_535
MAX_URL_CHARACTERS = 2_048

LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
METADATA_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            *("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::254/128"),
            *("fd00:c1::a9fe:a9fe/128", "fd00:a9fe:a9fe::1/128", "fd00:42::42/128"),
        ),
    )
)
"""Metadata services that are not link-local: Alibaba, Oracle, Azure's wire server, and over IPv6 those of AWS, Google,
Oracle, Linode and Scaleway."""
THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
EMBEDDING_NETWORKS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))
"""IPv6 addresses whose last 32 bits are an IPv4 address: NAT64 (RFC 6052, RFC 8215), IPv4-translated (RFC 2765) and
IPv4-compatible (RFC 4291)."""
LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
"""A network may choose any prefix in it, and then the IPv4 address is not at the end (RFC 8215)."""
NAT64_PREFIXES = (48, 56, 64)
ISATAP = 0x5EFE
"""Before the last 32 bits, which are an IPv4 address: https://www.rfc-editor.org/rfc/rfc5214#section-6.1"""
ISATAP_MASK = 0xFCFFFFFF
"""Without the bits that say whether the identifier is unique, and whether it is that of a group."""
IPV4_MASK = 0xFFFFFFFF
ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")
"""Hosts that some resolvers read as an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number-checker)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Denial(StrEnum):
    """Why no connection to a host is allowed."""

    FORBIDDEN = "forbidden-address"
    LOOPBACK = "loopback"
    SPELLING = "spelling"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Host and port of a server. `host` is in lower case, without brackets and without a dot at its end."""

    host: str
    port: int


def bracketed(host: str) -> str:
    """Returns a host as it is written before a port: an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def parse(url: str) -> Endpoint | None:
    """Returns the endpoint of an http or https URL, or None if the URL is not valid."""
    match = URL.fullmatch(url) if len(url) <= MAX_URL_CHARACTERS else None
    if match is None:
        return None
    host = (match["name"] or match["ipv6"]).lower().rstrip(".")
    port = int(match["port"] or DEFAULT_PORTS[match["scheme"].lower()])
    if not host or not 0 < port <= MAX_PORT or (match["ipv6"] and parse_address(host) is None):
        return None
    return Endpoint(host, port)


def refusal(endpoint: Endpoint, *, allow_loopback: bool) -> str | None:
    """Returns why no connection is allowed and what to do, or None if it is allowed."""
    denial = host_denial(endpoint.host, allow_loopback=allow_loopback)
    return None if denial is None else _EXPLANATIONS[denial]


def host_denial(host: str, *, allow_loopback: bool) -> Denial | None:
    """Checks a host, which is an address or a name. Names are not resolved here."""
    address = parse_address(host)
    if address is not None:
        return address_denial(address, allow_loopback=allow_loopback)
    if host in LOOPBACK_NAMES or host.endswith(".localhost"):
        return None if allow_loopback else Denial.LOOPBACK
    if host in METADATA_NAMES:
        return Denial.FORBIDDEN
    return Denial.SPELLING if ENDS_IN_NUMBER.search(host) or "%" in host else None


def address_denial(address: Address, *, allow_loopback: bool) -> Denial | None:
    """Checks an address and every IPv4 address that is embedded in it."""
    reached = spellings(address)
    if any(_is_forbidden(each) for each in reached):
        return Denial.FORBIDDEN
    if any(each.is_loopback for each in reached):
        return None if allow_loopback else Denial.LOOPBACK
    return None


def goes_past_proxies(host: str) -> bool:
    """Whether Go programs use no proxy for the host: https://pkg.go.dev/net/http#ProxyFromEnvironment"""
    address = parse_address(host)
    return host == "localhost" if address is None else any(each.is_loopback for each in spellings(address))


def is_loopback(host: str) -> bool:
    """Returns whether only this machine can reach a server that listens on `host`, which is an address or a name."""
    address = parse_address(host.partition("%")[0])
    # A socket for both families shows an IPv4 address as a mapped IPv6 address.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return host == "localhost" if address is None else (mapped or address).is_loopback


def spellings(address: Address) -> tuple[Address, ...]:
    """Returns the address and every IPv4 address that is embedded in it."""
    return (address, *_embedded(address))


def parse_address(host: str) -> Address | None:
    """Returns an address that is written without brackets, or None for a name or an address with a zone."""
    try:
        return None if "%" in host else ipaddress.ip_address(host)
    except ValueError:
        return None


_EXPLANATIONS = {
    Denial.LOOPBACK: (
        "is a loopback address, which means the worker and not your machine: use an address that the worker can reach "
        "(kind: `kind get kubeconfig --internal`, with workers in the network `kind`), or run `mcp-k8s up` on your "
        "machine, which allows loopback; a gateway and a worker that you start there by hand allow it with "
        "K8S_MCP_ALLOW_LOOPBACK=true"
    ),
    Denial.FORBIDDEN: (
        "is a link-local, metadata, multicast or unspecified address, which no cluster has: use the server's address"
    ),
    Denial.SPELLING: "is an IPv4 address in an unusual spelling: write four decimal numbers",
}


def _embedded(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """Returns the IPv4 addresses that are embedded in an IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if not (address.is_loopback or address.is_unspecified) and any(
        address in network for network in EMBEDDING_NETWORKS
    ):
        found.append(ipaddress.IPv4Address(int(address) & IPV4_MASK))
    if int(address) >> 32 & ISATAP_MASK == ISATAP:
        found.append(ipaddress.IPv4Address(int(address) & IPV4_MASK))
    if address in LOCAL_NAT64:
        found += (_behind(address, length) for length in NAT64_PREFIXES)
    return tuple(each for each in found if each is not None)


def _behind(address: ipaddress.IPv6Address, length: int) -> ipaddress.IPv4Address:
    """Returns the IPv4 address behind a prefix of this length. Octet 8 is not part of it (RFC 6052, section 2.2)."""
    octets = address.packed[:8] + address.packed[9:]
    return ipaddress.IPv4Address(octets[length // 8 :][:4])


def _is_forbidden(address: Address) -> bool:
    return (
        address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or address in THIS_NETWORK
        or any(address in network for network in METADATA_NETWORKS)
    )
