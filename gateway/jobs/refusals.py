"""What callers are told when a job was not queued, or when nobody can tell its end: the same for REST and MCP."""

from datetime import UTC, datetime

from gateway.jobs.waiters import NoEnd
from shared.errors import ErrorCode, ProductError, RequestError, UnavailableError
from shared.models import Job, JobId
from shared.sealing.job_ids import Issue
from shared.store.job_store import SubmitRefusal
from shared.tools import registry

NO_WORKER_RETRY_S = 10
QUEUE_FULL_RETRY_S = 5
BUSY_RETRY_S = 2
RELEASE_BUSY_RETRY_S = 10


def not_queued(refusal: SubmitRefusal, tool: str) -> ProductError:
    """Redis answered, and took no job."""
    if refusal is SubmitRefusal.CONFLICT:
        return RequestError(
            ErrorCode.IDEMPOTENCY_CONFLICT,
            "The Idempotency-Key was used for another request, or with another credential: send that request again "
            "as it was. Take a new key only for a command that may run besides the first.",
        )
    if refusal is SubmitRefusal.NO_WORKER:
        return _no_worker(tool)
    if refusal is SubmitRefusal.PRINCIPAL_FULL:
        return UnavailableError(
            ErrorCode.TOO_MANY_JOBS,
            "You have as many commands queued and running as one caller may: wait until one of them has ended.",
            retry_after_s=QUEUE_FULL_RETRY_S,
        )
    return UnavailableError(
        ErrorCode.QUEUE_FULL, "Too many commands are queued; try again later.", retry_after_s=QUEUE_FULL_RETRY_S
    )


def release_busy(holder: JobId | None) -> UnavailableError:
    """Another job changes the same thing; its id is known to who may see it."""
    what = f"GET /jobs/{holder}?wait=30 waits for its end, DELETE /jobs/{holder} ends it" if holder else "try later"
    return UnavailableError(
        ErrorCode.RELEASE_BUSY,
        f"Another job is changing the same release in that namespace and cluster, so nothing was queued: {what}.",
        retry_after_s=RELEASE_BUSY_RETRY_S,
        job_id=holder,
    )


def busy() -> UnavailableError:
    """Redis was not asked at all."""
    return UnavailableError(
        ErrorCode.GATEWAY_BUSY,
        "This gateway has more calls than it can take at once, and nothing was queued for this one: send it again.",
        retry_after_s=BUSY_RETRY_S,
    )


def unknown_outcome(job_id: JobId) -> UnavailableError:
    """Redis did not answer, and may have taken the job."""
    return UnavailableError(
        ErrorCode.STORE_UNAVAILABLE,
        "Redis is not reachable, and whether it took the job is unknown: look the job up by its id before you send "
        "the command again.",
        job_id=job_id,
    )


def gone(issue: Issue, *, retention_s: int) -> RequestError:
    """There was such a job, or was to be one: what is known of it without its record."""
    when = f" at {issue.at.isoformat()}" if issue.at else ""
    if issue.at and (datetime.now(UTC) - issue.at).total_seconds() < retention_s:
        why = (
            "Redis has lost it, or never took the job; whether the command ran is unknown, so look at the cluster "
            "before you send it again"
        )
    else:
        why = f"a job's record is kept for {retention_s} s after its end, and what was in it is not to be had any more"
    return RequestError(ErrorCode.JOB_GONE, f"This id was issued{when}, and its job's record is gone: {why}.")


def no_end(end: NoEnd, job: Job) -> UnavailableError:
    """The job was queued, and its end is not to be had here."""
    if end is NoEnd.NO_WORKER:
        return _no_worker(job.tool)
    if end is NoEnd.DRAINING:
        return UnavailableError(
            ErrorCode.SHUTTING_DOWN,
            f"This gateway is shutting down and the command goes on: GET /jobs/{job.id} has its result.",
            job_id=job.id,
        )
    if end is NoEnd.UNSEEN:
        return UnavailableError(
            ErrorCode.STORE_UNAVAILABLE,
            f"The job must have ended by now, and Redis was not there to say how: GET /jobs/{job.id} has its result, "
            "do not send its command again.",
            job_id=job.id,
        )
    return UnavailableError(
        ErrorCode.STORE_UNAVAILABLE, "The job's record is gone from Redis; its outcome is unknown.", job_id=job.id
    )


def _no_worker(tool: str) -> UnavailableError:
    return UnavailableError(
        ErrorCode.NO_WORKER,
        f"No live worker has {tool}: install it where a worker runs ({registry.find(tool).install_hint}) and "
        "restart that worker, or start one that has it. POST /jobs or `Prefer: respond-async` queues it till then.",
        retry_after_s=NO_WORKER_RETRY_S,
    )
