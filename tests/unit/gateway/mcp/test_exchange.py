"""Whether a result went out: told from what the server takes and says, as ASGI has it."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from starlette.types import Message

from gateway.jobs.delivery import Recipient
from gateway.mcp.exchange import Exchange
from tests.unit.gateway import asgi

START: Message = {"type": "http.response.start", "status": 200}
PART: Message = {"type": "http.response.body", "body": b"a", "more_body": True}
REST: Message = {"type": "http.response.body", "body": b"b"}
GONE: Message = {"type": "http.disconnect"}


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
    missed: list[bool] = []
    sent: list[Message] = []
    recipient = SimpleNamespace(miss=lambda: missed.append(True))

    async def exchanged() -> None:
        async def receive() -> Message:
            return GONE

        async def send(message: Message) -> None:
            sent.append(message)

        exchange = Exchange(asgi.scope(), receive, send)
        exchange.carries(cast("Recipient", recipient))
        for message in messages:
            await (exchange.receive() if message is GONE else exchange.send(message))
        exchange.close()

    asyncio.run(exchanged())

    assert missed == ([True] if is_missed else [])
    assert sent == [message for message in messages if message is not GONE]
