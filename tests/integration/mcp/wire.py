"""MCP as it goes over the wire, for what no client library would send."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

TASKS = "io.modelcontextprotocol/tasks"
MODERN = "2026-07-28"
CORE_TASKS = "2025-11-25"
NAMES = {"tools/call": "name", "tasks/get": "taskId", "tasks/cancel": "taskId", "tasks/update": "taskId"}
"""What the header Mcp-Name repeats of a request's parameters."""


@dataclass(frozen=True)
class Message:
    """What came back: the HTTP status, and the JSON-RPC message if there was one."""

    status: int
    body: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        assert "result" in self.body, self
        found: dict[str, Any] = self.body["result"]
        return found

    @property
    def error(self) -> dict[str, Any]:
        assert "error" in self.body, self
        found: dict[str, Any] = self.body["error"]
        return found

    @property
    def code(self) -> int:
        found: int = self.error["code"]
        return found


def headers(revision: str, **extra: str) -> dict[str, str]:
    """Those of any request; extra ones with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in extra.items()}
    return {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": revision, **named}


def meta(*extensions: str, revision: str = MODERN) -> dict[str, Any]:
    """What each request of revision 2026-07-28 says of its client."""
    return {
        "io.modelcontextprotocol/protocolVersion": revision,
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {name: {} for name in extensions}},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }


def request(method: str, params: Mapping[str, Any] | None = None, *, request_id: Any = 1) -> dict[str, Any]:
    """A JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": dict(params or {})}


async def post(client: httpx.AsyncClient, content: Any, sent: Mapping[str, str]) -> Message:
    """Sends bytes as they are, and anything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = await client.post("/mcp", content=body, headers={"Content-Type": "application/json", **sent})
    return Message(answer.status_code, _message(answer))


async def ask_modern(
    client: httpx.AsyncClient, method: str, params: Mapping[str, Any] | None = None, *, extensions: tuple[str, ...] = ()
) -> Message:
    """A proper request of revision 2026-07-28."""
    sent = headers(MODERN, Mcp_Method=method)
    if method in NAMES:
        sent["Mcp-Name"] = (params or {})[NAMES[method]]
    return await post(client, request(method, {"_meta": meta(*extensions), **(params or {})}), sent)


async def ask_core(client: httpx.AsyncClient, method: str, params: Mapping[str, Any] | None = None) -> Message:
    """A proper request of revision 2025-11-25."""
    return await post(client, request(method, params), headers(CORE_TASKS))


def _message(answer: httpx.Response) -> dict[str, Any]:
    """The only message of the body, or the last of its event stream."""
    if not answer.content:
        return {}
    if answer.headers["Content-Type"].startswith("text/event-stream"):
        lines = [line for line in answer.text.splitlines() if line.startswith("data:")]
        found: dict[str, Any] = json.loads(lines[-1].removeprefix("data:"))
        return found
    body = answer.json()
    assert isinstance(body, dict)
    return body
