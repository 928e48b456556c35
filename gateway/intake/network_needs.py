"""Decides which network access a command needs. Its worker only applies the decision.

Go programs use a proxy from the environment for all hosts except loopback, and a kubeconfig's proxy for all hosts. So a
command may connect to loopback directly if its worker allows that, but only to ports that the command itself names.
"""

import re
from collections.abc import Iterator

from shared.command.invocation import Invocation
from shared.command.reading import Reading
from shared.command.values.types import Names
from shared.models import CommandClass
from shared.network import endpoints
from shared.tools.tool import Tool

DEFAULT_PORTS = {"http": 80, "https": 443, "oci": 443}
URL = re.compile(
    r"(?P<scheme>https?|oci)://(?:[^\s/@]*@)?(?:(?P<name>[a-z0-9.-]+)|\[(?P<ipv6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE | re.ASCII,
)


def listens(tool: Tool, invocation: Invocation) -> bool:
    """Returns whether the command connects to its own listener."""
    is_local = invocation.command_class is CommandClass.LOCAL
    return opens_tunnels(tool, invocation) or (invocation.reading.has(*tool.listening_flags) and not is_local)


def opens_tunnels(tool: Tool, invocation: Invocation) -> bool:
    """Returns whether the command connects to pods through the API server."""
    return invocation.reading.path in tool.listening_verbs and invocation.command_class is not CommandClass.LOCAL


def loopback_ports(tool: Tool, reading: Reading) -> tuple[int, ...]:
    """Returns the loopback ports in URLs of charts and repositories. A URL in place of a file was refused before."""
    urls = [flag.text or "" for flag in reading.flags if flag.names is Names.URL]
    operands = reading.operands if reading.path in tool.grammar.file_operands else ()
    return tuple(sorted({port for url in (*urls, *operands) for port in _ports(url)}))


def _ports(url: str) -> Iterator[int]:
    if match := URL.match(url):
        port = int(match["port"] or DEFAULT_PORTS[match["scheme"].lower()])
        if 0 < port <= endpoints.MAX_PORT and endpoints.goes_past_proxies((match["name"] or match["ipv6"]).lower()):
            yield port
