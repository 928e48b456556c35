"""The door serves only commands that have the pass of their visit, and only while the visit lasts."""

import json
from contextlib import AsyncExitStack

import pytest

from shared import metrics
from tests.support import door as doors
from tests.support import faulty_server
from tests.support.faulty_server import answers
from worker.door.client.client import Door
from worker.door.reception import MOST_WAITING

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.asyncio(loop_scope="function")
async def test_unknown_pass_is_unauthorized_and_counted() -> None:
    """At a door and in a loop of its own: the shared door may yet report what other tests did, to the same counter."""
    before = metrics.DOOR_STRANGERS._value.get()
    async with (
        doors.running() as door,
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        answer = await client.send(client.request("GET", "/version").replace(b"/pass-", b"/pass_"))
        assert (answer.status, json.loads(answer.body)["reason"]) == (401, "Unauthorized")
        assert not server.requests
        await doors.wait_until(lambda: metrics.DOOR_STRANGERS._value.get() == before + 1)


@pytest.mark.parametrize("target", ["", "/", "/?a=b"])
async def test_request_without_a_pass_is_refused(door: Door, target: str) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        answer = await client.send(f"GET {target or '/'} HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\n\r\n".encode())
        assert answer.status in {400, 401}
        assert not server.requests


async def test_ended_pass_is_unauthorized(door: Door) -> None:
    async with faulty_server.running(answers.responds()) as server:
        async with doors.visited(door, server.url) as ended:
            pass
        async with doors.visited(door, server.url) as visit, doors.connected(door, ended) as client:
            await doors.wait_until(lambda: visit.number)
            assert (await client.get("/version")).status == 401
        assert not server.requests


async def test_pass_leads_to_the_server_of_its_own_visit(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds(b'"one"')) as one,
        faulty_server.running(answers.responds(b'"two"')) as two,
        doors.visited(door, one.url, token="1") as first,
        doors.visited(door, two.url, token="2") as second,
        doors.connected(door, first) as client,
        doors.connected(door, second) as other,
    ):
        assert (await client.get("/version")).body == b'"one"'
        assert (await other.get("/version")).body == b'"two"'
        assert [each.header("authorization") for each in (*one.requests, *two.requests)] == ["Bearer 1", "Bearer 2"]


async def test_end_of_a_visit_breaks_its_connections(door: Door) -> None:
    async with faulty_server.running(answers.stalls(answers.CHUNKED_HEAD)) as server:
        async with doors.visited(door, server.url) as visit:
            reader, writer = await doors.opened(door, visit, "/api/v1/pods?watch=true")
        assert await doors.rest(reader) == b""
        writer.close()
        await doors.wait_until(lambda: server.open_connections == 0)


async def test_connections_without_a_pass_do_not_keep_commands_out(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url) as visit,
        AsyncExitStack() as stack,
    ):
        first = await stack.enter_async_context(doors.connected(door, visit))
        for _ in range(MOST_WAITING):
            await stack.enter_async_context(doors.connected(door, visit))
        assert await first.is_ended()
        command = await stack.enter_async_context(doors.connected(door, visit))
        assert (await command.get("/version")).status == 200


async def test_client_that_leaves_out_the_path_of_its_server_is_told_so(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        answer = await client.send(f"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\n\r\n".encode())
        assert answer.status == 400
        assert "use a newer kubectl" in json.loads(answer.body)["message"]
        assert not server.requests
