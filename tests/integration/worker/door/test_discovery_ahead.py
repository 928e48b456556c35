"""The second document of discovery, which the door asks for while the first one is on its way."""

import asyncio

import pytest

from tests.support import door as doors
from tests.support import faulty_server
from tests.support.faulty_server import Answer, Connection, Request, answers
from worker.door.client.client import Door

pytestmark = pytest.mark.asyncio(loop_scope="module")

PODS = ("pods",)
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


def targets(server: faulty_server.FaultyServer) -> list[str]:
    return sorted(request.target for request in server.requests)


async def test_second_document_is_asked_for_while_the_first_is_on_its_way(door: Door) -> None:
    async with (
        faulty_server.running(discovery(second=answers.responds(b'"apis"'))) as server,
        doors.visited(door, server.url, kinds=PODS) as visit,
        doors.connected(door, visit) as client,
    ):
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
    async with (
        faulty_server.running(discovery(second=second)) as server,
        doors.visited(door, server.url, kinds=PODS) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.get("/api", Accept=ACCEPT)
        assert (await client.get("/apis", Accept=ACCEPT)).body == b'"apis"'
        assert targets(server) == ["/api", "/apis", "/apis"]


async def test_document_of_another_form_is_asked_for(door: Door) -> None:
    second = answers.in_turn(answers.responds(b'"ahead"'), answers.responds(b'"apis"'))
    async with (
        faulty_server.running(discovery(second=second)) as server,
        doors.visited(door, server.url, kinds=PODS) as visit,
        doors.connected(door, visit) as client,
    ):
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
