"""Servers that fail. The command learns about its own server, in Kubernetes' and Go's words."""

import asyncio
import json
import re
from typing import Any

import pytest

from shared.tools.failure_hints import CLUSTER, find
from tests.support import door as doors
from tests.support import faulty_server
from tests.support.door import Answered, Notes
from tests.support.egress import Names, dialer
from tests.support.faulty_server import answers
from worker.door.client.client import Door

pytestmark = pytest.mark.asyncio(loop_scope="module")

PODS = "/api/v1/namespaces/default/pods"
BROKEN = {
    "bad-chunk": answers.breaks_a_chunk(),
    "reset-in-body": answers.resets(answers.CHUNKED_HEAD + answers.chunk(b"{")),
    "cut-chunks": answers.closes(answers.CHUNKED_HEAD + answers.chunk(b"{")),
    "cut-length": answers.closes(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"),
}
UNREADABLE = {
    "no-http": answers.says(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "chunks-and-length": answers.says(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    "two-lengths": answers.says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "uninvited-upgrade": answers.upgrades("websocket"),
    "endless-head": answers.says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (2 << 20)),
}


def message(answer: Answered) -> str:
    status = json.loads(answer.body)
    assert (status["kind"], status["reason"], answer.status) == ("Status", "ServiceUnavailable", 503)
    assert "retry-after" not in answer.headers
    return str(status["message"])


async def answered(door: Door, server: str, path: str = PODS, **access: Any) -> Answered:
    async with doors.visited(door, server, **access) as visit, doors.connected(door, visit) as client:
        return await client.get(path)


async def test_refused_connection_names_the_server(door: Door) -> None:
    async with faulty_server.running(answers.responds()) as server:
        pass
    said = message(await answered(door, server.url))
    place = server.url.removeprefix("http://")
    assert said == f"the server {server.url} cannot be reached: dial tcp {place}: connect: connection refused"
    assert find(CLUSTER, said)


async def test_unknown_name_is_told() -> None:
    async with doors.running(dialer(Names({"nowhere.example": [[]]}))) as door:
        said = message(await answered(door, "https://nowhere.example:6443"))
    assert "lookup nowhere.example: no such host" in said
    assert find(CLUSTER, said)


async def test_address_that_the_operator_denies_is_told() -> None:
    async with doors.running(dialer(deny="127.0.0.0/8")) as door, faulty_server.running(answers.responds()) as server:
        said = message(await answered(door, server.url))
        assert "not allowed by ruleset" in said
        assert not server.connections


@pytest.mark.parametrize("name", BROKEN)
async def test_answer_that_breaks_in_the_middle_breaks_for_the_command_too(door: Door, name: str) -> None:
    async with faulty_server.running(BROKEN[name]) as server:
        answer = await answered(door, server.url)
        assert (answer.status, answer.is_whole) == (200, False)


@pytest.mark.parametrize("name", UNREADABLE)
async def test_answer_that_is_not_http_is_told(door: Door, name: str) -> None:
    async with faulty_server.running(UNREADABLE[name]) as server:
        assert "malformed HTTP response" in message(await answered(door, server.url))


@pytest.mark.parametrize("answer", [answers.closes(), answers.resets()], ids=["closes", "resets"])
async def test_server_that_never_answers_a_new_connection_is_told(door: Door, answer: faulty_server.Answer) -> None:
    async with faulty_server.running(answer) as server:
        said = message(await answered(door, server.url))
        assert re.search(r"EOF|connection reset by peer", said)


async def test_read_on_a_connection_that_was_closed_meanwhile_is_sent_once_more(door: Door) -> None:
    script = answers.in_turn(answers.responds(), answers.closes(), answers.responds(b'"again"'))
    async with (
        faulty_server.running(script) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.get(PODS)
        assert (await client.get(PODS)).body == b'"again"'
        assert [request.connection for request in server.requests] == [1, 1, 2]


async def test_change_is_never_sent_twice(door: Door) -> None:
    notes = Notes()
    script = answers.in_turn(answers.responds(), answers.closes())
    async with (
        faulty_server.running(script) as server,
        doors.visited(door, server.url, notary=notes) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.get(PODS)
        assert message(await client.ask("DELETE", f"{PODS}/web"))
        assert [request.method for request in server.requests] == ["GET", "DELETE"]
        assert len(notes.intended) == 1
        assert not notes.completed  # nobody knows


async def test_slow_answer_arrives_whole(door: Door) -> None:
    body = b'{"kind":"PodList"}'
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with faulty_server.running(answers.drips(raw)) as server:
        assert (await answered(door, server.url)).body == body


async def test_answer_of_http_1_0_ends_with_its_connection(door: Door) -> None:
    async with faulty_server.running(answers.speaks_http_1_0(b'"old"')) as server:
        async with doors.visited(door, server.url) as visit, doors.connected(door, visit) as client:
            assert (await client.get(PODS)).body == b'"old"'
            assert (await client.get(PODS)).body == b'"old"'
        assert len(server.connections) == 2


async def test_informational_answers_are_skipped(door: Door) -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
    async with faulty_server.running(answers.says(raw + b"Content-Length: 2\r\n\r\n{}")) as server:
        answer = await answered(door, server.url)
        assert (answer.status, answer.body) == (200, b"{}")


async def test_more_than_was_asked_for_ends_the_connection(door: Door) -> None:
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" * 2
    async with faulty_server.running(answers.says(twice)) as server:
        async with doors.visited(door, server.url) as visit, doors.connected(door, visit) as client:
            assert [(await client.get(PODS)).body for _ in range(2)] == [b"{}", b"{}"]
        assert len(server.connections) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_passed_on(door: Door, status: int) -> None:
    async with faulty_server.running(answers.redirects("http://169.254.169.254/", status=status)) as server:
        answer = await answered(door, server.url)
        assert answer.status == 502
        assert "location" not in answer.headers
        assert json.loads(answer.body)["message"].startswith(f"the server {server.url} redirects")


@pytest.mark.parametrize(("status", "reason"), [(401, "Unauthorized"), (403, "Forbidden"), (429, "TooManyRequests")])
async def test_refusals_of_the_server_pass_unchanged(door: Door, status: int, reason: str) -> None:
    async with faulty_server.running(answers.refuses(status, reason, retry_after_s=7, message="why")) as server:
        answer = await answered(door, server.url)
        assert (answer.status, answer.headers["retry-after"]) == (status, "7")
        assert json.loads(answer.body)["message"] == "why"


async def test_command_that_leaves_ends_the_request_at_the_server(door: Door) -> None:
    async with faulty_server.running(answers.stalls()) as server, doors.visited(door, server.url) as visit:
        async with doors.connected(door, visit) as client:
            client.writer.write(client.request("GET", PODS))
            await doors.wait_until(lambda: server.requests)
        await doors.wait_until(lambda: server.open_connections == 0)


async def test_stalled_server_does_not_delay_others(door: Door) -> None:
    async with (
        faulty_server.running(answers.stalls()) as stalled,
        faulty_server.running(answers.responds()) as good,
        doors.visited(door, stalled.url) as first,
        doors.visited(door, good.url) as second,
        doors.connected(door, first) as waiting,
    ):
        waiting.writer.write(waiting.request("GET", PODS))
        await doors.wait_until(lambda: stalled.requests)
        async with asyncio.timeout(doors.LIMIT_S), doors.connected(door, second) as client:
            assert (await client.get(PODS)).status == 200
