"""A worker's proxy with rules and names of a test's own, and servers to find behind it."""

import asyncio
import ipaddress
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.network import destinations
from shared.network.endpoints import Address
from worker import loopback
from worker.egress import relay, resolver
from worker.egress.dialer import Dialer
from worker.egress.own_services import OwnServices
from worker.egress.policy import EgressPolicy
from worker.egress.proxy import EgressProxy


@dataclass
class Names:
    """A resolver that knows these names; each look-up of one takes its next answer, and the last one stays."""

    answers: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str) -> Sequence[Address]:
        answers = self.answers.get(host)
        if answers is None:
            return await resolver.resolve(host)
        place = min(self.asked.count(host), len(answers) - 1)
        self.asked.append(host)
        if not answers[place]:
            raise OSError
        return [resolver.plain(ipaddress.ip_address(address)) for address in answers[place]]


def dialer(
    names: Names | None = None,
    *,
    allow: str = "",
    deny: str = "",
    allow_loopback: bool = True,
    own: str = "",
    upstream_url: str | None = None,
) -> Dialer:
    """With the settings that a worker's environment would give."""
    resolve = (names or Names()).resolve
    policy = EgressPolicy(
        allow=destinations.parse(allow),
        deny=destinations.parse(deny),
        allow_loopback=allow_loopback,
        own=OwnServices(destinations.parse_services(own), resolve),
    )
    return Dialer(policy, upstream_url, resolve)


@asynccontextmanager
async def proxy(made: Dialer) -> AsyncIterator[EgressProxy]:
    """A worker's proxy."""
    async with EgressProxy.running(made, loopback.listener()) as running:
        yield running


@dataclass
class Canary:
    """A server that sends back what it gets, and counts who came."""

    host: str
    port: int
    calls: int = 0


@asynccontextmanager
async def canary(host: str = "127.0.0.1") -> AsyncIterator[Canary]:
    """On a free port of that address."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: StreamReader, writer: StreamWriter) -> None:
        found.calls += 1
        tasks.add(asyncio.create_task(_echo(reader, writer), name="canary"))

    server = await asyncio.start_server(accept, host, 0)
    found = Canary(host, server.sockets[0].getsockname()[1])
    try:
        yield found
    finally:
        server.close()
        await _end(tasks)


@asynccontextmanager
async def http_proxy(behind: Canary) -> AsyncIterator[tuple[int, list[bytes]]]:
    """An operator's proxy that leads everywhere to the canary: its port, and the heads of what it was asked."""
    tasks: set[asyncio.Task[None]] = set()
    asked: list[bytes] = []

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        server = await asyncio.open_connection(behind.host, behind.port)
        try:
            await relay.carry((reader, writer), server)
        finally:
            server[1].close()
            writer.close()

    def accept(reader: StreamReader, writer: StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer), name="http proxy"))

    server = await asyncio.start_server(accept, behind.host, 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()
        await _end(tasks)


@asynccontextmanager
async def redirecting_server() -> AsyncIterator[tuple[str, Callable[[str], None]]]:
    """An HTTP server that sends everybody elsewhere: its URL, and what tells it where to."""
    tasks: set[asyncio.Task[None]] = set()
    targets: list[str] = []

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 302 Found\r\nLocation: {targets[-1]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    def accept(reader: StreamReader, writer: StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer), name="redirect"))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", targets.append
    finally:
        server.close()
        await _end(tasks)


async def _echo(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass
    finally:
        writer.close()


async def _end(tasks: Iterable["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
