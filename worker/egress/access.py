"""What a command needs to reach the network through the worker's proxy, and how its CLI is told so.

Go's programs take a proxy from the environment for all but loopback hosts, and from a kubeconfig for all: a command may
therefore connect by itself to loopback, where that is allowed, and then only to what its own arguments name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shared.network import endpoints
from shared.network.endpoints import Endpoint
from shared.tools.tool import Tool

HOST = "127.0.0.1"
LOOPBACK_NAME = "localhost"
DEFAULT_PORTS = {"http": 80, "https": 443, "oci": 443}
URL = re.compile(
    r"(?P<scheme>https?|oci)://(?:[^\s/@]*@)?(?:(?P<name>[a-z0-9.-]+)|\[(?P<ipv6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ProxyAccess:
    """The proxy's port, and the credentials of one job there. They are worthless when the job has ended."""

    port: int
    user: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """For a kubeconfig and the environment, never for arguments."""
        return f"socks5://{self.user}:{self.password}@{HOST}:{self.port}"


def variables(tool: Tool, arguments: Sequence[str], access: ProxyAccess) -> dict[str, str]:
    """The environment that names the proxy to that CLI."""
    given = {argument.partition("=")[0].removeprefix("--") for argument in arguments if argument.startswith("--")}
    own = (variable for variable, unless in tool.proxy_variables.items() if not given & unless)
    return dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", *own), access.url)


def loopback_ports(arguments: Sequence[str], server: Endpoint | None) -> frozenset[int]:
    """Ports on loopback that the command names: in URLs of charts and manifests, and as the tool's own server."""
    named = (*_endpoints(arguments), *((server,) if server is not None else ()))
    return frozenset(endpoint.port for endpoint in named if _goes_past_proxies(endpoint.host))


def _endpoints(arguments: Sequence[str]) -> Iterator[Endpoint]:
    for argument in arguments:
        for match in URL.finditer(argument):
            port = int(match["port"] or DEFAULT_PORTS[match["scheme"].lower()])
            if 0 < port <= endpoints.MAX_PORT:
                yield Endpoint((match["name"] or match["ipv6"]).lower(), port)


def _goes_past_proxies(host: str) -> bool:
    """https://pkg.go.dev/net/http#ProxyFromEnvironment: localhost, with or without a port, and loopback addresses."""
    address = endpoints.parse_address(host)
    if address is None:
        return host == LOOPBACK_NAME
    return any(each.is_loopback for each in endpoints.spellings(address))
