"""Turns jobs and refusals into MCP tool results: structured content, and the same JSON as text.

Some clients drop structured content, others need it. An error is a result too, so that a model can act on it.
"""

from collections.abc import Mapping
from typing import Any

import mcp_types as types
from pydantic import BaseModel

from gateway.http import problems
from gateway.jobs.responses import JobText
from gateway.mcp.text import excerpt
from shared import metrics
from shared.errors import ProductError
from shared.models import CommandResponse, Job, JobId, JobState

POLL_AFTER_S = 30
STILL_RUNNING_EXIT_CODE = -1
FRAME_CHARACTERS = 2_000
"""Characters of the text limit reserved for the response's other fields and the marker of left-out lines."""
ERROR_SHARE = 0.3
"""Part of the characters that standard error gets if both streams are long: its last lines say what failed."""
OUTPUT_HEAD = 0.6
"""Part of an excerpt that is its head: tables have their header in the first lines, logs their news in the last."""
ERROR_HEAD = 0.2


def of_job(job: Job, text: JobText, *, joined: JobState | None = None, most: int) -> types.CallToolResult:
    """Returns the result of a finished job. For an unfinished job, returns its output so far and what to call next.

    `joined` is the state in which this call found the job of an earlier one of the same command.
    """
    response = job.response or _unfinished(job, text)
    hint = " ".join(filter(None, (_joined(joined), _changed(response), response.hint, _kept(response))))
    response = _cut(response.model_copy(update={"hint": hint or None}), most - FRAME_CHARACTERS)
    is_error = job.state.is_final and not response.success
    return of_model(response, is_error=is_error, exclude={"changes": True})


def of_model(
    model: BaseModel, *, is_error: bool = False, exclude: Mapping[str, Any] | None = None
) -> types.CallToolResult:
    """Returns the model twice: as structured content, and as JSON in a text."""
    hidden = dict(exclude or {})
    structured: dict[str, Any] = model.model_dump(mode="json", exclude=hidden)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=model.model_dump_json(exclude=hidden))],
        structured_content=structured,
        is_error=is_error,
    )


def of_error(error: ProductError) -> types.CallToolResult:
    """Returns a refusal as a result that the model can act on: the same problem as in REST."""
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
        changes=text.changes,
        hint=f"Still {job.state}{seen}. Do not send the command again: call get_job with job_id={job.id} and "
        f"wait={POLL_AFTER_S}.",
    )


def _changed(response: CommandResponse) -> str | None:
    return f"Changes: {response.changes.summary}." if response.changes else None


def _kept(response: CommandResponse) -> str | None:
    """Says how to get the whole output of a result that was cut when it was stored."""
    if not response.truncated or not response.state.is_final:
        return None
    return f"The output is longer than a result: read_output with job_id={response.job_id} returns it page by page."


def _joined(state: JobState | None) -> str | None:
    if state is None:
        return None
    if state.is_final:
        return (
            "The same command ended a while ago, but its result was not delivered: this is that result, and nothing "
            "was run again. To run the command again, send it again."
        )
    return "The same command was already queued or running: this call joined it, and nothing was started twice."


def _cut(response: CommandResponse, most: int) -> CommandResponse:
    """Cuts output and error so that the whole response stays within the limit as JSON."""
    error = response.error or ""
    output_cost = excerpt.cost(response.output)
    for_error = min(excerpt.cost(error), max(int(most * ERROR_SHARE), most - output_cost))
    output = excerpt.cut(response.output, most - for_error, head_share=OUTPUT_HEAD)
    cut_error = excerpt.cut(error, for_error, head_share=ERROR_HEAD)
    if output is None and cut_error is None:
        return response
    return response.model_copy(
        update={
            "output": _marked(output, response.job_id, "stdout") if output else response.output,
            "error": _marked(cut_error, response.job_id, "stderr") if cut_error else response.error,
            "truncated": True,
        }
    )


def _marked(cut: excerpt.Excerpt, job_id: JobId, stream: str) -> str:
    counts = f"{cut.left_out_lines} lines, {cut.left_out_characters} characters"
    marker = (
        f"[… {counts} left out. To read on: read_output with job_id={job_id}, stream={stream}, "
        f"offset={cut.resume_offset}. To get less: `| jq`, `| grep`, `-l`, `--tail` …]"
    )
    separator = "" if not cut.head or cut.head.endswith("\n") else "\n"
    return f"{cut.head}{separator}{marker}\n{cut.tail}"
