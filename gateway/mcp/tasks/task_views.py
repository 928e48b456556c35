"""Shows a job as an MCP task, which has the job's id."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import mcp_types as types

from gateway.jobs.responses import JobText
from gateway.mcp.exchange import Exchange
from gateway.mcp.text import results
from shared.models import CommandResponse, Job, JobState

MIN_POLL_S = 1.0
MAX_POLL_S = 10.0
"""Longest poll interval: short enough to report a stuck pod soon."""
POLLS_PER_AGE = 10
"""The poll interval is the task's age divided by this, so the end is seen late by at most a tenth of the task's age."""
MAX_MESSAGE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task at one moment. `message` is one line about its progress."""

    job: Job
    message: str
    now: datetime
    retention_s: int
    most: int
    """Largest number of characters of a result's text."""

    @property
    def status(self) -> types.TaskStatus:
        """The extension's status. A command that failed is `completed`: `failed` is only for errors of the protocol."""
        if not self.job.state.is_final:
            return "working"
        return "cancelled" if self.job.state is JobState.CANCELLED else "completed"

    @property
    def result(self) -> types.CallToolResult:
        """Result of a finished task: the result that the call would have returned."""
        return results.of_job(self.job, JobText(), most=self.most)

    @property
    def ttl_ms(self) -> int:
        """Lifetime from the task's creation: until the retention after its end, or after now if it still runs."""
        return _milliseconds(((self.job.ended_at or self.now) - self.job.created_at).total_seconds() + self.retention_s)

    @property
    def poll_interval_ms(self) -> int:
        age_s = (self.now - self.job.created_at).total_seconds()
        return _milliseconds(min(max(age_s / POLLS_PER_AGE, MIN_POLL_S), MAX_POLL_S))

    def fields(self) -> dict[str, Any]:
        """Returns the fields that have the same name in both revisions."""
        updated_at = self.job.ended_at or self.job.started_at or self.job.created_at
        return {
            "taskId": self.job.id,
            "status": self.status,
            "statusMessage": self.message,
            "createdAt": self.job.created_at.isoformat(),
            "lastUpdatedAt": updated_at.isoformat(),
        }


async def read(request: Exchange, task_id: str, *, wait_s: float = 0) -> TaskView:
    """Returns the task when it has ended or after `wait_s` seconds. Raises `RequestError` if the id is not valid."""
    jobs, settings = request.parts.jobs, request.parts.settings
    job = await jobs.wait(task_id, request.caller, wait_s)
    printed = (await jobs.text(job.id)).stdout if job.state is JobState.RUNNING else ""
    return TaskView(job, message(job, printed), datetime.now(UTC), settings.retention_s, settings.mcp_max_text)


def message(job: Job, printed: str) -> str:
    """Returns one line about the progress of a job, from what it has printed so far."""
    if job.response is not None:
        return _last_line(_ending(job.response))
    if job.state is JobState.QUEUED:
        return "waiting for a worker"
    return job.progress or _last_line(printed) or "running, without any output so far"


def _ending(response: CommandResponse) -> str:
    changed = f"; {response.changes.summary}" if response.changes else ""
    return (response.error if not response.success else None) or f"ended with exit code {response.exit_code}{changed}"


def _last_line(text: str) -> str:
    _, _, line = text.strip().rpartition("\n")
    return line.strip()[:MAX_MESSAGE_CHARACTERS]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
