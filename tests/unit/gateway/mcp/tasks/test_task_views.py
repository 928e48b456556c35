from datetime import UTC, datetime, timedelta

import pytest

from gateway.mcp.tasks import task_views
from gateway.mcp.tasks.task_views import TaskView
from shared.models import CommandClass, CommandResponse, Job, JobId, JobLinks, JobState
from tests.support.changes import done, told

CREATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
RETENTION_S = 3_600
JOB_ID = JobId("0" * 48)


def view(state: JobState, *, age_s: float = 0, ended_after_s: float | None = None) -> TaskView:
    response = CommandResponse(
        success=False, output="", error=None, exit_code=1, job_id=JOB_ID, state=state, duration_ms=0
    )
    job = Job(
        id=JOB_ID,
        tool="kubectl",
        state=state,
        command_class=CommandClass.WRITE,
        created_at=CREATED_AT,
        ended_at=None if ended_after_s is None else CREATED_AT + timedelta(seconds=ended_after_s),
        response=response if state.is_final else None,
        links=JobLinks(self="", events="", output="", changes=""),
    )
    return TaskView(job, "", CREATED_AT + timedelta(seconds=age_s), RETENTION_S, 40_000)


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_has_a_status(state: JobState) -> None:
    """None is `failed`: a command that failed, timed out or was lost has a result that says so."""
    statuses = {JobState.QUEUED: "working", JobState.RUNNING: "working", JobState.CANCELLED: "cancelled"}

    assert view(state).status == statuses.get(state, "completed")


@pytest.mark.parametrize(("age_s", "interval_ms"), [(0, 1_000), (10, 1_000), (40, 4_000), (100, 10_000), (9e5, 10_000)])
def test_older_task_is_asked_for_less_often(age_s: float, interval_ms: int) -> None:
    assert view(JobState.RUNNING, age_s=age_s).poll_interval_ms == interval_ms


def test_task_that_works_can_be_read_for_the_retention_from_now() -> None:
    assert view(JobState.RUNNING, age_s=100).ttl_ms == (100 + RETENTION_S) * 1_000


def test_task_that_has_ended_can_be_read_for_the_retention_from_its_end() -> None:
    assert view(JobState.FAILED, age_s=900, ended_after_s=100).ttl_ms == (100 + RETENTION_S) * 1_000


def test_message_of_an_ended_task_sums_up_its_changes() -> None:
    response = CommandResponse(
        success=True,
        output="",
        error=None,
        exit_code=0,
        job_id=JOB_ID,
        state=JobState.SUCCEEDED,
        duration_ms=0,
        changes=told(done(1), done(2)),
    )
    job = view(JobState.RUNNING).job.model_copy(update={"state": JobState.SUCCEEDED, "response": response})

    assert task_views.message(job, "") == "ended with exit code 0; 2 created"
