"""What a request may weigh, as the middleware sees it: whatever a client claims, what arrives is counted."""

import asyncio
import json
from collections.abc import Iterable
from types import SimpleNamespace

import pytest
from starlette.types import Message, Receive

from gateway.http.request_limits import RequestLimits
from tests.unit.gateway import asgi
from tests.unit.gateway.asgi import Answer, Header, Recorder

MAX_BODY_BYTES = 1_000
MAX_HEADER_BYTES = 500
LONG_S = 50.0


def stream(messages: Iterable[Message]) -> Receive:
    """Gives the messages, then that the client has gone."""
    left = iter(messages)

    async def receive() -> Message:
        return next(left, {"type": "http.disconnect"})

    return receive


async def request(
    app: Recorder, receive: Receive, *, headers: Iterable[Header] = (), body_timeout_s: float = LONG_S
) -> Answer:
    settings = SimpleNamespace(
        max_body_bytes=MAX_BODY_BYTES, max_header_bytes=MAX_HEADER_BYTES, body_timeout_s=body_timeout_s
    )
    return await asgi.send(RequestLimits(app), asgi.scope(headers, settings=settings), receive)


def code(answer: Answer) -> str:
    kind: str = json.loads(answer.body)["type"]
    return kind.rpartition(":")[2]


async def test_body_in_chunks_reaches_the_app_as_a_whole() -> None:
    app = Recorder()
    answer = await request(app, stream(asgi.chunks(b"one ", b"", b"two")))
    assert answer.status == 204
    assert [message.get("body") for message in app.messages] == [b"one two", None]


@pytest.mark.parametrize("parts", [[], [b"half"]], ids=["before the body", "in the middle of it"])
async def test_half_a_body_is_no_request(parts: list[bytes]) -> None:
    app = Recorder()
    half: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    answer = await request(app, stream(half))
    assert (answer.status, app.messages) == (0, [])


async def test_disconnect_reaches_the_app_after_the_body() -> None:
    app = Recorder()
    await request(app, stream(asgi.chunks(b"all")))
    assert [message["type"] for message in app.messages] == ["http.request", "http.disconnect"]


async def test_body_at_the_limit_is_taken() -> None:
    assert (await request(Recorder(), stream(asgi.chunks(b"x" * MAX_BODY_BYTES)))).status == 204


@pytest.mark.parametrize(
    ("headers", "parts"),
    [
        pytest.param([], [b"x" * (MAX_BODY_BYTES + 1)], id="no length given"),
        pytest.param([], [b"x" * 400] * 3, id="chunks that are small each"),
        pytest.param([(b"content-length", b"5")], [b"x" * (MAX_BODY_BYTES + 1)], id="length that lies"),
        pytest.param([(b"content-length", b"-5")], [b"x" * (MAX_BODY_BYTES + 1)], id="negative length"),
        pytest.param([(b"content-length", b"five")], [b"x" * (MAX_BODY_BYTES + 1)], id="length that is not a number"),
    ],
)
async def test_body_over_the_limit_never_reaches_the_app(headers: list[Header], parts: list[bytes]) -> None:
    app = Recorder()
    answer = await request(app, stream(asgi.chunks(*parts)), headers=headers)
    assert (answer.status, code(answer)) == (413, "body-too-large")
    assert not app.messages


@pytest.mark.parametrize("length", [b"1001", b"99999999999999999999999999"])
async def test_body_that_says_it_is_too_large_is_not_read(length: bytes) -> None:
    async def receive() -> Message:
        raise AssertionError("the body was read")

    answer = await request(Recorder(), receive, headers=[(b"content-length", length)])
    assert (answer.status, code(answer)) == (413, "body-too-large")


async def test_endless_body_is_read_up_to_the_limit_and_no_further() -> None:
    read = 0

    async def receive() -> Message:
        nonlocal read
        read += 100
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    assert (await request(Recorder(), receive)).status == 413
    assert read == MAX_BODY_BYTES + 100


async def test_body_that_does_not_end_in_time_is_given_up() -> None:
    parts = iter(asgi.chunks(b"begin", b"never")[:1])

    async def receive() -> Message:
        message = next(parts, None)
        return message if message is not None else await asyncio.Event().wait()  # type: ignore[return-value]

    app = Recorder()
    answer = await request(app, receive, body_timeout_s=0.01)
    assert (answer.status, code(answer)) == (408, "body-timeout")
    assert answer.headers[b"connection"] == b"close"
    assert not app.messages


async def test_app_may_take_longer_than_a_body_may() -> None:
    class Slow(Recorder):
        async def __call__(self, *arguments: object) -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await asyncio.Event().wait()
            await super().__call__(*arguments)  # type: ignore[arg-type]

    assert (await request(Slow(), stream(asgi.chunks(b"all")), body_timeout_s=0.01)).status == 204


async def test_headers_at_the_limit_are_taken() -> None:
    headers = [(b"a", b"x" * 249), (b"b", b"x" * 249)]
    assert (await request(Recorder(), stream(asgi.chunks(b"")), headers=headers)).status == 204


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"x-kubeconfig", b"x" * MAX_HEADER_BYTES)], id="one long header"),
        pytest.param([(b"a", b"x" * 249), (b"b", b"x" * 250)], id="two that are too long together"),
        pytest.param([(b"h%d" % number, b"") for number in range(200)], id="many that hold nothing"),
        pytest.param([(b"x" * (MAX_HEADER_BYTES + 1), b"")], id="long name"),
    ],
)
async def test_headers_over_the_limit_are_refused_with_the_field_to_use(headers: list[Header]) -> None:
    app = Recorder()
    answer = await request(app, stream(asgi.chunks(b"")), headers=headers)
    assert (answer.status, code(answer)) == (431, "headers-too-large")
    assert "`kubeconfig`" in json.loads(answer.body)["detail"]
    assert not app.messages
