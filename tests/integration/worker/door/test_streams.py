"""Answers that do not end, or are long: they flow as they come, and only as fast as the command reads."""

import asyncio
import random
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support import cluster_certificates, door_process, faulty_server
from tests.support import door as doors
from tests.support.cluster_certificates import STYLES
from tests.support.faulty_server import Connection, Request, answers
from worker import loopback
from worker.door.client.client import Door, Visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCH = "/api/v1/namespaces/default/pods?watch=true"
MUCH_BYTES = 300 * 1024 * 1024
MOST_GROWTH_BYTES = 24 * 1024 * 1024
WATCHES = 200
AT_THE_SAME_TIME = 20


async def test_event_of_a_watch_arrives_before_the_next_one_is_sent(door: Door) -> None:
    released = asyncio.Semaphore(0)
    events = [b'{"type":"ADDED"}\n', b'{"type":"DELETED"}\n']
    async with (
        faulty_server.running(answers.streams(events, released=released)) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        client.writer.write(client.request("GET", WATCH))
        _, headers = await client.head()
        pieces = client.pieces(headers)
        for event in events:
            released.release()
            async with asyncio.timeout(doors.LIMIT_S):
                assert await anext(pieces) == event
        released.release()
        async with asyncio.timeout(doors.LIMIT_S):
            assert await anext(pieces, None) is None


async def test_long_answer_is_whole_and_takes_no_memory(door: Door) -> None:
    async with (
        faulty_server.running(answers.sends_much(MUCH_BYTES)) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        before, most, received = door_process.memory(door), 0, 0
        client.writer.write(client.request("GET", "/api/v1/pods"))
        _, headers = await client.head()
        async for piece in client.pieces(headers):
            received += len(piece)
            most = max(most, door_process.memory(door))
        assert received == MUCH_BYTES
        assert most - before < MOST_GROWTH_BYTES


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_answers_at_the_same_time_do_not_mix(door: Door, tmp_path: Path, is_tls: bool) -> None:
    """All connections to servers read into one buffer."""
    issued = cluster_certificates.issue(STYLES["kubeadm"], tmp_path)

    async def answer(connection: Connection, request: Request) -> None:
        await connection.send(answers.CHUNKED_HEAD)
        for piece in _pieces(request.target):
            await connection.send(answers.chunk(piece))
        await connection.send(answers.chunk(b""))

    async def ask(visit: Visit, target: str) -> None:
        async with doors.connected(door, visit) as client:
            assert (await client.get(target)).body == b"".join(_pieces(target))

    context = faulty_server.tls_context(issued.certificate, issued.key) if is_tls else None
    async with (
        faulty_server.running(answer, tls=context) as server,
        doors.visited(door, server.url, authority=issued.authority) as visit,
        asyncio.TaskGroup() as group,
    ):
        for number in range(AT_THE_SAME_TIME):
            group.create_task(ask(visit, f"/api/v1/pods?limit={number}"))


def _pieces(seed: str) -> list[bytes]:
    """Some three million bytes, the same ones for the same seed."""
    chosen = random.Random(seed)
    return [chosen.randbytes(chosen.choice((1, 1_000, 70_000, 300_000))) for _ in range(32)]


async def test_command_that_does_not_read_makes_the_server_wait(door: Door) -> None:
    async with (
        faulty_server.running(answers.sends_much()) as server,
        doors.visited(door, server.url) as visit,
    ):
        before = door_process.memory(door)
        with socket.create_connection((loopback.HOST, door.port)) as slow:
            client = f"GET /{visit.address.access.pass_}/api HTTP/1.1\r\nHost: {loopback.HOST}:{door.port}\r\n\r\n"
            slow.sendall(client.encode())
            await doors.wait_until(lambda: door_process.has_stopped(door, server))
            assert door_process.memory(door) - before < MOST_GROWTH_BYTES


async def test_command_that_reads_on_gets_the_rest(door: Door) -> None:
    async with (
        faulty_server.running(answers.sends_much(MUCH_BYTES // 6)) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        for _ in range(2):
            client.writer.write(client.request("GET", "/api/v1/pods"))
            await doors.wait_until(lambda: door_process.has_stopped(door, server))
            answer = await client.answer()
            assert (len(answer.body), answer.is_whole) == (MUCH_BYTES // 6, True)


async def test_many_watches_run_side_by_side(door: Door) -> None:
    released = asyncio.Semaphore(0)
    async with (
        faulty_server.running(answers.streams([b"{}\n"], released=released)) as server,
        doors.visited(door, server.url) as visit,
        AsyncExitStack() as stack,
    ):
        clients = [await stack.enter_async_context(doors.connected(door, visit)) for _ in range(WATCHES)]
        for client in clients:
            client.writer.write(client.request("GET", WATCH))
        heads = [await client.head() for client in clients]
        assert {status for status, _ in heads} == {200}
        for _ in range(2 * WATCHES):
            released.release()
        for client, (_, headers) in zip(clients, heads, strict=True):
            async with asyncio.timeout(doors.LIMIT_S):
                assert [piece async for piece in client.pieces(headers)] == [b"{}\n"]


async def test_command_has_a_limit_of_connections(door: Door) -> None:
    async with (
        faulty_server.running(answers.stalls(answers.CHUNKED_HEAD)) as server,
        doors.visited(door, server.url) as visit,
        AsyncExitStack() as stack,
    ):
        for _ in range(256):
            client = await stack.enter_async_context(doors.connected(door, visit))
            client.writer.write(client.request("GET", WATCH))
            assert (await client.head())[0] == 200
        one_more = await stack.enter_async_context(doors.connected(door, visit))
        assert (await one_more.get("/version")).status == 503
