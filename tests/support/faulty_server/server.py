"""The listener of the faulty server, its connections, and what it has received."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.faulty_server.connection import HEAD_BYTES, Answer, Connection, Request

HOST = "127.0.0.1"


class FaultyServer:
    """Answers each request with `answer`, which a test may replace at any time."""

    def __init__(
        self, answer: Answer, *, is_tls: bool, at_connection: Callable[[Connection], Awaitable[None]] | None = None
    ) -> None:
        self.port = 0
        self.answer = answer
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        """Every connection since the start, also those that have ended."""
        self._at_connection = at_connection
        self._is_tls = is_tls
        self._is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._is_tls else 'http'}://{HOST}:{self.port}"

    @property
    def open_connections(self) -> int:
        """Connections that neither side has ended, as far as the running answer has looked."""
        return len(self._tasks)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, len(self.connections) + 1)
        if self._is_closed:  # accepted in the last moment
            connection.abort()
            return
        self.connections.append(connection)
        task = asyncio.create_task(self._serve(connection), name="faulty server")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self.connections:  # a task that was cancelled before it began has ended none
            connection.abort()

    async def _serve(self, connection: Connection) -> None:
        try:
            if self._at_connection is not None:
                await self._at_connection(connection)
            while not connection.is_ending and (request := await connection.request()):
                self.requests.append(request)
                await self.answer(connection, request)
            if connection.is_ending:
                await connection.ended()
        except (OSError, EOFError):
            pass  # the client has gone, which tests see in what the client says
        finally:
            connection.abort()


@asynccontextmanager
async def running(
    answer: Answer,
    *,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
    at_connection: Callable[[Connection], Awaitable[None]] | None = None,
) -> AsyncIterator[FaultyServer]:
    """Serves until the block ends. `at_connection` acts before the first request of each connection is read."""
    server = FaultyServer(answer, is_tls=tls is not None, at_connection=at_connection)
    listener = await asyncio.start_server(server.accept, HOST, port, ssl=tls, limit=HEAD_BYTES)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await server.close()


def tls_context(certificate: Path, key: Path, *, client_authority: Path | None = None) -> ssl.SSLContext:
    """A server's side of TLS with that chain; `client_authority` makes it ask for a client certificate of that CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_authority is not None:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
