"""A connection to an API server can take the next request, however slowly the last answer was read."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.support import faulty_server
from tests.support.faulty_server import FaultyServer, answers
from tests.support.waiting import wait_until
from worker import loopback
from worker.door.http.errors import ServerError
from worker.door.http.server_connection import ServerConnection

LIMIT_S = 20
REQUEST = b"GET /version HTTP/1.1\r\nHost: h\r\n\r\n"


class FullReceiver:
    """A command that reads so slowly that each piece, the last one too, fills its connection."""

    def __init__(self, source: ServerConnection) -> None:
        self.ended = asyncio.Event()
        self._source = source

    def take(self, pieces: Sequence[bytes], *, is_last: bool) -> None:
        self._source.pause()
        if is_last:
            self.ended.set()
        else:
            self._source.resume()

    def fail(self, error: ServerError) -> None:
        raise error


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    async with faulty_server.running(answers.responds()) as running:
        yield running


@pytest.fixture
async def connection(server: FaultyServer) -> AsyncIterator[ServerConnection]:
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(ServerConnection, loopback.HOST, server.port)
    yield made
    made.abort()


async def answered(connection: ServerConnection) -> None:
    """Asks, and gives the answer to a command that reads slowly."""
    async with asyncio.timeout(LIMIT_S):
        await connection.ask(REQUEST)
        receiver = FullReceiver(connection)
        connection.deliver_to(receiver)
        await receiver.ended.wait()


async def test_next_request_is_answered(connection: ServerConnection) -> None:
    for _ in range(2):
        await answered(connection)


async def test_end_by_the_server_is_seen(connection: ServerConnection, server: FaultyServer) -> None:
    await answered(connection)
    assert connection.is_idle
    server.connections[0].end()
    await wait_until(lambda: not connection.is_idle)
