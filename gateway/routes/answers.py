"""Shared by routes: reads a command from a request, and makes the answer for a job that has not ended."""

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
        409: "Another job is changing the same release; `job_id` names it if it is yours.",
        422: "The body does not match its schema; `errors` lists the fields.",
        429: "Too many commands are queued, in all or by you; try again after `Retry-After`.",
        503: "No worker, no Redis, too busy, or shutting down; `detail` says whether to try again.",
    }.items()
}


IdempotencyKeyHeader = Annotated[
    str | None,
    Header(description="Makes a retry safe: the same request with the same key gets the same job."),
]


def call(request: Request, tool: Tool, body: CommandRequest, *, idempotency_key: str | None) -> Call:
    """Returns the call that an HTTP request makes. Raises `RequestError` if its idempotency key is not valid."""
    return Call(tool, body, request.headers, callers.of(request), idempotency.parse(idempotency_key))


def accepted(job: Job, *, applied: str | None = None) -> JSONResponse:
    """Returns 202 with the job as body, and headers that say where and when to poll it."""
    headers = {"Location": job.links.self, "Retry-After": str(POLL_AFTER_S)}
    if applied:
        headers["Preference-Applied"] = applied
    return JSONResponse(job.model_dump(mode="json"), status_code=status.HTTP_202_ACCEPTED, headers=headers)
