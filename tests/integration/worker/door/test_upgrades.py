"""Upgraded connections: exec, attach and port-forward over WebSocket and SPDY."""

import asyncio

import pytest

from shared.changes import ChangeState
from tests.support import door as doors
from tests.support import faulty_server
from tests.support.door import Client, Notes
from tests.support.faulty_server import Connection, Request, answers
from worker.door.client.client import Door

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXEC = "/api/v1/namespaces/default/pods/web/exec?command=sh&stdin=true"
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0",
}
SPDY = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"}
BOTH = pytest.mark.parametrize(("method", "headers"), [("GET", WEBSOCKET), ("POST", SPDY)], ids=["websocket", "spdy"])


async def upgraded(client: Client, method: str, headers: dict[str, str]) -> dict[str, str]:
    client.writer.write(client.request(method, EXEC, headers=headers))
    status, answered = await client.head()
    assert status == 101
    return answered


@BOTH
async def test_bytes_flow_both_ways_after_the_upgrade(door: Door, method: str, headers: dict[str, str]) -> None:
    notes = Notes()
    async with (
        faulty_server.running(answers.upgrades(headers["Upgrade"])) as server,
        doors.visited(door, server.url, token="t", notary=notes) as visit,
        doors.connected(door, visit) as client,
    ):
        answered = await upgraded(client, method, headers)
        assert (answered["upgrade"], answered["connection"]) == (headers["Upgrade"], "Upgrade")
        for data in (b"\x81\x00one", b"x" * 1_000_000):
            client.writer.write(data)
            async with asyncio.timeout(doors.LIMIT_S):
                assert await client.reader.readexactly(len(data)) == data
        [request] = server.requests
        assert (request.method, request.target) == (method, EXEC)
        assert request.header("authorization") == "Bearer t"
        assert [(change.verb, change.resource) for change in notes.intended] == [("exec", "pods/exec")]
        assert [(change.state, change.status) for change in notes.completed] == [(ChangeState.DONE, 101)]


async def test_subprotocol_with_a_token_is_left_out(door: Door) -> None:
    async with (
        faulty_server.running(answers.upgrades("websocket")) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
        doors.connected(door, visit) as client,
    ):
        await upgraded(client, "GET", WEBSOCKET)
        assert server.requests[0].header("sec-websocket-protocol") == "v5.channel.k8s.io"
        assert server.requests[0].header("sec-websocket-key") == WEBSOCKET["Sec-WebSocket-Key"]


@BOTH
async def test_other_answer_to_an_upgrade_is_an_ordinary_one(door: Door, method: str, headers: dict[str, str]) -> None:
    async with (
        faulty_server.running(answers.refuses(403, "Forbidden")) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
        doors.connected(door, visit) as client,
    ):
        assert (await client.ask(method, EXEC, headers=headers)).status == 403
        assert (await client.get("/version")).status == 403


@pytest.mark.parametrize("fields", [b"", b"Upgrade: websocket\r\n"], ids=["no header", "no connection header"])
async def test_answer_that_does_not_name_what_it_switches_to_is_none(door: Door, fields: bytes) -> None:
    async with (
        faulty_server.running(answers.says(b"HTTP/1.1 101 X\r\n" + fields + b"\r\n")) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
        doors.connected(door, visit) as client,
    ):
        answered = await client.ask("GET", EXEC, headers=WEBSOCKET)
        assert (answered.status, b"malformed HTTP response" in answered.body) == (503, True)


async def test_end_of_one_side_ends_the_other(door: Door) -> None:
    async with (
        faulty_server.running(answers.upgrades("websocket")) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
    ):
        async with doors.connected(door, visit) as client:
            await upgraded(client, "GET", WEBSOCKET)
        await doors.wait_until(lambda: server.open_connections == 0)


async def test_bytes_of_the_server_before_its_end_arrive(door: Door) -> None:
    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
        await connection.send(b"x" * 300_000)
        connection.end()

    async with (
        faulty_server.running(answer) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
        doors.connected(door, visit) as client,
    ):
        await upgraded(client, "GET", WEBSOCKET)
        assert await doors.rest(client.reader) == b"early" + b"x" * 300_000


async def test_slow_command_gets_everything_from_a_server_that_has_ended(door: Door) -> None:
    size_bytes = 20 * 1024 * 1024

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        await connection.send(b"x" * size_bytes)
        connection.end()

    async with (
        faulty_server.running(answer) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
        doors.connected(door, visit) as client,
    ):
        await upgraded(client, "GET", WEBSOCKET)
        received = 0
        async with asyncio.timeout(doors.LIMIT_S):
            while piece := await client.reader.read(65_536):
                received += len(piece)
        assert received == size_bytes


async def test_server_that_stops_reading_does_not_keep_a_visit(door: Door) -> None:
    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        await asyncio.Event().wait()

    async with faulty_server.running(answer) as server:
        async with (
            doors.visited(door, server.url, notary=Notes()) as visit,
            doors.connected(door, visit) as client,
        ):
            await upgraded(client, "GET", WEBSOCKET)
            client.writer.write(b"x" * 8_000_000)
        async with asyncio.timeout(doors.LIMIT_S):
            await asyncio.shield(visit._dismissed)


async def test_end_of_the_visit_ends_its_tunnels(door: Door) -> None:
    async with faulty_server.running(answers.upgrades("websocket")) as server:
        async with doors.visited(door, server.url, notary=Notes()) as visit:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            await upgraded(Client(reader, writer, visit), "GET", WEBSOCKET)
        assert await doors.rest(reader) == b""
        writer.close()
        await doors.wait_until(lambda: server.open_connections == 0)


async def test_connection_of_a_tunnel_is_not_used_again(door: Door) -> None:
    async with faulty_server.running(answers.upgrades("websocket")) as server:
        for _ in range(2):
            async with (
                doors.visited(door, server.url, notary=Notes()) as visit,
                doors.connected(door, visit) as client,
            ):
                await upgraded(client, "GET", WEBSOCKET)
        assert len({request.connection for request in server.requests}) == 2
