"""One address for several gateways: a TCP proxy that gives each connection to the next one."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx

CHUNK_BYTES = 65_536


@asynccontextmanager
async def one_address(urls: Sequence[str], host: str = "127.0.0.1") -> AsyncIterator[str]:
    """The URL of a proxy at `host`. A side that closes its connection closes the other's."""
    targets = itertools.cycle(map(httpx.URL, urls))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = next(targets)
        far_reader, far_writer = await asyncio.open_connection(target.host, target.port)
        copies = [asyncio.create_task(_copy(reader, far_writer)), asyncio.create_task(_copy(far_reader, writer))]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            far_writer.close()
            writer.close()
            await asyncio.gather(*copies, far_writer.wait_closed(), writer.wait_closed(), return_exceptions=True)

    serving: set[asyncio.Task[None]] = set()
    accepted: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        serving.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, host, 0)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for writer in accepted:  # a task that ended while it connected has left its own open
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in accepted), return_exceptions=True)
        await server.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
