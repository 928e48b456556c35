"""The routes under `/jobs`: submit without waiting, list, poll and cancel."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse

from gateway import parts
from gateway.auth import callers
from gateway.http import problems
from gateway.http.disconnect import unless_gone
from gateway.intake.job_request import JobRequest
from gateway.jobs.job_lists import DEFAULT_LIMIT, MAX_LIMIT, JobFilter
from gateway.routes import answers
from shared.models import Job, JobPage, JobState
from shared.tools import registry

router = APIRouter(prefix="/jobs", tags=["jobs"])

JOB_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": problems.Problem, "description": "There never was such a job."},
    410: {"model": problems.Problem, "description": "There was such a job; its record is gone."},
}


@router.post("", status_code=202, operation_id="submit_job", response_model=Job, responses=answers.PROBLEM_RESPONSES)
async def submit(
    request: Request,
    body: JobRequest,
    x_kubeconfig: Annotated[str | None, Header(description="Kubeconfig in base64; wins over the body's field.")] = None,
    *,
    idempotency_key: answers.IdempotencyKeyHeader = None,
) -> JSONResponse:
    """Queues a command and answers at once. The job waits if no worker runs yet."""
    found = parts.of(request)
    tool = registry.find(body.tool)
    call = answers.call(request, tool, body.of_tool(), idempotency_key=idempotency_key)
    prepared = await found.preparation.prepare(call)
    return answers.accepted(await found.jobs.queue(prepared, demands_worker=False))


@router.get(
    "",
    operation_id="list_jobs",
    summary="List your jobs, newest first.",
    response_model=JobPage,
    responses={403: {"model": problems.Problem, "description": "Lists are off here."}},
)
async def read_list(
    request: Request,
    *,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    tool: Annotated[str | None, Query(max_length=64, description="Only jobs of this tool.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Largest number of jobs on a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=100, description="`next_cursor` of the previous page.")] = None,
) -> JobPage:
    """Lists only your own jobs. A page may be shorter than its limit although another page follows."""
    wanted = JobFilter(callers.of(request), state, registry.find(tool).name if tool else None)
    return await parts.of(request).job_lists.page(wanted, limit=limit, cursor=cursor)


@router.get(
    "/{job_id}",
    operation_id="get_job",
    summary="Look at a job, or wait for its end.",
    response_model=Job,
    responses=JOB_UNKNOWN,
)
async def read(
    request: Request,
    job_id: str,
    wait: Annotated[
        float,
        Query(ge=0, allow_inf_nan=False, description="Seconds to wait for the job's end; at most 60 are waited."),
    ] = 0,
) -> Job:
    """Returns the current job. With `wait`, answers when the job has ended or the time is over."""
    found = parts.of(request)
    waiting = found.jobs.wait(job_id, callers.of(request), min(wait, found.settings.max_wait_s))
    return await unless_gone(request, waiting)


@router.delete(
    "/{job_id}",
    operation_id="cancel_job",
    summary="Cancel a job.",
    response_model=Job,
    responses=JOB_UNKNOWN,
)
async def cancel(request: Request, job_id: str) -> Job:
    """Ends a queued job at once and a running job soon. A job that has ended is not changed."""
    return await parts.of(request).jobs.cancel(job_id, callers.of(request))
