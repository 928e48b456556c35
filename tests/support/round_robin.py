"""One address in front of several servers: each connection goes to the next one, as a load balancer does it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 65536


class RoundRobin:
    """Forwards bytes; `served` counts connections by server."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._next_url = itertools.cycle(urls)
        self.served = dict.fromkeys(urls, 0)
        self.url = ""

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        url = next(self._next_url)
        self.served[url] += 1
        server = urlsplit(url)
        their_reader, their_writer = await asyncio.open_connection(server.hostname, server.port)
        ways = [
            asyncio.create_task(_copy(reader, their_writer), name="to the server"),
            asyncio.create_task(_copy(their_reader, writer), name="to the client"),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            for end in (writer, their_writer):
                end.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def round_robin(*urls: str) -> AsyncIterator[RoundRobin]:
    """Serves while the block runs; what is open at its end is closed."""
    balancer = RoundRobin(urls)
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(balancer.forward(reader, writer), name="balanced connection")
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, "127.0.0.1")
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield balancer
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
