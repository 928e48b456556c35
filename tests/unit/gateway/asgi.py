"""An ASGI server of a few lines, for middleware that must be seen with requests that no client library sends."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from opentelemetry.trace import NoOpTracer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")


def scope(headers: Iterable[Header] = (), **parts: Any) -> Scope:
    """A POST to an app with these parts."""
    app = SimpleNamespace(state=SimpleNamespace(parts=SimpleNamespace(tracer=NoOpTracer(), **parts)))
    return {"type": "http", "method": "POST", "path": "/", "headers": list(headers), "app": app}


def chunks(*parts: bytes) -> list[Message]:
    """A body in these parts."""
    last = len(parts) - 1
    return [{"type": "http.request", "body": part, "more_body": at < last} for at, part in enumerate(parts)]


async def send(app: ASGIApp, request: Scope, receive: Receive) -> Answer:
    answer = Answer()
    await app(request, receive, answer.take)
    return answer


@dataclass
class Recorder:
    """An app that keeps what it receives, up to the disconnect, and answers 204."""

    messages: list[Message] = field(default_factory=list)

    async def __call__(self, _: Scope, receive: Receive, send_message: Send) -> None:
        while not self.messages or self.messages[-1]["type"] != "http.disconnect":
            self.messages.append(await receive())
        await send_message({"type": "http.response.start", "status": 204, "headers": []})
        await send_message({"type": "http.response.body", "body": b""})
