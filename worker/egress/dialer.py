"""Resolves a host, judges its addresses and dials them at once, so that DNS rebinding finds no gap after the check."""

import asyncio
import socket
from dataclasses import dataclass, field, replace

from python_socks import ProxyError
from python_socks.async_.asyncio import Proxy

from shared.network.endpoints import Address
from worker.egress import resolver
from worker.egress.policy import DialDecision, EgressPolicy
from worker.egress.resolver import Resolver

CONNECT_TIMEOUT_S = 10.0
"""Seconds to resolve a name and dial all of its addresses. CLIs themselves give up after 30 s."""
MAX_ADDRESSES = 4
"""Number of addresses of a name that are tried. Each gets an equal share of the time."""


class DialError(Exception):
    """The connection failed. The text is the decision."""

    def __init__(self, decision: DialDecision, *, reason: OSError | None = None) -> None:
        super().__init__(decision)
        self.decision = decision
        self.reason = reason
        """Why the system could not connect to the last address; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Dialer:
    """Opens connections for commands."""

    policy: EgressPolicy
    upstream_url: str | None = field(default=None, repr=False)
    """The operator's proxy, `http://` or `socks5://`. It gets addresses, except those on loopback."""
    resolve: Resolver = resolver.resolve

    def with_loopback(self, is_allowed: bool) -> "Dialer":
        """Returns the same dialer, with loopback allowed or not."""
        return replace(self, policy=replace(self.policy, allow_loopback=is_allowed))

    async def connect(self, host: str, port: int) -> socket.socket:
        """Returns a connected socket, which does not block, to a host in lower case. Raises DialError."""
        refusal = self.policy.judge_host(host)
        if refusal is not None:
            raise DialError(refusal)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                addresses = await self._allowed(host, port)
                return await self._first(addresses[:MAX_ADDRESSES], port)
        except TimeoutError as error:
            raise DialError(DialDecision.UNREACHABLE, reason=error) from error

    async def _allowed(self, host: str, port: int) -> list[Address]:
        """Returns the host's addresses that may be dialled, at least one. Raises DialError."""
        try:
            addresses = await self.resolve(host)
        except OSError as error:
            raise DialError(DialDecision.UNRESOLVED) from error
        judged = [(address, await self.policy.judge_address(host, address, port)) for address in addresses]
        allowed = [address for address, refusal in judged if refusal is None]
        if not allowed:
            raise DialError(next((refusal for _, refusal in judged if refusal), DialDecision.UNRESOLVED))
        return allowed

    async def _first(self, addresses: list[Address], port: int) -> socket.socket:
        reason: OSError | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S / len(addresses)):
                    return await self._open(address, port)
            except OSError as error:  # a timeout is an OSError
                if not isinstance(reason, ConnectionRefusedError):
                    reason = error
            except ProxyError:
                continue
        raise DialError(DialDecision.UNREACHABLE, reason=reason)

    async def _open(self, address: Address, port: int) -> socket.socket:
        if self.upstream_url is not None and not address.is_loopback:
            return await Proxy.from_url(self.upstream_url).connect(str(address), port, timeout=CONNECT_TIMEOUT_S)
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the protocol's name
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(opened, (str(address), port))
        except BaseException:
            opened.close()
            raise
        return opened
