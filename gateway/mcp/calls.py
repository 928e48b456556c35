"""What a tool call does: the same as the REST route of that name, with a wait that fits MCP clients."""

import time
from collections.abc import Mapping
from typing import Any, TypeVar

import mcp_types as types
from fastapi import FastAPI
from mcp.server.context import ServerRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway import refusals
from gateway.jobs import JobService, PendingJob
from gateway.mcp import results
from gateway.mcp.tools import CANCEL_JOB, GET_JOB
from gateway.preparation import Call
from gateway.waiters import NoEnd
from shared.errors import ErrorCode, RequestError, UnavailableError
from shared.models import ANONYMOUS, CommandRequest, Job
from shared.tools import registry

PROGRESS_INTERVAL_S = 5.0

Context = ServerRequestContext[Any, Any]
Arguments = TypeVar("Arguments", bound=BaseModel)


class JobArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    job_id: str
    wait: float = Field(0, ge=0, allow_inf_nan=False)


async def call(
    app: FastAPI, context: Context, *, name: str, arguments: Mapping[str, Any], wait_s: float
) -> types.CallToolResult:
    """The result of one tool call; a command is handed over as a job after `wait_s`.

    `ProductError` for what the caller must change or try later.
    """
    service: JobService = app.state.jobs
    if name == GET_JOB:
        asked = _parsed(JobArguments, arguments)
        asked_s = min(asked.wait, service.settings.max_wait_s)
        return await _described(service, await service.wait(asked.job_id, ANONYMOUS, asked_s))
    if name == CANCEL_JOB:
        asked = _parsed(JobArguments, arguments)
        return await _described(service, await service.cancel(asked.job_id, ANONYMOUS))
    tool = registry.find(name)
    request = _parsed(CommandRequest, arguments)
    prepared = await app.state.preparation.prepare(Call(tool, request, _headers(context), ANONYMOUS))
    # Closing the request is cancelling it since revision 2026-07-28; before, it meant nothing.
    gives_up = context.protocol_version in MODERN_PROTOCOL_VERSIONS
    async with service.submitted(prepared, demands_worker=True, gives_up=gives_up) as pending:
        end = await _ended(pending, context, wait_s)
    if isinstance(end, Job):
        return await _described(service, end)
    if end is not None and end is not NoEnd.DRAINING:
        raise refusals.no_end(end, pending.queued)
    return await _handed_over(service, await pending.latest())


async def _ended(pending: PendingJob, context: Context, wait_s: float) -> Job | NoEnd | None:
    """Waits for the end and meanwhile reports that there is progress in waiting."""
    started = time.monotonic()
    while (left_s := wait_s - (time.monotonic() - started)) > 0:
        end = await pending.ended(min(left_s, PROGRESS_INTERVAL_S))
        if end is not None:
            return end
        waited_s = time.monotonic() - started
        await context.session.report_progress(waited_s, message=f"waiting for the command, {waited_s:.0f} s so far")
    return None


async def _described(service: JobService, job: Job) -> types.CallToolResult:
    return results.of_job(job, None if job.response else await service.text(job.id))


async def _handed_over(service: JobService, job: Job) -> types.CallToolResult:
    """A job that goes on without this call; what it has printed is a courtesy, its id is not."""
    try:
        return await _described(service, job)
    except UnavailableError:
        return results.of_job(job)


def _headers(context: Context) -> Mapping[str, str]:
    return context.request.headers if context.request is not None else {}


def _parsed(model: type[Arguments], arguments: Mapping[str, Any]) -> Arguments:
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise RequestError(ErrorCode.REQUEST_INVALID, "; ".join(problems)) from None
