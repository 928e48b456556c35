"""Ports for commands that connect to their own listeners: tunnels to pods, and argocd's own server with `--core`.

The kernel chooses the port of such a listener, so no rule can name it beforehand. These commands may listen on and
connect to the range that the kernel chooses from, except the ports of our own services. All other connections go
through the worker's proxy.
"""

from collections.abc import Iterator
from pathlib import Path

from worker.launcher.protocol import PortRange

CHOSEN_BY_THE_KERNEL = 0
"""Port number with which a program asks the kernel to choose a port."""
DEFAULT_RANGE = (32_768, 60_999)
_SETTING = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""The kernel's range of ports, also for IPv6: https://docs.kernel.org/networking/ip-sysctl.html"""


def ports(closed: frozenset[int]) -> tuple[PortRange, ...]:
    """Returns the kernel's range without the closed ports, as ranges of first and last port."""
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
