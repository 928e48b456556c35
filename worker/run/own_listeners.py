"""Commands that connect to listeners of their own: tunnels to pods, and argocd's server inside the command (`--core`).

The kernel chooses such a listener's port when it is opened, so no rule can name it beforehand. These few commands may
listen on and connect to all ports that it chooses from, but for those of our own services; every other connection still
goes through the worker's proxy.
"""

from collections.abc import Iterator
from pathlib import Path

from worker.launcher.protocol import PortRange

CHOSEN_BY_THE_KERNEL = 0
"""As a port to listen on."""
DEFAULT_RANGE = (32_768, 60_999)
_SETTING = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""https://docs.kernel.org/networking/ip-sysctl.html; it holds for IPv6 as well."""


def ports(closed: frozenset[int]) -> tuple[PortRange, ...]:
    """What the kernel chooses from, without those that stay closed; first and last port of each stretch."""
    return tuple(_without(_chosen_from(), sorted(closed)))


def _chosen_from() -> PortRange:
    try:
        first, last = _SETTING.read_text(encoding="ascii").split()
        return int(first), int(last)
    except (OSError, ValueError):
        return DEFAULT_RANGE


def _without(whole: PortRange, closed: list[int]) -> Iterator[PortRange]:
    first, last = whole
    for port in closed:
        if first <= port <= last:
            if first < port:
                yield first, port - 1
            first = port + 1
    if first <= last:
        yield first, last
