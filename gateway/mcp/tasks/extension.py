"""The extension `io.modelcontextprotocol/tasks` of revision 2026-07-28: a call may be answered with a task handle.

A task is a job under another name, and its id is the job's, so any gateway serves it and nothing is stored for it. No
task ever asks for input. Extension: https://github.com/modelcontextprotocol/ext-tasks, specification/2026-07-28.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import HEADER_MISMATCH, METHOD_NOT_FOUND, MISSING_REQUIRED_CLIENT_CAPABILITY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from gateway.mcp import exchange, protocol_errors, tools
from gateway.mcp.exchange import Context, Exchange
from gateway.mcp.tasks import revision_2025_11_25, task_views
from gateway.mcp.tasks.task_views import TaskView
from shared.models import JobState

EXTENSION = "io.modelcontextprotocol/tasks"
WAIT_S = 5.0
"""Seconds after which a client that accepts tasks gets one. Most reads have ended by then, and no install has."""
Answer = Callable[[Exchange, str], Awaitable[dict[str, Any]]]


class UpdateTaskParams(types.GetTaskRequestParams):
    input_responses: dict[str, Any]


def is_declared(context: Context) -> bool:
    """Returns whether this request declares that its client accepts tasks. Only its own declaration counts."""
    capabilities = context.session.client_capabilities
    declared = capabilities.extensions if capabilities else None
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS and EXTENSION in (declared or {})


async def handed_over(context: Context, tool: str, result: types.CallToolResult) -> dict[str, Any] | None:
    """Returns the task of a command that continues after its call; None if no command continues."""
    content = result.structured_content or {}
    if tool not in tools.COMMANDS or "state" not in content or JobState(content["state"]).is_final:
        return None
    return {"resultType": "task", **_fields(await task_views.read(exchange.of(context), content["job_id"]))}


def install(server: Server[Any]) -> None:
    """Installs the handlers of tasks for both revisions."""
    server.extensions[EXTENSION] = {}
    core = revision_2025_11_25
    _serve(server, "tasks/get", modern=_get, core=core.get)
    _serve(server, "tasks/cancel", modern=_cancel, core=core.cancel)
    _serve(server, "tasks/update", modern=_update, params=UpdateTaskParams)
    _serve(server, "tasks/result", core=core.result)


def _serve(
    server: Server[Any],
    method: str,
    *,
    modern: Answer | None = None,
    core: Answer | None = None,
    params: type[types.GetTaskRequestParams] = types.GetTaskRequestParams,
) -> None:
    async def handle(context: Context, asked: types.GetTaskRequestParams) -> dict[str, Any]:
        is_modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
        answer = modern if is_modern else core if context.protocol_version == revision_2025_11_25.REVISION else None
        if answer is None:
            raise MCPError(METHOD_NOT_FOUND, "Method not found", method)
        if is_modern:
            _check(context, asked.task_id)
        with protocol_errors.answered():
            return await answer(exchange.of(context), asked.task_id)

    server.add_request_handler(method, params, handle)


def _check(context: Context, task_id: str) -> None:
    """Raises MCPError unless the extension is declared and the header that routes the request names the task."""
    if not is_declared(context):
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            f"Tasks are for clients that declare the extension {EXTENSION} in the request's capabilities.",
            {"requiredCapabilities": {"extensions": {EXTENSION: {}}}},
        )
    if context.request is None or decode_header_value(context.request.headers.get(MCP_NAME_HEADER)) != task_id:
        raise MCPError(HEADER_MISMATCH, f"The header {MCP_NAME_HEADER} must be the request's `taskId`.")


async def _get(request: Exchange, task_id: str) -> dict[str, Any]:
    view = await task_views.read(request, task_id)
    fields = _fields(view)
    if view.status == "completed":
        await request.parts.jobs.delivery.show(view.job)
        fields["result"] = view.result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return fields


async def _cancel(request: Exchange, task_id: str) -> dict[str, Any]:
    await request.parts.jobs.cancel(task_id, request.caller)
    return {}


async def _update(request: Exchange, task_id: str) -> dict[str, Any]:
    """Ignores the answers, as specified, because no task asks for input."""
    await request.parts.jobs.find(task_id, request.caller)
    return {}


def _fields(view: TaskView) -> dict[str, Any]:
    return {**view.fields(), "ttlMs": view.ttl_ms, "pollIntervalMs": view.poll_interval_ms}
