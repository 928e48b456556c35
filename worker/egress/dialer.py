"""Resolves, judges and dials in one go, so that there is no gap between check and use (DNS rebinding)."""

import asyncio
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass, field

from python_socks import ProxyError
from python_socks.async_.asyncio import Proxy

from shared.network.endpoints import Address
from worker.egress import resolver
from worker.egress.policy import DialDecision, EgressPolicy
from worker.egress.resolver import Resolver

CONNECT_TIMEOUT_S = 10.0
"""For the name and all of its addresses: CLIs themselves give up after 30 s."""
MAX_ADDRESSES = 4
"""Of one name that are tried, each for an even share of the time."""

Streams = tuple[StreamReader, StreamWriter]


class DialError(Exception):
    """There is no connection; the text is the decision."""

    def __init__(self, decision: DialDecision, *, is_refused: bool = False) -> None:
        super().__init__(decision)
        self.decision = decision
        self.is_refused = is_refused
        """By the other side, which is there."""


@dataclass(frozen=True, slots=True)
class Dialer:
    """Opens connections for commands."""

    policy: EgressPolicy
    upstream_url: str | None = field(default=None, repr=False)
    """An operator's proxy, `http://` or `socks5://`: it gets addresses, and none of loopback."""
    resolve: Resolver = resolver.resolve

    async def connect(self, host: str, port: int) -> Streams:
        """A connection to a host in lower case. `DialError`."""
        refusal = self.policy.judge_host(host)
        if refusal is not None:
            raise DialError(refusal)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                addresses = await self._allowed(host, port)
                return await self._first(addresses[:MAX_ADDRESSES], port)
        except TimeoutError as error:
            raise DialError(DialDecision.UNREACHABLE) from error

    async def _allowed(self, host: str, port: int) -> list[Address]:
        """Those of the host's addresses that may be dialled, one at least."""
        try:
            addresses = await self.resolve(host)
        except OSError as error:
            raise DialError(DialDecision.UNRESOLVED) from error
        judged = [(address, await self.policy.judge_address(host, address, port)) for address in addresses]
        allowed = [address for address, refusal in judged if refusal is None]
        if not allowed:
            raise DialError(next((refusal for _, refusal in judged if refusal), DialDecision.UNRESOLVED))
        return allowed

    async def _first(self, addresses: list[Address], port: int) -> Streams:
        is_refused = False
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S / len(addresses)):
                    return await self._open(address, port)
            except ConnectionRefusedError:
                is_refused = True
            except (OSError, ProxyError):  # a time-out is an OSError
                continue
        raise DialError(DialDecision.UNREACHABLE, is_refused=is_refused)

    async def _open(self, address: Address, port: int) -> Streams:
        if self.upstream_url is None or address.is_loopback:
            return await asyncio.open_connection(str(address), port)
        socket = await Proxy.from_url(self.upstream_url).connect(str(address), port, timeout=CONNECT_TIMEOUT_S)
        try:
            return await asyncio.open_connection(sock=socket)
        except BaseException:
            socket.close()
            raise
