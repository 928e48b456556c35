"""The second document of discovery, which the door asks for while the first one is on its way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.network.endpoints import Address
from tests.support import door as doors
from tests.support import egress, faulty_server
from tests.support.door import Client, Notes
from tests.support.egress import Names
from tests.support.faulty_server import Answer, Connection, Request, answers
from worker.door.client.client import Door
from worker.door.messages import Seen

pytestmark = pytest.mark.asyncio(loop_scope="module")

PODS = ("pods",)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def discovery(*, second: Answer) -> Answer:
    """Answers `/api` only when `/apis` has arrived too."""
    is_asked = asyncio.Event()

    async def answer(connection: Connection, request: Request) -> None:
        if request.target.startswith("/apis"):
            is_asked.set()
            await second(connection, request)
        else:
            await is_asked.wait()
            await answers.responds(b'"api"')(connection, request)

    return answer


@asynccontextmanager
async def asking(
    door: Door, *, second: Answer, **visit: Any
) -> AsyncIterator[tuple[faulty_server.FaultyServer, Client]]:
    """A server with discovery, and a command that knows its kinds."""
    async with (
        faulty_server.running(discovery(second=second)) as server,
        doors.visited(door, server.url, kinds=PODS, **visit) as visited,
        doors.connected(door, visited) as client,
    ):
        yield server, client


def targets(server: faulty_server.FaultyServer) -> list[str]:
    return sorted(request.target for request in server.requests)


async def test_second_document_is_asked_for_while_the_first_is_on_its_way(door: Door) -> None:
    async with asking(door, second=answers.responds(b'"apis"')) as (server, client):
        first = await client.get("/api?timeout=32s", Accept=ACCEPT)
        second = await client.get("/apis?timeout=32s", Accept=ACCEPT)
        assert (first.body, second.body) == (b'"api"', b'"apis"')
        assert targets(server) == ["/api?timeout=32s", "/apis?timeout=32s"]
        ahead = next(request for request in server.requests if request.target.startswith("/apis"))
        assert (ahead.header("accept"), ahead.header("user-agent")) == (ACCEPT, "mcp-k8s")


@pytest.mark.parametrize(
    "failure",
    [answers.refuses(403, "Forbidden"), answers.closes(), answers.breaks_a_chunk()],
    ids=["refused", "closed", "broken"],
)
async def test_document_that_could_not_be_had_ahead_is_asked_for_again(door: Door, failure: Answer) -> None:
    second = answers.in_turn(failure, answers.responds(b'"apis"'))
    async with asking(door, second=second) as (server, client):
        await client.get("/api", Accept=ACCEPT)
        assert (await client.get("/apis", Accept=ACCEPT)).body == b'"apis"'
        assert targets(server) == ["/api", "/apis", "/apis"]


async def test_document_of_another_form_is_asked_for(door: Door) -> None:
    second = answers.in_turn(answers.responds(b'"ahead"'), answers.responds(b'"apis"'))
    async with asking(door, second=second) as (_, client):
        await client.get("/api", Accept=ACCEPT)
        assert (await client.get("/apis", Accept="application/json")).body == b'"apis"'


async def test_next_command_sees_what_the_server_says_when_it_asks(door: Door) -> None:
    """What was asked ahead for a command that then did not ask for it serves no other command."""
    second = answers.in_turn(answers.responds(b'"ahead"'), answers.responds(b'"apis"'))
    async with faulty_server.running(discovery(second=second)) as server:
        for command in range(2):
            async with (
                doors.visited(door, server.url, kinds=PODS) as visit,
                doors.connected(door, visit) as client,
            ):
                if command == 0:
                    await client.get("/api", Accept=ACCEPT)
                else:
                    assert (await client.get("/apis", Accept=ACCEPT)).body == b'"apis"'


async def test_command_without_kinds_asks_for_itself(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.get("/api", Accept=ACCEPT)
        await client.get("/version")
        assert targets(server) == ["/api", "/version"]
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"), [("POST", CRDS, b"{}"), ("GET", "/api", b"")], ids=["change", "first document again"]
)
async def test_command_sees_what_has_changed_since_the_door_asked(
    door: Door, method: str, path: str, body: bytes
) -> None:
    server_says = b'"before"'

    async def answer(connection: Connection, request: Request) -> None:
        await answers.responds(server_says)(connection, request)

    async with (
        faulty_server.running(answer) as server,
        doors.visited(door, server.url, kinds=PODS, notary=Notes()) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.get("/api", Accept=ACCEPT)
        await doors.wait_until(lambda: "/apis" in targets(server))
        server_says = b'"after"'
        await client.ask(method, path, body=body, headers={"Accept": ACCEPT})
        assert (await client.get("/apis", Accept=ACCEPT)).body == b'"after"'


async def test_reports_name_the_requests_that_the_server_has_got(door: Door) -> None:
    reports: list[Seen] = []
    async with asking(door, second=answers.responds(b'"apis"'), reports=reports.append) as (server, client):
        for path in ("/api", "/apis"):
            await client.get(path, Accept=ACCEPT)
        await doors.wait_until(lambda: len(reports) == 2)
        assert {seen.audit_id for seen in reports} == {request.header("audit-id") for request in server.requests}


async def test_slow_second_connection_is_not_waited_for() -> None:
    class SlowNames(Names):
        async def resolve(self, host: str) -> Sequence[Address]:
            found = await super().resolve(host)
            if len(self.asked) > 1:
                await asyncio.Event().wait()
            return found

    names = SlowNames({"api.example": [["127.0.0.1"]]})
    async with (
        doors.running(egress.dialer(names)) as door,
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, f"http://api.example:{server.port}", kinds=PODS) as visit,
        doors.connected(door, visit) as client,
        asyncio.timeout(doors.LIMIT_S / 4),  # the worker dials for ten seconds
    ):
        for path in ("/api", "/apis"):
            assert (await client.get(path, Accept=ACCEPT)).status == 200
        assert [request.connection for request in server.requests] == [1, 1]


@pytest.mark.parametrize(
    "second", [answers.stalls(), answers.stalls(answers.CHUNKED_HEAD)], ids=["no answer", "no end"]
)
async def test_request_ends_with_the_command(door: Door, second: Answer) -> None:
    async with faulty_server.running(discovery(second=second)) as server:
        async with (
            doors.visited(door, server.url, kinds=PODS) as visit,
            doors.connected(door, visit) as client,
        ):
            await client.get("/api", Accept=ACCEPT)
        await doors.wait_until(lambda: server.open_connections == 1)


async def test_request_ends_when_the_command_waits_no_longer(door: Door) -> None:
    async with (
        faulty_server.running(discovery(second=answers.stalls())) as server,
        doors.visited(door, server.url, kinds=PODS) as visit,
    ):
        async with doors.connected(door, visit) as client, doors.connected(door, visit) as other:
            await client.get("/api", Accept=ACCEPT)
            client.writer.write(client.request("GET", "/apis", headers={"Accept": ACCEPT}))
            await other.get("/version")  # the door has read both then
        await doors.wait_until(lambda: server.open_connections == 1)


async def test_document_without_an_end_is_given_up(door: Door) -> None:
    second = answers.in_turn(answers.sends_much(), answers.responds(b'"apis"'))
    async with asking(door, second=second) as (server, client):
        await client.get("/api", Accept=ACCEPT)
        assert (await client.get("/apis", Accept=ACCEPT)).body == b'"apis"'
        await doors.wait_until(lambda: server.open_connections == 1)
