"""Passes MCP messages unchanged between a client on streams and a gateway over HTTP.

It adds the user's fresh credentials to each call. It also hides a restart of the gateway from the client: a request
that was not sent is sent when the gateway is back, and a request that only reads is sent again. Any other request is
never sent twice; the client is told that its outcome is unknown.
"""

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Protocol

import anyio
from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse, RequestId

from cli.bridge import answers, call
from cli.bridge.call import ToolHints
from cli.bridge.client_process import ClientProcess
from cli.bridge.upstream import LostError, NotSentError, Upstream
from cli.errors import StartError
from cli.remote.call_headers import KUBECONFIG_HEADER, CallHeaders

PATIENCE_S = 45.0
"""Seconds to wait for a restart: a gateway restarts within seconds, and MCP clients stop waiting after a minute."""
FIRST_ANSWER_S = 3.0
"""Seconds to wait for a gateway that has never answered: its address is probably wrong."""
RETRY_DELAY_S = 0.5
END_WAIT_S = 60.0
"""Seconds after the end of input in which requests are still answered: a gateway answers a call within 45 s."""
END_POLL_S = 0.5
"""Seconds between two looks whether the client still reads."""

GatewayUrl = Callable[[], Awaitable[str]]
"""Returns the base URL for each try. A gateway on this machine may restart on another port. Raises `StartError`."""
Reading = AsyncIterable[SessionMessage | Exception]


class Writing(Protocol):
    """The SDK's stream to the client."""

    async def send(self, item: SessionMessage, /) -> None: ...


