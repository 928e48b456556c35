"""What the door refuses to read. None of it reaches the API server, and the connection ends."""

import json

import pytest

from tests.support import door as doors
from tests.support import faulty_server, smuggling
from tests.support.door import Answered, Notes
from tests.support.faulty_server import answers
from worker.door.client.client import Door, Visit

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def refused(door: Door, visit: Visit, raw: bytes) -> Answered:
    host = f"127.0.0.1:{door.port}".encode()
    own = raw.replace(smuggling.HOST.encode(), host).replace(
        smuggling.PASS.encode(), visit.address.access.pass_.encode()
    )
    async with doors.connected(door, visit) as client:
        answer = await client.send(own)
        assert await client.is_ended()
    return answer


async def test_no_ambiguous_request_reaches_the_server(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, notary=Notes()) as visit,
    ):
        found = {name: (await refused(door, visit, raw)).status for name, (_, raw) in smuggling.REFUSED.items()}
        assert found == {name: status for name, (status, _) in smuggling.REFUSED.items()}
        assert not server.requests


async def test_refusal_is_a_status_that_says_why(door: Door) -> None:
    async with faulty_server.running(answers.responds()) as server, doors.visited(door, server.url) as visit:
        answer = await refused(door, visit, smuggling.REFUSED["foreign-host"][1])
        status = json.loads(answer.body)
        assert (status["kind"], status["reason"], status["code"]) == ("Status", "BadRequest", 400)
        assert status["message"] == "the request was refused: its Host is not the door's"


async def test_second_request_before_the_answer_breaks_the_connection(door: Door) -> None:
    async with (
        faulty_server.running(answers.stalls()) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        client.writer.write(client.request("GET", "/version"))
        await doors.wait_until(lambda: server.requests)
        client.writer.write(client.request("GET", "/version"))
        assert await client.is_ended()
        assert len(server.requests) == 1
