"""Calls of an Argo CD server through the door: with the caller's token, judged by their methods, and noted."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from shared.changes import ChangeState
from shared.effects import UNLIMITED, Effects, Limit
from tests.support import door as doors
from tests.support import faulty_server
from tests.support.door import Notes
from tests.support.faulty_server import FaultyServer, answers
from worker.door.client.client import Answer, Door, Visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST, SYNC = "/application.ApplicationService/List", "/application.ApplicationService/Sync"
TOKEN = "/account.AccountService/CreateToken"
GRPC_WEB = "application/grpc-web+proto"
MESSAGE = b"\x00\x00\x00\x00\x05\x0a\x03web"
TRAILERS = b"\x80\x00\x00\x00\x10grpc-status: 0\r\n"
CALL: dict[str, Any] = {"body": MESSAGE, "headers": {"Content-Type": GRPC_WEB, "Token": "of-the-child"}}


def visited(door: Door, server: FaultyServer, **given: Any) -> AbstractAsyncContextManager[Visit]:
    return doors.visited(door, f"{server.url}/argo", token="real", headers=(("X-Team", "a"),), is_argo_cd=True, **given)


async def test_call_is_sent_with_the_real_token_and_answered_as_it_streams(door: Door) -> None:
    answer = answers.responds(MESSAGE + TRAILERS, headers={"Content-Type": GRPC_WEB})
    async with (
        faulty_server.running(answer) as server,
        visited(door, server, effects=Effects()) as visit,
        doors.connected(door, visit) as client,
    ):
        answered = await client.ask("POST", LIST, **CALL)
        [request] = server.requests
    assert (answered.status, answered.headers["content-type"]) == (200, GRPC_WEB)
    assert answered.body == MESSAGE + TRAILERS
    assert (request.target, request.header("authorization"), request.body) == (f"/argo{LIST}", "Bearer real", MESSAGE)
    assert (request.header("token"), request.header("x-team")) == (None, "a")


@pytest.mark.parametrize(
    ("limit", "path"),
    [(Limit.READ, SYNC), (Limit.READ_ONLY, SYNC), (Limit.READ, TOKEN), (Limit.STRICT, TOKEN)],
)
async def test_refused_call_gets_the_status_of_grpc_and_is_not_forwarded(door: Door, limit: Limit, path: str) -> None:
    notes = Notes()
    async with (
        faulty_server.running(answers.responds()) as server,
        visited(door, server, notary=notes, effects=Effects(limit=limit)) as visit,
        doors.connected(door, visit) as client,
    ):
        answered = await client.ask("POST", path, **CALL)
        await doors.wait_until(lambda: notes.completed)
        assert not server.requests
    assert (answered.status, answered.headers["grpc-status"], answered.body) == (200, "7", b"")
    assert answered.headers["grpc-message"] == visit.refusals.change
    assert path.rpartition("/")[2] in visit.refusals.change
    assert [change.state for change in notes.completed] == [ChangeState.REFUSED]


async def test_fence_refuses_even_reads_because_applications_are_in_no_namespace_of_it(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        visited(door, server, effects=Effects(limit=Limit.PERMISSIVE, fence=("shop",))) as visit,
        doors.connected(door, visit) as client,
    ):
        assert (await client.ask("POST", LIST, **CALL)).headers["grpc-status"] == "7"
        assert not server.requests


@pytest.mark.parametrize(("status", "state"), [("0", ChangeState.DONE), ("9", ChangeState.FAILED)])
async def test_change_is_noted_with_the_outcome_that_the_server_tells(
    door: Door, status: str, state: ChangeState
) -> None:
    notes = Notes()
    told = {"Content-Type": GRPC_WEB, "Grpc-Status": status, "Grpc-Message": "why"}
    async with (
        faulty_server.running(answers.responds(b"", headers=told)) as server,
        visited(door, server, notary=notes, effects=Effects(limit=Limit.STRICT)) as visit,
        doors.connected(door, visit) as client,
    ):
        answered = await client.ask("POST", SYNC, **CALL)
        await doors.wait_until(lambda: notes.completed)
    assert (answered.headers["grpc-status"], answered.headers["grpc-message"]) == (status, "why")
    [change] = notes.completed
    assert (change.verb, change.group, change.resource) == ("Sync", "application", "ApplicationService")
    assert change.state is state


async def test_server_that_is_not_reached_is_named_in_the_status(door: Door) -> None:
    async with (
        faulty_server.running(answers.resets()) as server,
        visited(door, server) as visit,
        doors.connected(door, visit) as client,
    ):
        answered = await client.ask("POST", LIST, **CALL)
    assert (answered.status, answered.headers["grpc-status"]) == (200, "2")
    assert f"the server {server.url}/argo cannot be reached: " in answered.headers["grpc-message"]


async def test_call_is_not_forwarded_to_an_api_server_nor_anything_else_to_argo_cd(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, effects=UNLIMITED) as of_cluster,
        doors.connected(door, of_cluster) as client,
    ):
        assert (await client.ask("POST", LIST, **CALL)).status == 415
        async with visited(door, server) as visit, doors.connected(door, visit) as other:
            assert (await other.ask("GET", "/api/v1/applications")).headers["grpc-status"] == "3"
        assert not server.requests


async def test_worker_sees_the_application_that_a_command_waits_for(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds(b"{}")) as server,
        visited(door, server, effects=Effects(limit=Limit.STRICT)) as visit,
    ):
        assert await visit.ask("/api/v1/applications/web?appNamespace=apps") == Answer(200, b"{}")
        assert await visit.ask("/api/v1/applications/web?refresh=hard") is None
        assert await visit.ask("/api/v1/session/userinfo") is None
        [request] = server.requests
    assert request.target == "/argo/api/v1/applications/web?appNamespace=apps"
    assert request.header("authorization") == "Bearer real"
