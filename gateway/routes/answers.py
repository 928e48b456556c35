"""What routes share: how a command comes in, and how a job that has not ended is answered."""

from typing import Annotated, Any

from fastapi import Header, Request, status
from fastapi.responses import JSONResponse

from gateway.auth import callers
from gateway.http import problems
from gateway.intake.preparation import Call
from gateway.jobs import idempotency
from shared.models import CommandRequest, Job
from shared.tools.tool import Tool

POLL_AFTER_S = 2

PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"model": problems.Problem, "description": text, "content": {problems.CONTENT_TYPE: {}}}
    for code, text in {
        400: "The command or kubeconfig is refused; `detail` says what to change.",
        409: "Another job is changing the same release; `job_id` names it where it is yours.",
        422: "The body does not fit its schema; `errors` lists the fields.",
        429: "Too many commands are queued, or are yours; try again after `Retry-After`.",
        503: "No worker, no Redis, too busy, or shutting down; `detail` says whether to try again.",
    }.items()
}


IdempotencyKeyHeader = Annotated[
    str | None,
    Header(description="The same key again, with the same request, is the same job: makes a retry safe."),
]


def call(request: Request, tool: Tool, body: CommandRequest, *, idempotency_key: str | None) -> Call:
    """A command as it came over HTTP. `RequestError` for an idempotency key that is none."""
    return Call(tool, body, request.headers, callers.of(request), idempotency.parse(idempotency_key))


def accepted(job: Job, *, applied: str | None = None) -> JSONResponse:
    """202: the job as body, where to poll it and when."""
    headers = {"Location": job.links.self, "Retry-After": str(POLL_AFTER_S)}
    if applied:
        headers["Preference-Applied"] = applied
    return JSONResponse(job.model_dump(mode="json"), status_code=status.HTTP_202_ACCEPTED, headers=headers)
