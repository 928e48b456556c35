"""What routes share: the caller's principal, and how a job that has not ended is answered."""

from typing import Any

from fastapi import Request, status
from fastapi.responses import JSONResponse

from gateway import problems
from gateway.jobs import JobService
from gateway.preparation import Preparation
from shared.models import ANONYMOUS, Job

POLL_AFTER_S = 2

PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"model": problems.Problem, "description": text, "content": {problems.CONTENT_TYPE: {}}}
    for code, text in {
        400: "The command or kubeconfig is refused; `detail` says what to change.",
        422: "The body does not fit its schema; `errors` lists the fields.",
        429: "Too many commands are queued; try again after `Retry-After`.",
        503: "No worker, no Redis, too busy, or shutting down; `detail` says whether to try again.",
    }.items()
}


def principal(_: Request) -> str:
    """Whose jobs a request may see. Nobody authenticates yet, and a job's random id is the capability."""
    return ANONYMOUS


def service(request: Request) -> JobService:
    """The app's job service."""
    found: JobService = request.app.state.jobs
    return found


def preparation(request: Request) -> Preparation:
    """The app's checks of a call."""
    found: Preparation = request.app.state.preparation
    return found


def accepted(job: Job, *, applied: str | None = None) -> JSONResponse:
    """202: the job as body, where to poll it and when."""
    headers = {"Location": job.links.self, "Retry-After": str(POLL_AFTER_S)}
    if applied:
        headers["Preference-Applied"] = applied
    return JSONResponse(job.model_dump(mode="json"), status_code=status.HTTP_202_ACCEPTED, headers=headers)
