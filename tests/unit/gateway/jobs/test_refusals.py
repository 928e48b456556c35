from datetime import UTC, datetime

import pytest

from gateway.http import problems
from gateway.jobs import refusals
from gateway.jobs.waiters import NoEnd
from shared.errors import ErrorCode, UnavailableError
from shared.models import CommandClass, Job, JobId, JobLinks, JobState
from shared.store.submits import SubmitRefusal

JOB_ID = JobId("0" * 48)
JOB = Job(
    id=JOB_ID,
    tool="helm",
    state=JobState.QUEUED,
    command_class=CommandClass.WRITE,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    links=JobLinks(self="", events="", output="", changes=""),
)


@pytest.mark.parametrize("end", [end for end in NoEnd if end is not NoEnd.NO_WORKER])
def test_who_cannot_be_told_the_end_gets_the_jobs_id(end: NoEnd) -> None:
    problem = problems.of(refusals.no_end(end, JOB))

    assert (problem.status, problem.job_id) == (503, JOB_ID)


def test_worker_that_ended_reads_the_same_before_and_after_the_submit() -> None:
    before, after = refusals.not_queued(SubmitRefusal.WORKER_ENDED, "helm"), refusals.no_end(NoEnd.NO_WORKER, JOB)

    assert isinstance(before, UnavailableError)
    assert before.code is after.code is ErrorCode.NO_WORKER
    assert (before.detail, before.retry_after_s, before.job_id) == (after.detail, after.retry_after_s, after.job_id)


def test_tool_that_no_worker_had_must_be_installed_and_one_that_was_there_may_come_back() -> None:
    never, ended = (
        refusals.not_queued(refusal, "helm") for refusal in (SubmitRefusal.NO_WORKER, SubmitRefusal.WORKER_ENDED)
    )

    assert never.code is ended.code is ErrorCode.NO_WORKER
    assert "restarting" not in never.detail
    assert ended.detail.index("send the request again") < ended.detail.index("install it")


def test_busy_gateway_says_that_nothing_was_queued_and_when_to_come_again() -> None:
    problem = refusals.busy()

    assert (problem.code, problem.job_id) == (ErrorCode.GATEWAY_BUSY, None)
    assert "nothing was queued" in problem.detail
    assert problem.retry_after_s > 0