class Proxy:
    """Serves one client. Call `serve` only once."""

    def __init__(
        self, gateway_url: GatewayUrl, upstream: Upstream, credentials: CallHeaders, *, client: ClientProcess
    ) -> None:
        self._gateway_url = gateway_url
        self._upstream = upstream
        self._credentials = credentials
        self._client = client
        self._unanswered: dict[RequestId, str] = {}
        self._forwarded: set[RequestId] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[RequestId, asyncio.Task[None]] = {}
        self._hints: Mapping[str, ToolHints] = {}
        self._version: str | None = None
        self._has_answered = False

    async def serve(self, reading: Reading, writing: Writing) -> None:
        """Serves until the client closes its stream, then answers what it has received.

        Requests that are not answered within `END_WAIT_S`, or before the client stops reading, are cancelled.
        """
        async with asyncio.TaskGroup() as group:
            async for item in reading:
                if isinstance(item, Exception):
                    await writing.send(SessionMessage(answers.unreadable(item)))
                else:
                    self._take(item.message, group, writing)
            await self._finish()
            for task in self._tasks:
                task.cancel()

    def unanswered(self) -> str | None:
        """Returns what to tell the user about requests without an answer, or None if there are none."""
        return answers.unanswered(self._unanswered, self._forwarded) if self._unanswered else None

    async def _finish(self) -> None:
        deadline = time.monotonic() + END_WAIT_S
        while self._tasks and self._client.is_reading() and time.monotonic() < deadline:
            await asyncio.wait(self._tasks, timeout=END_POLL_S)

    def _take(self, message: JSONRPCMessage, group: asyncio.TaskGroup, writing: Writing) -> None:
        if isinstance(message, JSONRPCRequest):
            task = group.create_task(self._relay(message, writing), name=f"relay {message.method}")
            self._running[message.id] = task
            self._unanswered[message.id] = message.method
            task.add_done_callback(lambda ended: self._forget(message.id, ended))
        elif not self._is_consumed(message):
            task = group.create_task(self._pass_on(message), name="pass on a notification")
        else:
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, request_id: RequestId, ended: "asyncio.Task[None]") -> None:
        if self._running.get(request_id) is ended:
            del self._running[request_id]

    def _is_consumed(self, message: JSONRPCMessage) -> bool:
        """Cancels the request that the message names.

        Since revision 2026-07-28 the closed connection tells the gateway; before, the message is passed on too.
        """
        if not isinstance(message, JSONRPCNotification) or message.method != call.CANCELLED:
            return False
        request_id = cancelled_request_id_from_params(message.params)
        task = self._running.get(request_id) if request_id is not None else None
        if task is not None and request_id is not None:
            task.cancel()
            self._end(request_id)
        return self._version is None

    async def _pass_on(self, message: JSONRPCMessage) -> None:
        headers: dict[str, str] = {}
        if isinstance(message, JSONRPCNotification):
            headers = call.routing_headers(message, self._version)
        with suppress(StartError):
            await self._upstream.notify(await self._gateway_url(), message, headers)

    async def _relay(self, request: JSONRPCRequest, writing: Writing) -> None:
        tool = call.tool_call(request)
        failed_at_s: float | None = None
        while True:
            try:
                await self._exchange(request, tool, writing)
                return
            except StartError as error:
                problem, may_repeat = str(error), False
            except NotSentError:
                self._forwarded.discard(request.id)
                problem, may_repeat = answers.UNREACHED, True
            except LostError:
                problem, may_repeat = answers.LOST, self._is_repeatable(request, tool)
            failed_at_s = failed_at_s or time.monotonic()
            patience_s = PATIENCE_S if self._has_answered else FIRST_ANSWER_S
            if not may_repeat or time.monotonic() - failed_at_s > patience_s:
                await self._answer(writing, answers.failure(request, problem), request)
                return
            self._client.tell_silence(f"{answers.SILENT}: trying again for {patience_s:.0f} s")
            await asyncio.sleep(RETRY_DELAY_S)

    async def _exchange(self, request: JSONRPCRequest, tool: call.ToolCall | None, writing: Writing) -> None:
        headers = await self._headers(request, tool)
        has_kubeconfig = KUBECONFIG_HEADER in headers
        url = await self._gateway_url()
        self._forwarded.add(request.id)
        async with aclosing(self._upstream.ask(url, request, headers)) as messages:
            async for message in messages:
                self._learn(request, message)
                if hasattr(message, "method"):
                    await _send(writing, message)
                else:
                    own = message if has_kubeconfig else answers.naming_own_options(message)
                    await self._answer(writing, own, request)

    async def _answer(self, writing: Writing, answer: JSONRPCMessage, request: JSONRPCRequest) -> None:
        await _send(writing, answer)
        self._end(request.id)

    def _end(self, request_id: RequestId) -> None:
        self._unanswered.pop(request_id, None)
        self._forwarded.discard(request_id)

    async def _headers(self, request: JSONRPCRequest, tool: call.ToolCall | None) -> dict[str, str]:
        routing = call.routing_headers(request, self._version)
        if request.method in call.WITHOUT_CLUSTER:
            return routing
        try:
            return {**routing, **await self._credentials.make(tool.context if tool else None)}
        except StartError:
            if tool is not None and self._hints.get(tool.name, ToolHints()).reaches_cluster:
                raise
            return routing  # job tools work without the cluster's credentials

    def _is_repeatable(self, request: JSONRPCRequest, tool: call.ToolCall | None) -> bool:
        if tool is None:
            return request.method not in call.CHANGING
        return tool.is_harmless or self._hints.get(tool.name, ToolHints()).is_read_only

    def _learn(self, request: JSONRPCRequest, message: JSONRPCMessage) -> None:
        self._has_answered = True
        self._client.end_silence()
        if not isinstance(message, JSONRPCResponse):
            return
        if request.method == call.LIST_TOOLS:
            self._hints = {**self._hints, **call.hints_in(message.result)}
        elif request.method == call.INITIALIZE:
            version = message.result.get("protocolVersion")
            self._version = version if isinstance(version, str) else None


async def _send(writing: Writing, message: JSONRPCMessage) -> None:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the client is gone
        await writing.send(SessionMessage(message))
