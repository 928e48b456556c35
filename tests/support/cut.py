"""A network between a process and a server that tests cut: it drops connections, or carries nothing in silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

BUFFER_BYTES = 65_536


class Network:
    """Listens on a port of loopback and carries bytes to a server on a Unix socket or another port of loopback."""

    def __init__(self, server: Path | int) -> None:
        self.port = 0
        self._server = server
        self._requests = asyncio.Event()
        self._requests.set()
        self._answers = asyncio.Event()
        self._answers.set()
        self._refuses = False
        self.holds_request = asyncio.Event()
        """Is set when a request has come since `stall_requests`."""
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def stall(self) -> None:
        """As a cable that is pulled: connections stay, and nothing comes through."""
        self.stall_requests()
        self._answers.clear()

    def stall_requests(self) -> None:
        """Answers come through, and no request."""
        self.holds_request.clear()
        self._requests.clear()

    def stall_answers(self) -> None:
        """Requests come through, those that were held too, and no answer."""
        self._answers.clear()
        self._requests.set()

    def drop(self) -> None:
        """Ends every connection, and each new one at once."""
        self._refuses = True
        for writer in self._writers:
            writer.transport.abort()

    def resume(self) -> None:
        self._refuses = False
        self._requests.set()
        self._answers.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, server_writer}
        if self._refuses:  # asked here, because a connection may be dropped while it is being opened
            for each in pair:
                each.transport.abort()
            return
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, server_writer, pair, self._requests), name="requests")
                group.create_task(self._carry(server_reader, writer, pair, self._answers), name="answers")
        finally:
            self._writers -= pair

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._server, Path):
            return await asyncio.open_unix_connection(self._server)
        return await asyncio.open_connection("127.0.0.1", self._server)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: set[asyncio.StreamWriter],
        may_pass: asyncio.Event,
    ) -> None:
        """Until one side ends, which ends both."""
        try:
            while data := await reader.read(BUFFER_BYTES):
                if may_pass is self._requests and not may_pass.is_set():
                    self.holds_request.set()
                await may_pass.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            for each in pair:
                each.transport.abort()


@asynccontextmanager
async def network(to: Path | int) -> AsyncIterator[Network]:
    """A network that works; when the block ends every connection ends."""
    between = Network(to)
    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(between.serve(reader, writer), name="network")
        handlers.add(task)
        task.add_done_callback(handlers.discard)
        task.add_done_callback(lambda _: writer.transport.abort())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        server.close()
        between.resume()
        between.drop()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
