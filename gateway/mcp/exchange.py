"""Checks whether an answer was sent before its client disconnected. If not, the results in it count as missed.

A result is recorded as delivered just before it is sent, so that a client that acts on it finds that state; this module
takes the record back. A client that has stopped reading, with its connection open, cannot be recognized.
"""

from typing import Any

from mcp.server.context import ServerRequestContext
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from gateway import parts
from gateway.auth import callers
from gateway.jobs.delivery import Recipient

Context = ServerRequestContext[Any, Any]

KEY = "mcp_k8s.exchange"
"""Key of the exchange in the ASGI scope, which the handlers get with their request."""


class Exchange:
    """One request and its answer, between the server and the SDK."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.parts = parts.of(scope)
        self.caller = callers.of(scope)
        self.headers = Headers(scope=scope)
        self.scope: Scope = {**scope, KEY: self}
        self._receive = receive
        self._send = send
        self._carried: list[Recipient] = []
        self._is_open = True
        self._is_answered = False

    def carries(self, recipient: Recipient) -> None:
        """Notes that the answer contains the result for that call."""
        self._carried.append(recipient)

    async def receive(self) -> Message:
        message = await self._receive()
        self._is_open = self._is_open and message["type"] != "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._is_answered = self._is_open

    def close(self) -> None:
        """Records the results of an answer that was not sent completely as missed."""
        if not self._is_answered:
            for recipient in self._carried:
                recipient.miss()


def of(context: Context) -> Exchange:
    """Returns the exchange that a handler answers."""
    if context.request is None:
        raise RuntimeError("a call came without a request")
    exchange: Exchange = context.request.scope[KEY]
    return exchange
