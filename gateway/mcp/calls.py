"""Runs a tool call: it does the same as the REST route of that name, with a wait that suits MCP clients."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import mcp_types as types
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway import store_calls
from gateway.intake.job_request import JobRequest
from gateway.intake.preparation import Call
from gateway.jobs import refusals
from gateway.jobs.event_stream import Place
from gateway.jobs.job_lists import DEFAULT_LIMIT, MAX_LIMIT, JobFilter
from gateway.jobs.output_pages import MAX_OFFSET
from gateway.jobs.responses import JobText
from gateway.jobs.service import JobService
from gateway.jobs.waiters import NoEnd
from gateway.mcp import exchange, reporter
from gateway.mcp.exchange import Context, Exchange
from gateway.mcp.text import output_text, results
from gateway.mcp.text.output_text import OutputText
from gateway.mcp.tools import CANCEL_JOB, GET_JOB, HIDDEN_FIELDS, LIST_JOBS, READ_OUTPUT
from shared.errors import ErrorCode, RequestError, UnavailableError
from shared.events import EventKind
from shared.models import CommandRequest, Job, JobState
from shared.tools import registry
from shared.tools.tool import Tool

Arguments = TypeVar("Arguments", bound=BaseModel)


class JobArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    job_id: str
    wait: float = Field(0, ge=0, allow_inf_nan=False)


class JobListArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: JobState | None = None
    tool: str | None = None
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = None


class OutputArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    job_id: str
    stream: Literal["stdout", "stderr"] = "stdout"
    offset: int = Field(0, ge=0, le=MAX_OFFSET)


async def call(
    context: Context, name: str, arguments: Mapping[str, Any], *, wait_s: float, delivers: bool = True
) -> types.CallToolResult:
    """Returns the result of one tool call. After `wait_s` seconds a running command is handed over as a job.

    Without `delivers` the caller gets only the job, and the result still counts as not delivered.

    Raises `ProductError`, which says what the caller must change, or that it must try again later.
    """
    if name in _JOB_CALLS:
        return await _JOB_CALLS[name](context, arguments)
    request = exchange.of(context)
    parts = request.parts
    prepared = await parts.preparation.prepare(_asked(request, name, arguments))
    # Since revision 2026-07-28, closing the request cancels it. In earlier revisions it had no meaning.
    gives_up = context.protocol_version in MODERN_PROTOCOL_VERSIONS
    async with parts.jobs.submitted(prepared, demands_worker=True, gives_up=gives_up, joins=True) as pending:
        async with reporter.reporting(parts.event_stream, context, pending.queued.id):
            end = await pending.ended(wait_s)
        if isinstance(end, Job) and delivers:
            await pending.recipient.receive()
            described = await _described(parts.jobs, end, joined=pending.joined)
            request.carries(pending.recipient)
            return described
        if end is not None and not isinstance(end, Job) and end is not NoEnd.DRAINING:
            raise refusals.no_end(end, pending.queued)
        latest = end if isinstance(end, Job) else await pending.latest()
        await pending.recipient.take_id()
        return await _handed_over(parts.jobs, latest, joined=pending.joined)


def _asked(request: Exchange, name: str, arguments: Mapping[str, Any]) -> Call:
    if name != registry.INSPECT:
        tool, command = registry.find(name), _parsed(CommandRequest, arguments)
        return Call(tool, command, request.headers, request.caller)
    asked = _parsed(JobRequest, arguments)
    return Call(_named(asked.tool), asked.of_tool(), request.headers, request.caller, reads_only=True)


async def output(request: Exchange, job_id: str, stream: str, *, offset: int = 0) -> OutputText:
    """Returns a page of a job's output. Raises `RequestError` for a job that is not the caller's."""
    most = request.parts.settings.mcp_max_text - results.FRAME_CHARACTERS
    stored = await request.parts.jobs.find(job_id, request.caller)
    page = await request.parts.output_pages.served(stored, EventKind(stream), offset=offset, limit=most)
    return output_text.of_page(page, stored.record.id, stream, most=most)


async def _get_job(context: Context, arguments: Mapping[str, Any]) -> types.CallToolResult:
    job = await _waited(context, _parsed(JobArguments, arguments))
    return await _told(exchange.of(context).parts.jobs, job)


async def _cancel_job(context: Context, arguments: Mapping[str, Any]) -> types.CallToolResult:
    asked, request = _parsed(JobArguments, arguments), exchange.of(context)
    jobs = request.parts.jobs
    return await _told(jobs, await jobs.cancel(asked.job_id, request.caller))


async def _list_jobs(context: Context, arguments: Mapping[str, Any]) -> types.CallToolResult:
    asked, request = _parsed(JobListArguments, arguments), exchange.of(context)
    wanted = JobFilter(request.caller, asked.state, _named(asked.tool).name if asked.tool else None)
    page = await request.parts.job_lists.page(wanted, limit=asked.limit, cursor=asked.cursor)
    return results.of_model(page, exclude={"jobs": {"__all__": set(HIDDEN_FIELDS)}})


async def _read_output(context: Context, arguments: Mapping[str, Any]) -> types.CallToolResult:
    asked = _parsed(OutputArguments, arguments)
    return results.of_model(await output(exchange.of(context), asked.job_id, asked.stream, offset=asked.offset))


_JOB_CALLS = {GET_JOB: _get_job, LIST_JOBS: _list_jobs, CANCEL_JOB: _cancel_job, READ_OUTPUT: _read_output}


async def _waited(context: Context, asked: JobArguments) -> Job:
    """Returns the job when it has ended or the time is over. Reports its progress until then."""
    request = exchange.of(context)
    parts = request.parts
    wait_s = min(asked.wait, parts.settings.max_wait_s)
    job = await parts.jobs.read(asked.job_id, request.caller)
    if job.state.is_final or wait_s == 0:
        return job
    async with store_calls.bounded(job.id):
        newest = Place(await parts.jobs.store.newest_event(job.id))
    async with reporter.reporting(parts.event_stream, context, job.id, after=newest, known=job.progress):
        return await parts.jobs.wait(job.id, request.caller, wait_s)


async def _told(jobs: JobService, job: Job) -> types.CallToolResult:
    """Returns the job to a caller that asked for it by its id."""
    await jobs.delivery.show(job)
    return await _described(jobs, job)


async def _described(service: JobService, job: Job, *, joined: JobState | None = None) -> types.CallToolResult:
    text = JobText() if job.response else await service.text(job.id)
    return results.of_job(job, text, joined=joined, most=service.settings.mcp_max_text)


async def _handed_over(service: JobService, job: Job, *, joined: JobState | None) -> types.CallToolResult:
    """Returns a job that continues without this call: its id, and also its output so far if Redis is available."""
    try:
        return await _described(service, job, joined=joined)
    except UnavailableError:
        return results.of_job(job, JobText(), joined=joined, most=service.settings.mcp_max_text)


def _named(tool: str) -> Tool:
    """Returns the tool that an argument names. An unknown one is the caller's mistake, not an unknown method of MCP."""
    try:
        return registry.find(tool)
    except RequestError as error:
        raise RequestError(ErrorCode.REQUEST_INVALID, f"tool: {error.detail}") from None


def _parsed(model: type[Arguments], arguments: Mapping[str, Any]) -> Arguments:
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise RequestError(ErrorCode.REQUEST_INVALID, "; ".join(problems)) from None
