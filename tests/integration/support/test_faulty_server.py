"""The faulty server does what its scripts say, seen by a client that reads bytes."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.support import faulty_server
from tests.support.api_server import certificates
from tests.support.faulty_server import Connection, Request, answers
from tests.support.waiting import wait_until

ASK = b"GET /api HTTP/1.1\r\nHost: test\r\n\r\n"


async def ask(port: int, *, tls: ssl.SSLContext | None = None) -> bytes:
    """Everything that the server sends to one request until it ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        writer.write(ASK)
        return await reader.read()
    finally:
        writer.close()


async def test_an_answer_of_http_1_0_ends_with_the_connection() -> None:
    async with faulty_server.running(answers.speaks_http_1_0(b"whole")) as server:
        assert (await ask(server.port)).endswith(b"\r\n\r\nwhole")
        assert [(each.method, each.target) for each in server.requests] == [("GET", "/api")]


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_a_reset_is_a_reset(tmp_path: Path, *, is_tls: bool) -> None:
    certificates.write(tmp_path)
    served = faulty_server.tls_context(tmp_path / "server.pem", tmp_path / "server-key.pem") if is_tls else None
    trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem")) if is_tls else None
    async with faulty_server.running(answers.resets(), tls=served) as server:
        with pytest.raises(ConnectionResetError):
            await ask(server.port, tls=trusting)


async def test_a_stalled_answer_ends_when_the_client_goes() -> None:
    async with faulty_server.running(answers.stalls(b"HTTP/1.1 200 OK\r\n")) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(ASK)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert server.open_connections == 1
        writer.close()
        await wait_until(lambda: server.open_connections == 0)


async def test_an_endless_answer_stands_still_while_nobody_reads() -> None:
    async with faulty_server.running(answers.sends_much()) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
        writer.write(ASK)
        seen = -1

        def stands_still() -> bool:
            nonlocal seen
            before, seen = seen, server.connections[0].sent_bytes if server.connections else -1
            return 0 < before == seen

        await wait_until(stands_still, interval_s=0.1)
        writer.transport.abort()


async def test_client_that_reads_late_gets_what_was_sent_before_the_end() -> None:
    async def answer(connection: Connection, _: Request) -> None:
        while not connection._writer.transport.get_write_buffer_size():
            await connection.send(b"x" * 16_384)
        connection.end()

    async with faulty_server.running(answer) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(ASK)
        await wait_until(lambda: server.connections and server.connections[0].is_ending)
        assert len(await reader.read()) == server.connections[0].sent_bytes
        writer.close()


async def test_pieces_go_out_when_the_test_releases_them() -> None:
    released = asyncio.Semaphore(0)
    async with faulty_server.running(answers.streams([b"one", b"two"], released=released)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(ASK)
        await reader.readuntil(b"\r\n\r\n")
        released.release()
        assert await reader.readuntil(b"one\r\n") == b"3\r\none\r\n"
        released.release()
        assert await reader.readuntil(b"two\r\n") == b"3\r\ntwo\r\n"
        writer.close()


async def test_a_script_gives_each_request_its_own_answer() -> None:
    script = answers.in_turn(answers.closes(b"first"), answers.closes(b"second"))
    async with faulty_server.running(script) as server:
        assert [await ask(server.port) for _ in range(3)] == [b"first", b"second", b"second"]
