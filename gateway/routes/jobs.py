"""`/jobs`: submit without waiting, poll, cancel."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse

from gateway.disconnect import unless_gone
from gateway.routes import answers
from shared.models import CommandRequest, Job, JobRequest
from shared.tools import registry

router = APIRouter(prefix="/jobs", tags=["jobs"])

JOB_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": answers.PROBLEM_RESPONSES[400]["model"], "description": "No such job, and never was."},
    410: {"model": answers.PROBLEM_RESPONSES[400]["model"], "description": "There was such a job; its record is gone."},
}


@router.post("", status_code=202, operation_id="submit_job", response_model=Job, responses=answers.PROBLEM_RESPONSES)
async def submit(
    request: Request,
    body: JobRequest,
    x_kubeconfig: Annotated[str | None, Header(description="Kubeconfig in base64; wins over the body's field.")] = None,
    *,
    idempotency_key: answers.IdempotencyKeyHeader = None,
) -> JSONResponse:
    """Queues a command and answers at once; workers may start later than the job."""
    service = answers.service(request)
    tool = registry.find(body.tool)
    command = CommandRequest.model_construct(**{name: getattr(body, name) for name in CommandRequest.model_fields})
    call = answers.call(request, tool, command, idempotency_key=idempotency_key)
    prepared = await answers.preparation(request).prepare(call)
    return answers.accepted(await service.queue(prepared, demands_worker=False))


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
    """The job as it stands; with `wait`, when it has ended or the time is over."""
    service = answers.service(request)
    waiting = service.wait(job_id, answers.principal(request), min(wait, service.settings.max_wait_s))
    return await unless_gone(request, waiting)


@router.delete(
    "/{job_id}",
    operation_id="cancel_job",
    summary="Cancel a job.",
    response_model=Job,
    responses=JOB_UNKNOWN,
)
async def cancel(request: Request, job_id: str) -> Job:
    """Ends a queued job at once and a running one soon; one that has ended stays as it is."""
    return await answers.service(request).cancel(job_id, answers.principal(request))
