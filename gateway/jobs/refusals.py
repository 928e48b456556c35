"""The errors that callers get, over REST and MCP, if a job was not queued or its end is not known."""

from datetime import UTC, datetime

from gateway.jobs.waiters import NoEnd
from shared.errors import ErrorCode, ProductError, RequestError, UnavailableError
from shared.models import Job, JobId
from shared.sealing.job_ids import Issue
from shared.store.submits import SubmitRefusal
from shared.tools import registry

NO_WORKER_RETRY_S = 10
RESTART_RETRY_S = 5
QUEUE_FULL_RETRY_S = 5
OUTPUT_FULL_RETRY_S = 60
"""Stored output is freed when results expire, which is counted by the minute."""
BUSY_RETRY_S = 2
RELEASE_BUSY_RETRY_S = 10
_QUEUES = "POST /jobs or `Prefer: respond-async` queues the job until then."


def not_queued(refusal: SubmitRefusal, tool: str) -> ProductError:
    """Returns the error for a job that Redis has refused."""
    if refusal is SubmitRefusal.CONFLICT:
        return RequestError(
            ErrorCode.IDEMPOTENCY_CONFLICT,
            "The Idempotency-Key was used for another request, or with other credentials: send the first request "
            "again, unchanged. Use a new key only for a command that may run in addition to the first.",
        )
    if refusal is SubmitRefusal.NO_WORKER:
        return _no_worker(tool)
    if refusal is SubmitRefusal.WORKER_ENDED:
        return _worker_ended(tool)
    if refusal is SubmitRefusal.PRINCIPAL_FULL:
        return UnavailableError(
            ErrorCode.TOO_MANY_JOBS,
            "You have reached the limit of queued and running commands per caller: wait until one of them has ended.",
            retry_after_s=QUEUE_FULL_RETRY_S,
        )
    if refusal is SubmitRefusal.OUTPUT_FULL:
        return UnavailableError(
            ErrorCode.OUTPUT_FULL,
            "The stored results of all callers take as much memory as they may, so nothing was queued: try again "
            "later, when old results have expired.",
            retry_after_s=OUTPUT_FULL_RETRY_S,
        )
    return UnavailableError(
        ErrorCode.QUEUE_FULL, "Too many commands are queued; try again later.", retry_after_s=QUEUE_FULL_RETRY_S
    )


def release_busy(holder: JobId | None) -> UnavailableError:
    """Returns the error if another job changes the object. `holder` is its id; None if the caller may not see it."""
    what = f"GET /jobs/{holder}?wait=30 waits for its end, DELETE /jobs/{holder} ends it" if holder else "try later"
    return UnavailableError(
        ErrorCode.RELEASE_BUSY,
        f"Another job is changing the same release in that namespace and cluster, so nothing was queued: {what}.",
        retry_after_s=RELEASE_BUSY_RETRY_S,
        job_id=holder,
    )


def busy() -> UnavailableError:
    """Returns the error for a job that the gateway has not sent to Redis."""
    return UnavailableError(
        ErrorCode.GATEWAY_BUSY,
        "This gateway has too many calls at the same time, so nothing was queued for this call: send it again.",
        retry_after_s=BUSY_RETRY_S,
    )


def unknown_outcome(job_id: JobId) -> UnavailableError:
    """Returns the error if Redis did not answer, but may have queued the job."""
    return UnavailableError(
        ErrorCode.STORE_UNAVAILABLE,
        "Redis is not reachable, so it is not known whether the job was queued: ask for the job by its id before you "
        "send the command again.",
        job_id=job_id,
    )


def gone(issue: Issue, *, retention_s: int) -> RequestError:
    """Returns the error for an id that a gateway has issued, but whose record is gone."""
    when = f" at {issue.at.isoformat()}" if issue.at else ""
    if issue.at and (datetime.now(UTC) - issue.at).total_seconds() < retention_s:
        why = (
            "Redis has lost it, or the job was never queued. It is not known whether the command ran, so look at the "
            "cluster before you send it again"
        )
    else:
        why = f"a job's record is deleted {retention_s} s after its end"
    return RequestError(ErrorCode.JOB_GONE, f"This id was issued{when}, and its job's record is gone: {why}.")


def no_end(end: NoEnd, job: Job) -> UnavailableError:
    """Returns the error for a queued job whose end is not known to this gateway."""
    if end is NoEnd.NO_WORKER:
        return _worker_ended(job.tool)  # there was one when the job was queued
    if end is NoEnd.DRAINING:
        return UnavailableError(
            ErrorCode.SHUTTING_DOWN,
            f"This gateway is shutting down, but the command continues: GET /jobs/{job.id} returns its result.",
            job_id=job.id,
        )
    if end is NoEnd.UNSEEN:
        return UnavailableError(
            ErrorCode.STORE_UNAVAILABLE,
            f"The job must have ended by now, but Redis was not reachable: GET /jobs/{job.id} returns its result. Do "
            "not send its command again.",
            job_id=job.id,
        )
    return UnavailableError(
        ErrorCode.STORE_UNAVAILABLE, "The job's record is gone from Redis, so its outcome is not known.", job_id=job.id
    )


def _no_worker(tool: str) -> UnavailableError:
    return UnavailableError(
        ErrorCode.NO_WORKER,
        f"No live worker has {tool}: {_to_install(tool)} {_QUEUES}",
        retry_after_s=NO_WORKER_RETRY_S,
    )


def _worker_ended(tool: str) -> UnavailableError:
    return UnavailableError(
        ErrorCode.NO_WORKER,
        f"The last worker that had {tool} ended a short time ago and may be restarting: send the request again in some "
        f"seconds. If no worker comes back, {_to_install(tool)} {_QUEUES}",
        retry_after_s=RESTART_RETRY_S,
    )


def _to_install(tool: str) -> str:
    how = registry.find(tool).install_hint
    return f"install it where a worker runs ({how}) and restart that worker, or start a worker that has it."
