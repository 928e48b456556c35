"""Questions of the worker, which the door asks with a command's credential."""

import pytest

from tests.support import door as doors
from tests.support import faulty_server
from tests.support.door import Notes
from tests.support.faulty_server import answers
from worker.door.client.client import Answer, Door, DoorGoneError

pytestmark = pytest.mark.asyncio(loop_scope="module")

PODS = "/api/v1/namespaces/default/pods?labelSelector=app%3Dweb"


async def test_question_is_asked_with_the_credential(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds(b'{"items":[]}')) as server,
        doors.visited(door, f"{server.url}/prefix", token="t") as visit,
    ):
        assert await visit.ask(PODS) == Answer(200, b'{"items":[]}')
        [request] = server.requests
        assert (request.method, request.target) == ("GET", f"/prefix{PODS}")
        assert (request.header("authorization"), request.header("accept")) == ("Bearer t", "application/json")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/default/pods/web/exec?command=sh",
        "/api/v1/namespaces/default/services/web/proxy/x",
        "/api/v1/pods?watch=true",
        "/api//v1/pods",
        "api/v1/pods",
        "/api/v1/pods\u00e4",
        "/debug/pprof",
    ],
)
async def test_what_is_not_a_read_is_not_asked(door: Door, path: str) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
    ):
        assert await visit.ask(path) is None
        assert not server.requests


@pytest.mark.parametrize(
    "answer",
    [answers.resets(), answers.sends_much(5 << 20), answers.breaks_a_chunk()],
    ids=["resets", "too-long", "breaks"],
)
async def test_answer_that_breaks_or_is_too_long_is_none(door: Door, answer: faulty_server.Answer) -> None:
    async with faulty_server.running(answer) as server, doors.visited(door, server.url) as visit:
        assert await visit.ask(PODS) is None


async def test_error_of_the_server_is_an_answer(door: Door) -> None:
    async with (
        faulty_server.running(answers.refuses(403, "Forbidden")) as server,
        doors.visited(door, server.url) as visit,
    ):
        answer = await visit.ask(PODS)
        assert answer is not None
        assert answer.status == 403


async def test_door_that_dies_is_told() -> None:
    async with (
        faulty_server.running(answers.stalls()) as server,
        doors.running() as door,
        doors.visited(door, server.url) as visit,
    ):
        door.kill()
        with pytest.raises(DoorGoneError):
            await visit.ask(PODS)


async def test_question_of_any_length_leaves_the_link_open(door: Door) -> None:
    """Servers choose selectors, and callers choose kinds."""
    kinds = ("x" * 1_000_000,)
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, kinds=kinds) as visit,
    ):
        assert await visit.ask("/" + "x" * 1_000_000) is None
        assert await visit.ask("/version") is not None
