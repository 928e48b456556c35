"""A network in which every flight of packets takes a while, between clients on loopback and a server on loopback.

A flight is one way through the network. The three packets that open a TCP connection are flights too: the kernel opens
it at once on loopback, so what a client sends first is held back for the two flights that it would have waited for.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager

from bench import background

BUFFER_BYTES = 65_536
PIECES_IN_FLIGHT = 4_096
CONNECTING_FLIGHTS = 2
"""The client's SYN and the server's answer, after which the client may send."""


class DelayRelay:
    """Counts connections since its start."""

    def __init__(self, server_port: int, *, flight_s: float) -> None:
        self.port = 0
        self.connections = 0
        self._server_port = server_port
        self._flight_s = flight_s

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection until both sides have ended."""
        self.connections += 1
        opened_at = time.monotonic() + CONNECTING_FLIGHTS * self._flight_s
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._one_way(reader, server_writer, not_before=opened_at), name="to the server")
                group.create_task(self._one_way(server_reader, writer, not_before=0), name="to the client")
        finally:
            for each in (writer, server_writer):
                each.transport.abort()

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, not_before: float) -> None:
        """Every piece, and the end of the stream, arrives one flight after it was sent."""
        in_flight: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._depart(reader, in_flight, not_before=not_before), name="departing")
            group.create_task(self._arrive(in_flight, writer), name="arriving")

    async def _depart(
        self, reader: asyncio.StreamReader, in_flight: "asyncio.Queue[tuple[float, bytes]]", *, not_before: float
    ) -> None:
        data = b"-"
        while data:
            try:
                data = await reader.read(BUFFER_BYTES)
            except OSError:
                data = b""
            await in_flight.put((max(time.monotonic(), not_before) + self._flight_s, data))

    async def _arrive(self, in_flight: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        data = b"-"
        while data:
            due_at, data = await in_flight.get()
            # The loop counts milliseconds, so it may wake up a little too early.
            while (left_s := due_at - time.monotonic()) > 0:  # noqa: ASYNC110 - what is waited for is a time
                await asyncio.sleep(left_s)
            try:
                writer.write(data) if data else writer.write_eof()
                await writer.drain()
            except OSError:
                pass  # the other side has gone, and what is on its way to it is lost


@asynccontextmanager
async def serving(server_port: int, *, flight_s: float) -> AsyncIterator[DelayRelay]:
    """Yields a relay before the server on that port."""
    passed = DelayRelay(server_port, flight_s=flight_s)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(passed.carry(reader, writer), name="delay relay")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        passed.port = server.sockets[0].getsockname()[1]
        yield passed
        for task in (left := list(tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def relay(server_port: int, *, flight_s: float) -> AbstractContextManager[DelayRelay]:
    """The same in a thread of its own."""
    return background.entered(serving(server_port, flight_s=flight_s), name="delay relay")
