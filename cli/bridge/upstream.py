"""Sends a JSON-RPC message to a gateway's `/mcp` over Streamable HTTP and yields the answers.

Each message has its own connection, so that a failed connect differs from a broken connection: after a failed connect
any message may be sent again.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import httpx2
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, jsonrpc_message_adapter
from pydantic import ValidationError

from cli.bridge import answers

PATH = "/mcp"
CONNECT_TIMEOUT_S = 10.0
SILENCE_S = 60.0
"""Seconds without data after which an answer counts as lost: a gateway sends something at least every 15 s."""
MAX_ANSWER_BYTES = 32 * 1024 * 1024
AWAY = frozenset({502, 503, 504})
"""Statuses that a proxy sends while the gateway restarts. The gateway's own errors are problems (RFC 9457)."""
PROBLEM = "application/problem+json"
CONTENT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


class NotSentError(Exception):
    """The message did not reach a gateway, so it had no effect."""


class LostError(Exception):
    """The answer did not come, so the outcome of the message is unknown."""


class Upstream:
    """An HTTP client for all gateways."""

    def __init__(self) -> None:
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(SILENCE_S, connect=CONNECT_TIMEOUT_S, pool=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def notify(self, url: str, message: JSONRPCMessage, headers: Mapping[str, str]) -> None:
        """Sends a message that has no answer. A notification that cannot be delivered is dropped."""
        try:
            await self._client.post(url + PATH, content=_json(message), headers={**CONTENT, **headers})
        except httpx2.TransportError:
            return

    async def ask(
        self, url: str, request: JSONRPCRequest, headers: Mapping[str, str]
    ) -> AsyncGenerator[JSONRPCMessage, None]:
        """Yields the messages for the request, its answer last. Raises `NotSentError`, `LostError`."""
        answered = False
        try:
            async with self._client.stream(
                "POST", url + PATH, content=_json(request), headers={**CONTENT, **headers}
            ) as response:
                kind = response.headers.get("content-type", "")
                if response.status_code in AWAY and not kind.startswith(PROBLEM):
                    raise LostError
                if kind.startswith("text/event-stream"):
                    async for message in _events(response):
                        answered = not hasattr(message, "method")
                        yield message
                        if answered:
                            return
                else:
                    answered = True
                    yield _whole(request, response.status_code, await response.aread())
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise NotSentError from error
        except (httpx2.TransportError, httpx2.StreamError, httpx2.SSEError) as error:
            raise LostError from error
        if not answered:
            raise LostError


async def _events(response: httpx2.Response) -> AsyncIterator[JSONRPCMessage]:
    async for event in httpx2.EventSource(response, max_event_size=MAX_ANSWER_BYTES):
        if event.event == "message" and event.data:
            try:
                yield jsonrpc_message_adapter.validate_json(event.data, by_name=False)
            except ValidationError:
                continue


def _whole(request: JSONRPCRequest, status: int, body: bytes) -> JSONRPCMessage:
    try:
        message = jsonrpc_message_adapter.validate_json(body, by_name=False)
    except ValidationError:
        return answers.failure(request, answers.refusal(status, body))
    if isinstance(message, JSONRPCError):
        message.id = request.id  # null if it was refused before its id was read
    return message


def _json(message: JSONRPCMessage) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()
