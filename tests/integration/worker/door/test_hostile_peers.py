"""Commands and servers that want the door's memory or time. They harm themselves, and no other visit."""

import asyncio
import resource
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import door as doors
from tests.support import faulty_server
from tests.support.faulty_server import Connection, Request, answers
from worker.door.client.client import Door, Visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST_GROWTH_BYTES = 48 * 1024 * 1024
PIECE_BYTES = 64 * 1024
OPENAPI = "/openapi/v3/apis/apps/v1?hash=1"


def memory(door: Door) -> int:
    """Resident bytes of the door's process, read where it cannot refuse: it is not dumpable."""
    pages = int(Path(f"/proc/{door.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


@pytest.mark.parametrize(
    "piece",
    [b"X: " + b"x" * PIECE_BYTES + b"\r\n", b"x" * PIECE_BYTES],
    ids=["many headers", "one header"],
)
async def test_endless_trailer_breaks_the_answer(door: Door, piece: bytes) -> None:
    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(answers.CHUNKED_HEAD + answers.chunk(b"{}") + b"0\r\nX: ")
        while True:
            await connection.send(piece)

    async with (
        faulty_server.running(answer) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        before = memory(door)
        received = await client.get("/api/v1/pods")
        assert (received.body, received.is_whole) == (b"{}", False)
        assert memory(door) - before < MOST_GROWTH_BYTES


async def test_trailer_is_no_header_of_the_answer(door: Door) -> None:
    raw = answers.CHUNKED_HEAD + answers.chunk(b"{}") + b'0\r\nEtag: "late"\r\n\r\n'
    async with (
        faulty_server.running(answers.says(raw)) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        for _ in range(2):
            assert (await client.get("/api")).body == b"{}"
        assert [request.header("if-none-match") for request in server.requests] == [None, None]


async def test_command_that_asks_and_does_not_read_takes_no_memory(door: Door) -> None:
    body = b"x" * (4 * 1024 * 1024)
    async with (
        faulty_server.running(answers.responds(body)) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as reader,
        doors.connected(door, visit) as client,
        doors.connected(door, visit) as other,
    ):
        assert (await reader.get(OPENAPI)).body == body
        before = memory(door)
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(50):
            with suppress(ConnectionError):
                client.writer.write(client.request("GET", OPENAPI))
                await client.writer.drain()
            assert (await other.get("/version")).status == 200
        assert memory(door) - before < MOST_GROWTH_BYTES


async def test_server_that_answers_and_does_not_read_holds_no_bodies(door: Door) -> None:
    async def answers_early(connection: Connection) -> None:
        await connection.receive()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await asyncio.Event().wait()

    body = b'"' + b"x" * (8 * 1024 * 1024 - 2) + b'"'
    async with (
        faulty_server.running(answers.responds(), at_connection=answers_early) as server,
        doors.visited(door, server.url, notary=doors.Notes()) as visit,
    ):
        await _posted(door, visit, body)
        before = memory(door)
        for _ in range(15):
            assert await _posted(door, visit, body) == 200
        # A connection that is broken keeps what it has not sent until its end, which is a moment later.
        await doors.wait_until(lambda: memory(door) - before < MOST_GROWTH_BYTES)


async def test_bodies_count_until_their_requests_are_answered(door: Door) -> None:
    async with (
        faulty_server.running(answers.stalls()) as server,
        doors.visited(door, server.url, notary=doors.Notes()) as visit,
        asyncio.TaskGroup() as group,
    ):
        body = b'"' + b"x" * (8 * 1024 * 1024 - 2) + b'"'
        waiting = [group.create_task(_posted(door, visit, body)) for _ in range(4)]
        await doors.wait_until(lambda: len(server.requests) == len(waiting))
        assert await _posted(door, visit, body) == 503
        for each in waiting:
            each.cancel()


async def _posted(door: Door, visit: Visit, body: bytes) -> int:
    async with doors.connected(door, visit) as client:
        return (await client.ask("POST", "/api/v1/namespaces/shop/configmaps", body=body)).status
