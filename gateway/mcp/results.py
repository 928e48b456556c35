"""How jobs and refusals read as MCP tool results: structured content, and the same JSON as text.

Some clients drop structured content and others need it. An error is a result that a model can act on.
"""

import mcp_types as types

from gateway import problems
from gateway.responses import JobText
from shared import metrics
from shared.errors import ProductError
from shared.models import CommandResponse, Job

POLL_AFTER_S = 30
STILL_RUNNING_EXIT_CODE = -1


def of_job(job: Job, text: JobText | None = None) -> types.CallToolResult:
    """The result of a finished job; for one that goes on, what it has printed and what to call next."""
    response = job.response or _unfinished(job, text or JobText())
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=response.model_dump_json())],
        structured_content=response.model_dump(mode="json"),
        is_error=job.state.is_final and not response.success,
    )


def of_error(error: ProductError) -> types.CallToolResult:
    """A refusal as a result that the model can act on: the same problem that REST answers with."""
    metrics.REFUSALS.labels(code=error.code).inc()
    problem = problems.of(error)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=problem.model_dump_json(exclude_none=True))], is_error=True
    )


def _unfinished(job: Job, text: JobText) -> CommandResponse:
    seen = f"; {job.progress}" if job.progress else ""
    return CommandResponse(
        success=False,
        output=text.stdout,
        error=text.stderr or None,
        exit_code=STILL_RUNNING_EXIT_CODE,
        job_id=job.id,
        state=job.state,
        duration_ms=0,
        truncated=text.truncated,
        hint=f"Still {job.state}{seen}. Do not send the command again: call get_job with job_id={job.id} and "
        f"wait={POLL_AFTER_S}.",
    )
