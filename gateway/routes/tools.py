"""`POST /tools/{tool}`: the calls of the first version. They wait for the command's end unless `Prefer` limits that."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel

from gateway import parts, store_calls
from gateway.http import prefer
from gateway.http.disconnect import unless_gone
from gateway.intake.preparation import Call
from gateway.jobs import refusals
from gateway.routes import answers
from shared.models import CommandRequest, CommandResponse, Job
from shared.tools import registry
from shared.tools.tool import Tool

KubeconfigHeader = Annotated[str | None, Header(description="Kubeconfig in base64; wins over the body's field.")]
PreferHeader = Annotated[
    list[str] | None,
    Header(alias="Prefer", description="`respond-async` answers 202 at once, `wait=N` after N seconds (RFC 7240)."),
]


class ToolStatus(BaseModel):
    """Whether a live worker has a tool. `workers` is the number of such workers."""

    available: bool
    version: str | None
    """Version of the tool; if live workers have different versions, all of them, comma-separated."""
    workers: int


def router() -> APIRouter:
    """Returns one route for each tool of the registry, and one that answers 404 for any other tool."""
    routes = APIRouter(prefix="/tools", tags=["tools"])
    routes.add_api_route("/status", status, methods=["GET"], operation_id="tools_status")
    for tool in registry.tools():
        _add(routes, tool)
    routes.add_api_route("/{tool}", unknown_tool, methods=["POST"], include_in_schema=False)
    return routes


def _add(routes: APIRouter, tool: Tool) -> None:
    async def run(
        *,
        request: Request,
        body: CommandRequest,
        x_kubeconfig: KubeconfigHeader = None,
        prefer_header: PreferHeader = None,
        idempotency_key: answers.IdempotencyKeyHeader = None,
    ) -> Response:
        call = answers.call(request, tool, body, idempotency_key=idempotency_key)
        return await run_tool(call, request, preferences=prefer_header or [])

    routes.add_api_route(
        f"/{tool.name}",
        run,
        methods=["POST"],
        operation_id=tool.name,
        summary=tool.summary,
        response_model=CommandResponse,
        responses={202: {"model": Job, "description": "Still running; poll `Location`."}, **answers.PROBLEM_RESPONSES},
    )


async def run_tool(call: Call, request: Request, *, preferences: Sequence[str]) -> Response:
    """Submits a command and waits for its end, or for as long as the caller prefers."""
    found = parts.of(request)
    preference = prefer.parse(", ".join(preferences), max_wait_s=found.settings.max_wait_s)
    prepared = await found.preparation.prepare(call)
    demands_worker = not preference.responds_async
    if preference.wait_s == 0:
        job = await found.jobs.queue(prepared, demands_worker=demands_worker)
        return answers.accepted(job, applied=preference.applied)
    async with found.jobs.submitted(prepared, demands_worker=demands_worker) as pending:
        end = await unless_gone(request, pending.ended(preference.wait_s))
        if isinstance(end, Job):
            return Response(end.finished().model_dump_json(), media_type="application/json")
        if end is None:
            return answers.accepted(await pending.latest(), applied=preference.applied)
        raise refusals.no_end(end, pending.queued)


async def unknown_tool(tool: str) -> None:
    """Answers 404 with the names of the tools."""
    registry.find(tool)


async def status(request: Request) -> dict[str, ToolStatus]:
    """Returns for each tool whether a live worker has it, in which version, and how many workers have it."""
    async with store_calls.bounded():
        living = await parts.of(request).workers.living()
    return {
        name: ToolStatus(
            available=any(name in worker.tools for worker in living),
            version=", ".join(sorted({worker.tools[name] for worker in living if name in worker.tools})) or None,
            workers=sum(name in worker.tools for worker in living),
        )
        for name in registry.names()
    }
