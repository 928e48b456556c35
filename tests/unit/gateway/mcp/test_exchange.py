"""Whether a result went out: told from what the server takes and says, as ASGI has it."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.types import Message

from gateway.mcp.exchange import Exchange
from shared.models import CommandClass, Job, JobId, JobLinks, JobState
from tests.unit.gateway import asgi

START: Message = {"type": "http.response.start", "status": 200}
PART: Message = {"type": "http.response.body", "body": b"a", "more_body": True}
REST: Message = {"type": "http.response.body", "body": b"b"}
GONE: Message = {"type": "http.disconnect"}
CALL = JobId("1" * 48)


def job() -> Job:
    links = JobLinks(self="/jobs/0", events="/jobs/0/events", output="/jobs/0/output")
    fields = {"id": JobId("0" * 48), "tool": "helm", "state": JobState.SUCCEEDED, "class": CommandClass.WRITE}
    return Job.model_validate({**fields, "created_at": "2026-01-01T00:00:00Z", "links": links})


@pytest.mark.parametrize(
    ("messages", "is_missed"),
    [
        ([START, PART, REST], False),
        ([START, PART, REST, GONE], False),
        ([START, PART, GONE, REST], True),
        ([START, PART, GONE], True),
        ([START, PART], True),
        ([], True),
    ],
    ids=["sent", "left afterwards", "sent to nobody", "left on the way", "cut short", "never begun"],
)
def test_result_is_missed_unless_its_end_was_taken_while_the_client_was_there(
    messages: list[Message], *, is_missed: bool
) -> None:
    missed: list[tuple[JobId, JobId]] = []
    sent: list[Message] = []
    jobs = SimpleNamespace(missed=lambda job_id, call: missed.append((job_id, call)))

    async def exchanged() -> None:
        async def receive() -> Message:
            return GONE

        async def send(message: Message) -> None:
            sent.append(message)

        exchange = Exchange(asgi.scope(jobs=jobs), receive, send)
        exchange.carries(job(), CALL)
        for message in messages:
            await (exchange.receive() if message is GONE else exchange.send(message))
        exchange.close()

    asyncio.run(exchanged())

    assert missed == ([(job().id, CALL)] if is_missed else [])
    assert sent == [message for message in messages if message is not GONE]
