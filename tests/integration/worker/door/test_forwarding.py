"""What reaches the API server: a request that the door has written anew, with the credential that the command lacks."""

import base64
from typing import Any

import pytest

from tests.support import door as doors
from tests.support import faulty_server
from tests.support.door import Notes
from tests.support.faulty_server import answers
from worker.door.client.client import Door

pytestmark = pytest.mark.asyncio(loop_scope="module")

PODS = "/api/v1/namespaces/default/pods"


async def test_server_gets_the_path_the_query_and_the_credential(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds(b'{"kind":"PodList"}')) as server,
        doors.visited(door, server.url, token="secret") as visit,
        doors.connected(door, visit) as client,
    ):
        answer = await client.get(f"{PODS}?labelSelector=app%3Dweb&limit=500", Accept="application/json")
        assert (answer.status, answer.body) == (200, b'{"kind":"PodList"}')
        [request] = server.requests
        assert request.target == f"{PODS}?labelSelector=app%3Dweb&limit=500"
        assert request.header("authorization") == "Bearer secret"
        assert request.header("host") == server.url.removeprefix("http://")
        assert request.header("accept") == "application/json"
        assert request.header("audit-id")


async def test_password_is_sent_as_basic_authentication(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, username="me", password="secret") as visit,
        doors.connected(door, visit) as client,
    ):
        await client.get("/version")
        assert server.requests[0].header("authorization") == f"Basic {base64.b64encode(b'me:secret').decode()}"


@pytest.mark.parametrize("prefix", ["/k8s/clusters/c-m-abc", "/k8s/clusters/c-m-abc/"])
async def test_path_prefix_of_the_server_is_kept(door: Door, prefix: str) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, f"{server.url}{prefix}") as visit,
        doors.connected(door, visit) as client,
    ):
        await client.get("/version")
        assert server.requests[0].target == "/k8s/clusters/c-m-abc/version"


async def test_headers_that_say_who_the_caller_is_are_not_passed_on(door: Door) -> None:
    smuggled = {
        "Authorization": "Bearer other",
        "X-Remote-User": "admin",
        "X-Forwarded-For": "1.2.3.4",
        "Audit-ID": "mine",
        "Cookie": "a=b",
        "Proxy-Authorization": "Basic x",
        "Sec-WebSocket-Protocol": "base64url.bearer.authorization.k8s.io.c2VjcmV0",
    }
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.ask("GET", PODS, headers=smuggled)
        names = {name for name, _ in server.requests[0].headers}
        assert names == {"host", "audit-id"}
        assert server.requests[0].header("audit-id") != "mine"


async def test_body_of_a_chunked_request_reaches_the_server_with_its_length(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
        doors.connected(door, visit) as client,
    ):
        headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
        answer = await client.send(
            client.request("POST", PODS, headers=headers) + b"5\r\n" + b'{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
        )
        assert answer.status == 200
        assert (server.requests[0].body, server.requests[0].header("content-length")) == (b'{"a":1}', "7")


async def test_second_request_uses_the_open_connection(door: Door) -> None:
    async with faulty_server.running(answers.responds()) as server:
        for _ in range(3):
            async with doors.visited(door, server.url, token="t") as visit, doors.connected(door, visit) as client:
                await client.get("/version")
                await client.get(PODS)
        assert len(server.connections) == 1


@pytest.mark.parametrize("access", [{"token": "other"}, {"principal": "other"}, {"tls_server_name": "other"}])
async def test_connection_is_not_shared_with_another_access(door: Door, access: dict[str, Any]) -> None:
    async with faulty_server.running(answers.responds()) as server:
        for given in ({}, access):
            async with (
                doors.visited(door, server.url, **{"token": "t", **given}) as visit,
                doors.connected(door, visit) as client,
            ):
                await client.get("/version")
        assert len(server.connections) == 2


async def test_answer_is_remembered_for_all_that_the_request_accepts(door: Door) -> None:
    both = {"Accept": "a/a\r\nAccept: b/b", "Accept-Encoding": "gzip\r\nAccept-Encoding: identity"}
    async with (
        faulty_server.running(answers.responds(headers={"ETag": '"x"'})) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        for headers in (both, {**both, "Accept": "a/a"}, {**both, "Accept-Encoding": "gzip"}, both):
            await client.ask("GET", "/apis", headers=headers)
        assert [request.header("if-none-match") for request in server.requests] == [None, None, None, '"x"']


async def test_connection_is_opened_in_advance(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        await doors.wait_until(lambda: len(server.connections) == 1)
        await client.get("/version")
        assert len(server.connections) == 1


async def test_only_known_headers_of_an_answer_reach_the_command(door: Door) -> None:
    headers = {"Set-Cookie": "a=b", "Warning": '299 - "old"', "ETag": '"x"', "X-Evil": "1", "Location": "/x"}
    async with (
        faulty_server.running(answers.responds(headers=headers)) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        answer = await client.get(PODS)
        assert answer.headers == {
            "content-type": "application/json",
            "warning": '299 - "old"',
            "etag": '"x"',
            "content-length": "2",
        }


async def test_client_that_expects_a_continue_gets_one(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
        doors.connected(door, visit) as client,
    ):
        whole = client.request("POST", PODS, body=b"{}", headers={"Expect": "100-continue"})
        client.writer.write(whole.removesuffix(b"{}"))
        assert await client.head() == (100, {})
        answer = await client.send(b"{}")
        assert (answer.status, server.requests[0].body) == (200, b"{}")
