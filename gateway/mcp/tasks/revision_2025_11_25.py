"""Tasks of revision 2025-11-25, which has them in its core: a client asks for a task in each call.

The SDK does not serve them, so a middleware handles these calls. `tasks/list` is not offered, because only a job's id
gives access to it. https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks
"""

from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND

from gateway.mcp import calls, exchange, protocol_errors, tools
from gateway.mcp.exchange import Context, Exchange
from gateway.mcp.tasks import task_views
from gateway.mcp.tasks.task_views import TaskView
from shared.errors import ErrorCode, UnavailableError

REVISION = "2025-11-25"
CAPABILITY: dict[str, Any] = {"cancel": {}, "requests": {"tools": {"call": {}}}}
RELATED_TASK = "io.modelcontextprotocol/related-task"


async def core_tasks(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Answers calls that ask for a task, as middleware of the SDK's server."""
    if ctx.method == "initialize":
        return _with_capability(await call_next(ctx))
    asks_for_task = ctx.method == "tools/call" and (ctx.params or {}).get("task") is not None
    if ctx.protocol_version != REVISION or not asks_for_task:
        return await call_next(ctx)
    params = types.CallToolRequestParams.model_validate(ctx.params, by_name=False)
    if params.name not in tools.COMMANDS:
        raise MCPError(METHOD_NOT_FOUND, f"The tool {params.name} does not run as a task: call it without `task`.")
    with protocol_errors.answered():
        started = await calls.call(ctx, params.name, params.arguments or {}, wait_s=0, delivers=False)
        job_id: str = (started.structured_content or {})["job_id"]
        return {"task": _fields(await task_views.read(exchange.of(ctx), job_id))}


def offered(tool: types.Tool) -> types.Tool:
    """Returns the tool, marked if it may run as a task."""
    if tool.name not in tools.COMMANDS:
        return tool
    return tool.model_copy(update={"execution": types.ToolExecution(task_support="optional")})


async def get(request: Exchange, task_id: str) -> dict[str, Any]:
    """Answers `tasks/get`."""
    return _fields(await task_views.read(request, task_id))


async def cancel(request: Exchange, task_id: str) -> dict[str, Any]:
    """Answers `tasks/cancel` after the task has ended. A task that had ended before cannot be cancelled."""
    jobs = request.parts.jobs
    if (await jobs.read(task_id, request.caller)).state.is_final:
        raise MCPError(INVALID_PARAMS, "The task has already ended.")
    await jobs.cancel(task_id, request.caller)
    return _fields(await task_views.read(request, task_id, wait_s=request.parts.settings.max_wait_s))


async def result(request: Exchange, task_id: str) -> dict[str, Any]:
    """Answers `tasks/result` when the task has ended."""
    jobs, settings = request.parts.jobs, request.parts.settings
    while (view := await task_views.read(request, task_id, wait_s=settings.max_wait_s)).status == "working":
        if jobs.waiters.is_draining:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN, "This gateway is shutting down; send the request again.")
    await jobs.delivery.show(view.job)
    related = {RELATED_TASK: {"taskId": task_id}}
    return {**view.result.model_dump(by_alias=True, mode="json", exclude_none=True), "_meta": related}


def _with_capability(answer: HandlerResult) -> HandlerResult:
    """Adds the capability `tasks` to an initialize result of this revision."""
    if not isinstance(answer, dict) or answer.get("protocolVersion") != REVISION:
        return answer
    return {**answer, "capabilities": {**answer["capabilities"], "tasks": CAPABILITY}}


def _fields(view: TaskView) -> dict[str, Any]:
    """Returns the task's fields. In this revision, a task whose command failed has failed too."""
    fields = {**view.fields(), "ttl": view.ttl_ms, "pollInterval": view.poll_interval_ms}
    if view.status == "completed" and view.result.is_error:
        fields["status"] = "failed"
    return fields
