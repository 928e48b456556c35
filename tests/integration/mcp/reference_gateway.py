"""The gateway, with the names that the conformance suite calls tools by: each is a command of the stub.

The suite is written against a reference server whose tools take so long, or fail. Those names are put in front of the
tools of this gateway, which are called as any client calls them. Only `greet` has an answer of its own: it is the tool
that never is a task.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from shared.tools import registry
from tests.support import stub

Context = ServerRequestContext[Any, Any]

COMMANDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "slow_compute": lambda arguments: f"read sleep {arguments['seconds']}",
    "failing_job": lambda _: "read fail 3",
    "confirm_delete": lambda _: "read ok",
    "test_simple_text": lambda _: "read ok",
    "test_streaming_elicitation": lambda _: "read ok",
    "test_logging_tool": lambda _: "read ok",
    "test_error_handling": lambda _: "read fail 3",
}


async def _with_reference_tools(ctx: Context, call_next: CallNext) -> HandlerResult:
    params = dict(ctx.params or {})
    name, arguments = str(params.get("name")), params.get("arguments") or {}
    if ctx.method == "tools/call" and name == "greet":
        text = {"type": "text", "text": f"Hello, {arguments['name']}!"}
        return {"content": [text], "isError": False, "resultType": "complete"}
    if ctx.method == "tools/call" and name in COMMANDS:
        params |= {"name": stub.STUB.name, "arguments": {"command": COMMANDS[name](arguments)}}
        return await call_next(replace(ctx, params=params))
    result = await call_next(ctx)
    if ctx.method == "tools/list" and isinstance(result, dict):
        schema = {"type": "object"}
        named = [{"name": each, "description": each, "inputSchema": schema} for each in ("greet", *COMMANDS)]
        return {**result, "tools": [*result["tools"], *named]}
    return result


def main() -> None:
    """Serves as `gateway.main` does."""
    registry.register(stub.STUB)
    # Their modules read the registry when they are imported.
    from gateway import app  # noqa: PLC0415
    from gateway import main as gateway_main  # noqa: PLC0415
    from gateway.mcp.server import McpServer  # noqa: PLC0415

    class ReferenceServer(McpServer):
        def setup_server(self) -> None:
            super().setup_server()
            self.server.middleware.append(_with_reference_tools)

    with patch.object(app, "McpServer", ReferenceServer):
        gateway_main.main()


if __name__ == "__main__":
    main()
