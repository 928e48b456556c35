"""A command's connection: half requests, and clients that leave."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from tests.support.waiting import wait_until
from worker.door.http import child_connection
from worker.door.http.child_connection import ChildConnection, Request
from worker.door.http.errors import BadRequestError
from worker.door.http.request_body import BodyBudget
from worker.door.http.request_head import Head

LIMIT_S = 20
HEAD = b"GET /p/api HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /p/api HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"


class Visit:
    """Answers each request with its method and body."""

    def __init__(self) -> None:
        self.bodies = BodyBudget(2)
        self.answers = asyncio.Event()

    async def answer(self, request: Request, child: ChildConnection) -> None:
        await self.answers.wait()
        child.write(request.head.method.encode() + request.body)
        child.finish(keeps_connection=request.head.keeps_connection)

    def leave(self, child: ChildConnection) -> None: ...


class Reception:
    def __init__(self) -> None:
        self.visit = Visit()
        self.visit.answers.set()
        self.children: list[ChildConnection] = []
        self.tasks: list[asyncio.Task[None]] = []

    def enter(self, child: ChildConnection) -> bool:
        self.children.append(child)
        return len(self.children) < 3

    def leave(self, child: ChildConnection) -> None:
        self.children.remove(child)

    def admit(self, head: Head, child: ChildConnection) -> Visit:
        if head.target.pass_ != "p":
            raise BadRequestError("no", 401)
        return self.visit

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]


@pytest.fixture
async def reception() -> Reception:
    return Reception()


@pytest.fixture
async def port(reception: Reception) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ChildConnection(reception), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def received(port: int, data: bytes) -> bytes:
    """What comes back until the door ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(LIMIT_S):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


@pytest.mark.parametrize("half", [b"", b"GET /p", HEAD[:-2], POST, POST + b"{"], ids=repr)
async def test_half_a_request_is_waited_for_for_a_limited_time(
    port: int, half: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_connection, "REQUEST_TIMEOUT_S", 0.05)
    assert await received(port, half) == b""


async def test_time_limit_ends_with_the_request(
    port: int, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_connection, "REQUEST_TIMEOUT_S", 0.05)
    reception.visit.answers.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    reception.visit.answers.set()
    assert await asyncio.wait_for(reader.read(3), LIMIT_S) == b"GET"
    writer.close()


async def test_request_may_come_byte_by_byte(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for byte in POST + b"{}":
        writer.write(bytes((byte,)))
        await writer.drain()
    assert await asyncio.wait_for(reader.readexactly(6), LIMIT_S) == b"POST{}"
    writer.close()


async def test_next_request_may_follow_the_answer(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(POST + b"{}")
        assert await asyncio.wait_for(reader.readexactly(6), LIMIT_S) == b"POST{}"
    writer.close()


async def test_connection_beyond_the_limit_is_ended(port: int) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    assert await received(port, HEAD) == b""
    for _, writer in opened:
        writer.close()


async def test_client_that_leaves_ends_the_work(port: int, reception: Reception) -> None:
    reception.visit.answers.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD)
    await writer.drain()
    await wait_until(lambda: reception.tasks)
    async with asyncio.timeout(LIMIT_S):
        writer.close()
        await asyncio.wait(reception.tasks)
    assert reception.tasks[0].cancelled()


async def test_long_bodies_at_once_are_bounded(port: int) -> None:
    first, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(POST)
    await writer.drain()
    answer = b""
    async with asyncio.timeout(LIMIT_S):
        while b"too many long bodies" not in answer:
            answer = await received(port, POST + b"{}")
    writer.write(b"{}")
    assert await asyncio.wait_for(first.readexactly(6), LIMIT_S) == b"POST{}"
    writer.close()
