"""How a job reads as an MCP task, whose id is the job's: the same facts under the names of either revision."""

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
"""Short enough to tell of a stuck pod soon."""
POLLS_PER_AGE = 10
"""A task is asked for each tenth of its age: its end is seen late by a tenth at most, and old ones cost little."""
MAX_MESSAGE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task at one moment; `message` is one line for whoever looks at its progress."""

    job: Job
    message: str
    now: datetime
    retention_s: int
    most: int
    """Characters of a result's text."""

    @property
    def status(self) -> types.TaskStatus:
        """Where the extension says `failed` for errors of the protocol alone: a command that failed has completed."""
        if not self.job.state.is_final:
            return "working"
        return "cancelled" if self.job.state is JobState.CANCELLED else "completed"

    @property
    def result(self) -> types.CallToolResult:
        """Of a finished task: what the call would have given."""
        return results.of_job(self.job, JobText(), most=self.most)

    @property
    def ttl_ms(self) -> int:
        """Counted from its creation; it can be read for the retention after its end, and so from now at least."""
        return _milliseconds(((self.job.ended_at or self.now) - self.job.created_at).total_seconds() + self.retention_s)

    @property
    def poll_interval_ms(self) -> int:
        age_s = (self.now - self.job.created_at).total_seconds()
        return _milliseconds(min(max(age_s / POLLS_PER_AGE, MIN_POLL_S), MAX_POLL_S))

    def fields(self) -> dict[str, Any]:
        """Those that both revisions name alike."""
        updated_at = self.job.ended_at or self.job.started_at or self.job.created_at
        return {
            "taskId": self.job.id,
            "status": self.status,
            "statusMessage": self.message,
            "createdAt": self.job.created_at.isoformat(),
            "lastUpdatedAt": updated_at.isoformat(),
        }


async def read(request: Exchange, task_id: str, *, wait_s: float = 0) -> TaskView:
    """The task when it has ended, or as it stands after `wait_s`. `RequestError` for an id that is none."""
    jobs, settings = request.parts.jobs, request.parts.settings
    job = await jobs.wait(task_id, request.caller, wait_s)
    printed = (await jobs.text(job.id)).stdout if job.state is JobState.RUNNING else ""
    return TaskView(job, _message(job, printed), datetime.now(UTC), settings.retention_s, settings.mcp_max_text)


def _message(job: Job, printed: str) -> str:
    if job.response is not None:
        return _last_line(_ending(job.response))
    if job.state is JobState.QUEUED:
        return "waiting for a worker"
    return job.progress or _last_line(printed) or "running, without any output so far"


def _ending(response: CommandResponse) -> str:
    return (response.error if not response.success else None) or f"ended with exit code {response.exit_code}"


def _last_line(text: str) -> str:
    _, _, line = text.strip().rpartition("\n")
    return line.strip()[:MAX_MESSAGE_CHARACTERS]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
